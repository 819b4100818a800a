/**
 * Simulated processes. Whatever code under test does outside itself is a call of a port, and a call is made of steps that the simulator owns:
 * the request travels, is applied at one moment, and its answer travels back. A process can be killed or stopped between any two of them.
 */
import type { Clock } from '../../../src/ports/clock.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';
import { AppError, isAppError } from '../../../src/errors/app-error.ts';
import { sleepOn } from '../../support/timer-sleep.ts';
import type { Chance } from './chance.ts';
import type { SimNode } from './nodes.ts';
import type { Trace } from './trace.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { PortName, Weather } from './weather.ts';

export type ProcessKind =
  | 'submit'
  | 'tick'
  | 'advance'
  | 'finaliser'
  | 'worker'
  | 'report'
  | 'cancel'
  | 'pause'
  | 'pause-now'
  | 'resume'
  | 'retry'
  | 'aggregate';

export interface SimProcess {
  readonly pid: number;
  readonly name: string;
  readonly kind: ProcessKind;
  readonly node: SimNode;
  /** For workers: the attempt id of its element. */
  readonly attempt: string | null;
  /** Id in the batch system of the job it runs in. */
  readonly batchJobId: string | null;
  state: 'running' | 'stopped' | 'ended' | 'dead';
  readonly stop: AbortController;
  /** Port calls made so far. */
  calls: number;
  /** Its death at a port call of its own; null: none is planned. */
  fatal: { readonly call: number; readonly sent: boolean } | null;
  /** Its sleep, as by SIGSTOP, from the nth of its port calls on whose label contains `of`; null: none is planned. */
  nap: { readonly call: number; readonly forMs: number; readonly of: string } | null;
  /** Calls made so far that its sleep counts. */
  napCalls: number;
  /** State items as this process last saw them, by `partition/sort`. */
  readonly seen: Map<string, StateItem | null>;
  /** Virtual ms until which it was stopped the last time. */
  stoppedUntilMs: number;
  readonly onEnd: ((code: number | null) => void)[];
}

export interface PortCall<T> {
  readonly port: PortName;
  /** For the trace: what is asked of what. */
  readonly label: string;
  readonly effect: 'read' | 'write';
  /** The whole effect of the call at one moment. May throw an AppError. */
  readonly apply: (request: RequestInfo) => T;
  readonly show?: (value: T) => string;
  /** What the caller gets when nothing was done, and when nobody can tell. */
  readonly refused: () => AppError;
  readonly uncertain?: () => AppError;
  /** Sent a second time by something on the way, long after. */
  readonly again?: (request: RequestInfo) => void;
  /** Longest that an ambiguous call may take to be applied after its caller gave up. */
  readonly lateMs?: number;
}

export interface RequestInfo {
  /** Tells requests apart; a repetition on the way has the number of the original. */
  readonly number: number;
}

export interface SpawnOptions {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly node: SimNode;
  readonly attempt?: string;
  readonly batchJobId?: string;
}

export interface Processes {
  /** Starts a process; `main` gives its exit code. */
  spawn(options: SpawnOptions, main: (self: SimProcess) => Promise<number>): SimProcess;
  /** SIGKILL: nothing of it ever goes on; requests that are on their way may still arrive. */
  kill(process: SimProcess, why: string): void;
  /** SIGSTOP and SIGCONT. */
  stop(process: SimProcess, why: string): void;
  resume(process: SimProcess): void;
  /** Hands something to the process when it can take it: at once, or when it is resumed. */
  deliver(process: SimProcess, fn: () => void): void;
  perform<T>(process: SimProcess, call: PortCall<T>): Promise<T>;
  clockOf(process: SimProcess): Clock;
  all(): readonly SimProcess[];
}

export interface ProcessesOptions {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly weather: Weather;
  /** A process ended with something that is no AppError. */
  readonly onBug: (process: SimProcess, error: unknown) => void;
  /** Asked for each new process: at which of its port calls it dies. */
  readonly fatalCall: (process: SimProcess) => SimProcess['fatal'];
  /** The same for falling asleep. */
  readonly napCall: (process: SimProcess) => SimProcess['nap'];
}

export const isAlive = (process: SimProcess): boolean => process.state === 'running' || process.state === 'stopped';

export function createProcesses(options: ProcessesOptions): Processes {
  const { time, chance, trace } = options;
  const known: SimProcess[] = [];
  const mailboxes = new Map<SimProcess, (() => void)[]>();
  const underWay = new Map<SimProcess, Set<{ dropped: boolean }>>();
  let requests = 0;

  const deliver = (process: SimProcess, fn: () => void): void => {
    if (process.state === 'running') fn();
    else if (process.state === 'stopped') mailboxes.get(process)?.push(fn);
  };
  const end = (process: SimProcess, state: 'ended' | 'dead', code: number | null): void => {
    process.state = state;
    mailboxes.delete(process);
    for (const told of process.onEnd) told(code);
  };
  const kill = (process: SimProcess, why: string): void => {
    if (!isAlive(process)) return;
    trace.add(process.name, `KILLED: ${why}`);
    for (const request of underWay.get(process) ?? []) request.dropped = chance.one(0.5);
    end(process, 'dead', null);
  };
  const stop = (process: SimProcess, why: string): void => {
    if (process.state !== 'running') return;
    trace.add(process.name, `STOPPED: ${why}`);
    process.state = 'stopped';
  };
  const resume = (process: SimProcess): void => {
    if (process.state !== 'stopped') return;
    trace.add(process.name, 'CONTINUED');
    process.state = 'running';
    process.stoppedUntilMs = time.nowMs();
    const waiting = mailboxes.get(process) ?? [];
    mailboxes.set(process, []);
    for (const fn of waiting) time.after(0, true, () => deliver(process, fn));
  };
  const nap = (process: SimProcess, forMs: number): void => {
    // Not in the middle of what it does: its answer finds it asleep.
    time.after(0, false, () => {
      stop(process, `for ${Math.round(forMs / 1_000)} s`);
      time.after(forMs, true, () => resume(process));
    });
  };
  const performing = createPerforming({ ...options, deliver, kill, nap, underWay, nextNumber: () => (requests += 1) });

  return {
    all: () => known,
    deliver,
    kill,
    perform: performing,
    spawn(spec, main) {
      const process: SimProcess = {
        pid: 1_000 + known.length,
        name: spec.name,
        kind: spec.kind,
        node: spec.node,
        attempt: spec.attempt ?? null,
        batchJobId: spec.batchJobId ?? null,
        state: 'running',
        stop: new AbortController(),
        calls: 0,
        fatal: null,
        nap: null,
        napCalls: 0,
        seen: new Map(),
        stoppedUntilMs: -1,
        onEnd: [],
      };
      process.fatal = options.fatalCall(process);
      process.nap = options.napCall(process);
      known.push(process);
      mailboxes.set(process, []);
      underWay.set(process, new Set());
      trace.add(process.name, `starts on ${process.node.name}`);
      time.after(0, true, () =>
        deliver(process, () => {
          main(process).then(
            (code) => {
              if (!isAlive(process)) return;
              trace.add(process.name, `exits with ${code}`);
              end(process, 'ended', code);
            },
            (error: unknown) => {
              if (!isAlive(process)) return;
              trace.add(process.name, `fails: ${isAppError(error) ? error.code : String(error)}`);
              if (!isAppError(error)) options.onBug(process, error);
              end(process, 'ended', 1);
            },
          );
        }),
      );
      return process;
    },
    stop,
    resume,
    clockOf: (process) => createClock(time, process, deliver),
  };
}

/** A call nobody will ever answer. */
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

interface Performing extends ProcessesOptions {
  readonly deliver: Processes['deliver'];
  readonly kill: Processes['kill'];
  readonly nap: (process: SimProcess, forMs: number) => void;
  readonly underWay: Map<SimProcess, Set<{ dropped: boolean }>>;
  readonly nextNumber: () => number;
}

function createPerforming(options: Performing): Processes['perform'] {
  const { time, trace, weather } = options;

  return <T>(process: SimProcess, call: PortCall<T>): Promise<T> => {
    if (!isAlive(process)) return never();
    process.calls += 1;
    const info = { number: options.nextNumber() };
    const dies = process.fatal?.call === process.calls;
    if (dies && process.fatal?.sent === false) {
      options.kill(process, `at its call ${process.calls}, before ${call.port} ${call.label}`);
      return never();
    }
    if (process.nap !== null && call.label.includes(process.nap.of)) {
      process.napCalls += 1;
      if (process.nap.call === process.napCalls) options.nap(process, process.nap.forMs);
    }
    const fate = weather.fateOf(process, call.port, call.effect);
    const request = { dropped: false };
    const own = options.underWay.get(process) as Set<typeof request>;
    return new Promise<T>((resolve, reject) => {
      const label = `${call.port}.${call.label}`;
      const answer = (afterMs: number, give: () => void): void => {
        time.after(afterMs, true, () => options.deliver(process, give));
      };
      const run = (note: string): { value: T } | { error: unknown } | null => {
        own.delete(request);
        if (request.dropped) return null;
        try {
          const value = call.apply(info);
          trace.add(process.name, `${label} → ${call.show?.(value) ?? 'ok'}${note}`);
          return { value };
        } catch (error) {
          trace.add(process.name, `${label} → ${isAppError(error) ? error.code : String(error)}${note}`);
          return { error };
        }
      };
      const fail = (note: string, error: AppError, afterMs: number): void => {
        trace.add(process.name, `${label} ✗ ${error.code} (${note})`);
        answer(afterMs, () => reject(error));
      };
      own.add(request);
      time.after(fate.requestMs, false, () => {
        switch (fate.kind) {
          case 'refused':
            own.delete(request);
            return fail('refused', call.refused(), fate.answerMs);
          case 'dropped':
            own.delete(request);
            return fail('never arrives', (call.uncertain ?? call.refused)(), fate.answerMs);
          case 'late': {
            if (call.effect === 'read') return fail('no answer', call.refused(), fate.answerMs);
            const error = (call.uncertain ?? call.refused)();
            fail('no answer', error, fate.answerMs);
            time.after(Math.min(fate.lateMs, call.lateMs ?? Infinity), false, () => void run(' (LATE)'));
            return;
          }
          case 'lost': {
            const outcome = run(' (answer lost)');
            if (outcome === null) return;
            return fail('answer lost', (call.uncertain ?? call.refused)(), fate.answerMs);
          }
          case 'twice':
          case 'fine': {
            const outcome = run('');
            if (outcome === null) return;
            if ('error' in outcome) answer(fate.answerMs, () => reject(outcome.error as Error));
            else answer(fate.answerMs, () => resolve(outcome.value));
            const again = call.again;
            if (fate.kind === 'twice' && call.effect === 'write' && again !== undefined)
              time.after(fate.lateMs, false, () => {
                trace.add(process.name, `${label} (TWICE)`);
                again(info);
              });
            return;
          }
        }
      });
      if (dies) {
        options.kill(process, `at its call ${process.calls}, with ${label} on its way`);
        request.dropped = false;
      }
    });
  };
}

function createClock(time: VirtualTime, process: SimProcess, deliver: Processes['deliver']): Clock {
  const { clock } = process.node;
  const timer = (ms: number, fn: () => void): (() => void) => {
    const scheduled = time.after(clock.virtualMs(ms), true, () => deliver(process, fn));
    return () => scheduled.cancel();
  };
  return {
    nowMs: () => clock.wallMs(time.nowMs()),
    monotonicMs: () => clock.monotonicMs(time.nowMs()),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      await sleepOn(timer, ms, signal);
    },
    after: timer,
    every(ms, fn) {
      let cancelNext = (): void => undefined;
      const arm = (): void => {
        cancelNext = timer(ms, () => {
          arm();
          fn();
        });
      };
      arm();
      return () => cancelNext();
    },
  };
}
