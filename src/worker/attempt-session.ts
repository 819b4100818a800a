import type { ElementContext, StopReason } from './needs.ts';
import type { Checkpointer } from './checkpointer.ts';
import { drainGraceMs } from './drain-plan.ts';
import type { Progress } from './outcome-buffer.ts';
import { isTransient } from './patience.ts';
import type { RunningItems } from './run-items.ts';
import { heartbeat, waitingOf, type ClaimedTask } from './task-writes.ts';
import { HEARTBEAT_MS, whileBeating } from './while-beating.ts';

/** What goes on beside the items of a task: heartbeats, checkpoints, and the stop signal. */
export interface AttemptSession {
  /** Ends all of it; resolves when no write is under way any more. */
  close(): Promise<void>;
  /** True once a write showed that the attempt no longer owns the task. */
  isFenced(): boolean;
  /** What the items waited for when the worker was told to stop, if all those in flight only waited: in words. Null: they did not. */
  awaited(): string | null;
  /** What went wrong beside the items and is no passing trouble; thrown by whoever closes. */
  failure(): unknown;
}

export interface SessionOptions {
  readonly claimed: ClaimedTask;
  readonly running: RunningItems;
  readonly checkpointer: Checkpointer;
  /** Stores what was logged since the last checkpoint; never rejects for what the store does. */
  readonly shipLog: () => Promise<void>;
  readonly checkpointEveryMs: number;
  readonly progress: () => Progress;
}

/** A wait that is this long is told before the first heartbeat, which comes when people have asked themselves for half a minute why nothing happens. */
const FIRST_WAIT_MS = 5_000;

export function startSession(context: ElementContext, options: SessionOptions): AttemptSession {
  const { clock, stop, log } = context.deps;
  const { claimed, running } = options;
  let fenced = false;
  let failure: unknown;
  let closed = false;
  let awaited: string | null = null;
  const turns = createTurns();
  const cancels: (() => void)[] = [];

  const halt = (reason: string): void => {
    running.stopTaking();
    running.abort(reason);
  };
  const fence = (): void => {
    if (fenced) return;
    fenced = true;
    log.warn('another attempt owns the task, leaving it', { task: claimed.task });
    halt('the attempt lost its task');
  };
  const exclusively = (what: string, write: () => Promise<boolean>): void =>
    turns.take(what, async () => {
      if (closed || fenced) return;
      try {
        if (!(await write())) fence();
      } catch (error) {
        if (isTransient(error)) log.warn(`${what} failed, going on`, { task: claimed.task, error: String(error) });
        else {
          failure ??= error;
          halt(`${what} failed`);
        }
      }
    });
  const drain = (): void => {
    // Stopping ends the waits.
    awaited = awaitedBy(context, running);
    running.stopTaking();
    cancels.push(clock.after(graceMs(context), () => running.abort('the worker was told to stop')));
  };

  cancels.push(...scheduleWrites(context, options, exclusively));
  if (stop.aborted) drain();
  else {
    stop.addEventListener('abort', drain, { once: true });
    cancels.push(() => stop.removeEventListener('abort', drain));
  }
  return {
    async close() {
      closed = true;
      for (const cancel of cancels) cancel();
      await turns.over();
    },
    isFenced: () => fenced,
    awaited: () => awaited,
    failure: () => failure,
  };
}

/** Heartbeats and checkpoints; returns what ends each of them. */
function scheduleWrites(
  context: ElementContext,
  options: SessionOptions,
  exclusively: (what: string, write: () => Promise<boolean>) => void,
): (() => void)[] {
  const { clock } = context.deps;
  const beat = (): void => exclusively('heartbeat', () => heartbeat(context, options.claimed.key, options.progress()));
  return [
    clock.after(FIRST_WAIT_MS, () => {
      if (waitOf(context) !== null) beat();
    }),
    clock.every(HEARTBEAT_MS, beat),
    clock.every(options.checkpointEveryMs, () => exclusively('checkpoint', () => saveBeating(context, options))),
  ];
}

const graceMs = ({ deps, input }: ElementContext): number =>
  drainGraceMs({ reason: deps.stop.reason as StopReason, nowMs: deps.clock.nowMs(), endsAtMs: input.endsAtMs });

const waitOf = ({ deps, pools }: ElementContext) => waitingOf({ limiter: deps.limiter, pools });

function awaitedBy(context: ElementContext, running: RunningItems): string | null {
  if (!running.onlyWaits()) return null;
  const waiting = waitOf(context);
  return waiting === null ? 'limits or pools' : `${waiting.kind} ${waiting.name}`;
}

/** The heartbeats of the session wait their turn meanwhile. False: the attempt no longer owns the task. */
async function saveBeating(context: ElementContext, options: SessionOptions): Promise<boolean> {
  const { claimed, progress, checkpointer, shipLog } = options;
  const { result, lost } = await whileBeating(context, claimed, progress, async () => {
    try {
      return await checkpointer.save();
    } finally {
      await shipLog();
    }
  });
  return result !== 'fenced' && !lost;
}

/** One turn after the other: what is due while another has its turn comes right after it, but nothing waits twice. */
function createTurns() {
  const waiting = new Set<string>();
  let last = Promise.resolve();
  return {
    take(what: string, turn: () => Promise<void>): void {
      if (waiting.has(what)) return;
      waiting.add(what);
      last = last.then(turn).finally(() => waiting.delete(what));
    },
    over: () => last,
  };
}
