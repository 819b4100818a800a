/** A queue that loses, doubles and reorders as it likes: its messages are hints. */
import { AppError } from '../../../src/errors/app-error.ts';
import type { ReceivedMessage, RetryMessage, RetryQueue } from '../../../src/ports/retry-queue.ts';
import type { Chance } from '../core/chance.ts';
import type { Processes, SimProcess } from '../core/processes.ts';
import type { VirtualTime } from '../core/virtual-time.ts';

export interface QueueFaults {
  /** Share of messages that vanish; 1: all of them. */
  readonly lost: number;
  readonly doubled: number;
}

interface Queued {
  readonly message: RetryMessage;
  receipt: string;
  visibleMs: number;
  receives: number;
}

const unavailable = (): AppError => new AppError('QUEUE_UNAVAILABLE', { message: 'simulated: no answer' });

export function createSimQueue(options: {
  readonly processes: Processes;
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly faults: QueueFaults;
}): { portOf(process: SimProcess): RetryQueue } {
  const { processes, time, chance, faults } = options;
  let messages: Queued[] = [];
  let receipts = 0;
  const call = <T>(process: SimProcess, label: string, apply: () => T): Promise<T> =>
    processes.perform(process, {
      port: 'queue',
      label,
      effect: 'write',
      refused: unavailable,
      apply,
      again: () => void apply(),
    });
  return {
    portOf: (process) => ({
      rootUrl: 'file:///queue',
      send: (batch, delayMs) =>
        call(process, `send ${batch.map(({ task }) => task).join(' ')} in ${delayMs} ms`, () => {
          for (const message of batch)
            for (let copies = chance.one(faults.doubled) ? 2 : 1; copies > 0; copies -= 1)
              if (!chance.one(faults.lost))
                messages.push({ message, receipt: '', visibleMs: time.nowMs() + delayMs, receives: 0 });
        }),
      receive: ({ max, visibilityMs }) =>
        call(process, 'receive', () => {
          const visible = messages.filter((queued) => queued.visibleMs <= time.nowMs());
          return chance
            .shuffled(visible)
            .slice(0, max)
            .flatMap((queued): ReceivedMessage[] => {
              receipts += 1;
              Object.assign(queued, {
                receipt: `r${receipts}`,
                visibleMs: time.nowMs() + visibilityMs,
                receives: queued.receives + 1,
              });
              const received = {
                message: queued.message,
                receipt: queued.receipt,
                receiveCount: queued.receives,
              };
              return chance.one(faults.doubled) ? [received, received] : [received];
            });
        }),
      ack: (gone) =>
        call(process, `ack ${gone.length}`, () => {
          messages = messages.filter((queued) => !gone.includes(queued.receipt) || chance.one(faults.doubled));
        }),
      extend: (receipt, visibilityMs) =>
        call(process, 'extend', () => {
          const held = messages.find((queued) => queued.receipt === receipt);
          if (held !== undefined) held.visibleMs = time.nowMs() + visibilityMs;
          return held !== undefined;
        }),
      depth: () => call(process, 'depth', () => ({ visible: messages.length, inFlight: 0, delayed: 0, dead: 0 })),
      async *deadLetters() {},
      purge: (job) =>
        call(process, 'purge', () => {
          messages = messages.filter((queued) => queued.message.job !== job);
        }),
    }),
  };
}
