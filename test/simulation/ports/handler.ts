/** The user's handler, with items that fail, hang and ignore their signal; and the ledger of what was run. */
import type { JobSpec } from '../../../src/domain/job-spec.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { HandlerHost, HandlerResult } from '../../../src/ports/handler-host.ts';
import type { InputSources } from '../../../src/ports/input-source.ts';
import type { Chance } from '../core/chance.ts';
import type { Processes, SimProcess } from '../core/processes.ts';
import type { VirtualTime } from '../core/virtual-time.ts';

/** What an item does when it is run. */
export interface ItemBehaviour {
  readonly kind: 'fine' | 'fails-first' | 'always-fails' | 'hangs-first' | 'deaf' | 'poison' | 'hungry';
  readonly durationMs: number;
  /** A hungry item's process is killed where its element asked for less. */
  readonly needsBytes?: number;
}

/** Items that end their process in the middle of the run. */
export const isDeadly = ({ kind }: ItemBehaviour): boolean => kind === 'poison' || kind === 'hungry';

/** One run of an item by the handler. */
export interface Run {
  readonly attempt: string;
  readonly item: number;
  readonly task: string;
  readonly startedMs: number;
  ended: 'running' | 'succeeded' | 'failed';
}

export const outputOf = (item: number): number => item * 2 + 1;

export function createSimHandlers(options: {
  readonly processes: Processes;
  readonly time: VirtualTime;
  readonly behaviours: readonly ItemBehaviour[];
  readonly onRun: (process: SimProcess, run: Run) => void;
  /** A deadly item has come to the point at which it does what it does to its process. */
  readonly onDeadly: (process: SimProcess, behaviour: ItemBehaviour) => void;
}): { readonly runs: readonly Run[]; portOf(process: SimProcess): HandlerHost } {
  const { processes, time, behaviours } = options;
  const runs: Run[] = [];
  const refused = (): AppError => new AppError('HANDLER_NOT_LOADABLE', { message: 'simulated: the node is broken' });

  const begin = (process: SimProcess, item: number, task: string): Promise<Run> =>
    processes.perform(process, {
      port: 'handler',
      label: `run item ${item}`,
      effect: 'write',
      refused,
      apply: () => {
        const run: Run = { attempt: process.attempt ?? '', item, task, startedMs: time.nowMs(), ended: 'running' };
        options.onRun(process, run);
        runs.push(run);
        return run;
      },
      show: () => 'started',
    });
  const resultOf = (run: Run, { kind }: ItemBehaviour): HandlerResult => {
    const earlier = runs.filter(({ item }) => item === run.item).length - 1;
    if (kind === 'always-fails' || (kind === 'fails-first' && earlier === 0))
      return { ok: false, cause: 'handler-error', errorClass: 'SimError', errorMessage: `item ${run.item} fails` };
    return { ok: true, output: { value: outputOf(run.item), by: run.attempt } };
  };
  return {
    runs,
    portOf: (process) => ({
      load: () =>
        processes.perform(process, {
          port: 'handler',
          label: 'load',
          effect: 'read',
          refused,
          apply: () => {
            if (process.node.broken) throw refused();
            return {
              async run(_payload, context) {
                const { index } = context.item;
                const behaviour = behaviours[index] as ItemBehaviour;
                const run = await begin(process, index, context.task.id);
                const isFirst = runs.filter(({ item }) => item === index).length === 1;
                const hangs = behaviour.kind === 'hangs-first' && isFirst;
                return await new Promise<HandlerResult>((resolve) => {
                  const finish = (result: HandlerResult): void => {
                    if (run.ended === 'running') run.ended = result.ok ? 'succeeded' : 'failed';
                    resolve(result);
                  };
                  if (!hangs)
                    time.after(behaviour.durationMs, true, () =>
                      processes.deliver(process, () => finish(resultOf(run, behaviour))),
                    );
                  if (isDeadly(behaviour))
                    time.after(behaviour.durationMs / 2, true, () => {
                      if (run.ended === 'running')
                        processes.deliver(process, () => options.onDeadly(process, behaviour));
                    });
                  if (behaviour.kind === 'deaf') return;
                  const { signal } = context;
                  const aborted = (): void => {
                    const errorMessage = 'aborted';
                    time.after(50, true, () =>
                      processes.deliver(process, () =>
                        finish({ ok: false, cause: 'handler-error', errorClass: 'AbortError', errorMessage }),
                      ),
                    );
                  };
                  if (signal.aborted) aborted();
                  else signal.addEventListener('abort', aborted, { once: true });
                });
              },
              close: () => Promise.resolve(),
            };
          },
        }),
    }),
  };
}

/** How the items of a seed behave. `trouble`: the share that fails in some way; `deadly`: the share that ends its process. */
export function drawBehaviours(
  chance: Chance,
  items: number,
  { trouble, deadly, slow }: { readonly trouble: number; readonly deadly: number; readonly slow: boolean },
): ItemBehaviour[] {
  const longest = chance.pick(slow ? [10_000, 25_000, 28_000] : [1_000, 6_000, 25_000]);
  return Array.from({ length: items }, () => {
    const durationMs = chance.between(longest / 20, longest);
    if (chance.one(deadly))
      return chance.one(0.5)
        ? { kind: 'poison', durationMs }
        : { kind: 'hungry', durationMs, needsBytes: chance.pick([1.2e9, 2e9]) };
    if (!chance.one(trouble)) return { kind: 'fine', durationMs };
    return { kind: chance.pick(['fails-first', 'always-fails', 'hangs-first', 'deaf'] as const), durationMs };
  });
}

/** Records `{n: <index>}`, a few at a time; those in `bad` cannot be parsed. */
export function simInput(
  processes: Processes,
  process: SimProcess,
  input: { readonly items: number; readonly bad: ReadonlySet<number> },
): InputSources {
  const CHUNK = 5;
  return {
    async *open(_spec: JobSpec['input']) {
      for (let first = 0; first < input.items; first += CHUNK) {
        const numbers = Array.from({ length: Math.min(CHUNK, input.items - first) }, (_, at) => first + at);
        yield await processes.perform(process, {
          port: 'input',
          label: `read from record ${first}`,
          effect: 'read',
          refused: () => new AppError('INPUT_UNREADABLE', { message: 'simulated' }),
          apply: () => {
            const lines = numbers.map((n) => Buffer.from(input.bad.has(n) ? '"not json"\n' : `{"n":${n}}\n`));
            let end = 0;
            return {
              bytes: Buffer.concat(lines),
              ends: lines.map((line) => (end += line.length)),
              bad: numbers.flatMap((n, index) =>
                input.bad.has(n) ? [{ index, message: 'simulated bad record' }] : [],
              ),
            };
          },
        });
      }
    },
  };
}
