/** What failures cost a job and what is being done about them, added up from its task items; pure. */
import type { Cause } from '../domain/causes.ts';
import { countIn, parseRanges } from '../domain/item-ranges.ts';
import type { TaskItem, TaskWaiting } from '../domain/task-item.ts';

/** Tasks that wait for a retry after failing for the same reason. */
interface RetryGroup {
  readonly cause: Cause;
  readonly tasks: number;
  /** Of these, tasks whose attempt has ended and nobody has decided about: the next pass does. */
  readonly undecided: number;
  /** Epoch ms of the earliest retry; null when none is decided. */
  readonly firstMs: number | null;
  /** The most that one of them asks for next, where a failure raised it. */
  readonly memoryBytes: number | null;
  readonly timeMs: number | null;
}

/** Running tasks whose worker waited for the same limit or pool when it was last heard of. */
interface WaitGroup {
  readonly kind: TaskWaiting['kind'];
  readonly name: string;
  readonly tasks: number;
  /** Epoch ms of the first turn that one of them expects; null when nobody can say. */
  readonly nextMs: number | null;
}

export interface Trouble {
  /** Most tasks first. */
  readonly retries: readonly RetryGroup[];
  /** Attempts begun, tasks that had at least one, and how often a task was given more memory or time. */
  readonly cost: { readonly attempts: number; readonly tasks: number; readonly escalations: number };
  /** Items that killed attempts on their own and are not run any more. */
  readonly quarantinedItems: number;
  /** Tasks, without an end yet, of which an item is being looked for that kills attempts. */
  readonly isolating: number;
  /** Most tasks first. */
  readonly waits: readonly WaitGroup[];
}

export const NO_TROUBLE: Omit<Trouble, 'cost'> = { retries: [], quarantinedItems: 0, isolating: 0, waits: [] };

export interface TroubleCounter {
  add(task: TaskItem): void;
  trouble(): Trouble;
}

export function createTroubleCounter(): TroubleCounter {
  const groups = new Map<Cause, RetryGroup>();
  const cost = { attempts: 0, tasks: 0, escalations: 0 };
  const waits = new Map<string, WaitGroup>();
  let quarantinedItems = 0;
  let isolating = 0;
  return {
    add(task) {
      cost.attempts += task.attempts;
      if (task.attempts > 0) cost.tasks += 1;
      cost.escalations += task.escalations ?? 0;
      if (task.quarantined !== undefined) quarantinedItems += countIn(parseRanges(task.quarantined.items) ?? []);
      const isOpen = task.state === 'PENDING' || task.state === 'RUNNING' || task.state === 'WAIT';
      if (isOpen && task.suspects !== undefined) isolating += 1;
      if (task.state === 'RUNNING' && task.waiting !== undefined) countWait(waits, task.waiting);
      if (task.state !== 'WAIT') return;
      const cause = task.cause ?? 'unknown';
      groups.set(cause, withTask(groups.get(cause) ?? emptyGroup(cause), task));
    },
    trouble: () => ({
      retries: [...groups.values()].toSorted((a, b) => b.tasks - a.tasks),
      cost: { ...cost },
      quarantinedItems,
      isolating,
      waits: [...waits.values()].toSorted((a, b) => b.tasks - a.tasks),
    }),
  };
}

function countWait(waits: Map<string, WaitGroup>, { kind, name, untilMs }: TaskWaiting): void {
  const known = waits.get(`${kind} ${name}`);
  const tasks = (known?.tasks ?? 0) + 1;
  waits.set(`${kind} ${name}`, { kind, name, tasks, nextMs: fold(Math.min, known?.nextMs ?? null, untilMs) });
}

const emptyGroup = (cause: Cause): RetryGroup => ({
  cause,
  tasks: 0,
  undecided: 0,
  firstMs: null,
  memoryBytes: null,
  timeMs: null,
});

const withTask = (group: RetryGroup, { notBeforeMs, needs }: TaskItem): RetryGroup => ({
  cause: group.cause,
  tasks: group.tasks + 1,
  undecided: group.undecided + (notBeforeMs === undefined ? 1 : 0),
  firstMs: fold(Math.min, group.firstMs, notBeforeMs),
  memoryBytes: fold(Math.max, group.memoryBytes, needs?.memoryBytes),
  timeMs: fold(Math.max, group.timeMs, needs?.timeMs),
});

const fold = (
  choose: (a: number, b: number) => number,
  known: number | null,
  value: number | undefined,
): number | null => (value === undefined ? known : known === null ? value : choose(known, value));
