import { taskIdOf, type TaskId } from '../domain/ids.ts';

/**
 * Decides which task an element tries next. Pure: the caller claims and queries.
 *
 * Elements of a wave start on disjoint strides (element e tries tasks e, e + E, e + 2E …) by direct claims, so that hundreds starting in
 * the same second neither scan the table nor meet on one key. When its stride is used up an element looks into one random shard at
 * a time for tasks that others have not come to, until a whole pass over the shards shows none. No task is tried twice, because an attempt's
 * keys exist once.
 *
 * Tasks that ask for less than the element has are `lesser` ones: smaller elements can run them too. They are taken only when a whole pass showed
 * none of its own size, a few at a time, so that its own never wait long.
 */
export interface TaskPicker {
  next(): PickerStep;
  /** The element has run this task already; it is not tried again. */
  exclude(task: TaskId): void;
  /** The claimable tasks of the shard that the last `look` named. */
  found(claimable: Claimable): void;
}

export interface Claimable {
  /** Tasks that ask for exactly what the element has. */
  readonly own: readonly TaskId[];
  /** Tasks that ask for less. */
  readonly lesser: readonly TaskId[];
}

/** Lesser tasks tried after one look. */
const LESSER_AT_ONCE = 8;

export type PickerStep =
  | { readonly step: 'claim'; readonly task: TaskId }
  | { readonly step: 'look'; readonly shard: number }
  | { readonly step: 'done' };

export interface PickerOptions {
  /** Number of this element in its wave, and how many elements the wave has. */
  readonly element: number;
  readonly elements: number;
  /** How many tasks wave 0 has, or the list of a later wave. */
  readonly tasks: number | readonly TaskId[];
  readonly shards: number;
  /** False: only the own stride (`slurm.elements: tasks`). */
  readonly pull: boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export function createTaskPicker(options: PickerOptions): TaskPicker {
  const { tasks, elements, random } = options;
  const total = typeof tasks === 'number' ? tasks : tasks.length;
  const taskAt = (at: number): TaskId => (typeof tasks === 'number' ? taskIdOf(at) : (tasks[at] as TaskId));
  const tried = new Set<TaskId>();
  let own = options.element;
  let pool: TaskId[] = [];
  let shards = options.pull ? shuffled(numbersBelow(options.shards), random) : [];
  let foundInPass = false;
  /** What the pass before this one showed, and whether lesser tasks are taken in this one. */
  let sawLesser = false;
  let takesLesser = false;

  const beginPass = (): void => {
    shards = shuffled(numbersBelow(options.shards), random);
    takesLesser = !foundInPass && sawLesser;
    foundInPass = false;
    sawLesser = false;
  };
  const claim = (task: TaskId): PickerStep => {
    tried.add(task);
    return { step: 'claim', task };
  };
  return {
    next() {
      while (own < total) {
        const task = taskAt(own);
        own += elements;
        if (!tried.has(task)) return claim(task);
      }
      for (let task = pool.pop(); task !== undefined; task = pool.pop()) if (!tried.has(task)) return claim(task);
      if (shards.length === 0 && (foundInPass || sawLesser)) beginPass();
      const shard = shards.pop();
      return shard === undefined ? { step: 'done' } : { step: 'look', shard };
    },
    exclude: (task) => void tried.add(task),
    found({ own: candidates, lesser }) {
      const fresh = candidates.filter((task) => !tried.has(task));
      const others = lesser.filter((task) => !tried.has(task));
      if (fresh.length > 0) foundInPass = true;
      if (others.length > 0) sawLesser = true;
      // From the end: its own ones first.
      pool = takesLesser
        ? [...shuffled(others, random).slice(0, LESSER_AT_ONCE), ...shuffled(fresh, random)]
        : shuffled(fresh, random);
    },
  };
}

const numbersBelow = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

/** Fisher–Yates, in place. */
function shuffled<T>(values: T[], random: () => number): T[] {
  for (let last = values.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const value = values[last] as T;
    values[last] = values[other] as T;
    values[other] = value;
  }
  return values;
}

/**
 * Pulling elements are as many as run at once, so they may all start in one second: they spread their first claims over this many milliseconds.
 * With one element a task they start as slots come free, and a wait would only keep a slot from the next one.
 */
export const startSpreadMs = (elements: number, pull: boolean): number => (pull ? Math.min(2_000, elements * 5) : 0);
