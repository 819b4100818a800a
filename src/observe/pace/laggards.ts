/** Running tasks that deserve a look: slow ones, and those whose worker is silent. Bounded memory; pure. */
import type { TaskItem } from '../../domain/task-item.ts';

/** Longer than this many times the median task. */
const SLOW_TIMES = 3;
const LEAST_SLOW_MS = 60_000;
/** Fewer finished tasks have no median worth the name. */
const LEAST_FINISHED = 5;
/** Workers say something every half minute. */
const SILENT_MS = 120_000;
const MOST = 5;
const MOST_LENGTHS = 20_000;

export interface Laggard {
  readonly task: string;
  readonly node: string | null;
  /** For how long it runs, and how long ago its worker was heard of, milliseconds. */
  readonly runsMs: number;
  readonly silentMs: number;
  /** Items with an outcome, of how many. */
  readonly done: number;
  readonly items: number;
  /** `slow`: it runs much longer than others took. `silent`: its worker has not been heard of for minutes. */
  readonly why: 'slow' | 'silent';
}

export interface Laggards {
  /** Silent ones first, then by how long they run; a few. */
  readonly tasks: readonly Laggard[];
  readonly slow: number;
  readonly silent: number;
  /** Median length of tasks with a result; null while there are too few. */
  readonly medianMs: number | null;
}

export interface LaggardWatch {
  add(id: string, task: TaskItem): void;
  laggards(): Laggards;
}

export function createLaggardWatch(nowMs: number): LaggardWatch {
  const lengths = createSample();
  const running: (Omit<Laggard, 'why'> & { readonly isWaiting: boolean })[] = [];
  return {
    add(id, { state, win, startedMs, heartbeatMs, node, progress = 0, items, waiting }) {
      if (win?.ran !== undefined) return lengths.add(win.ran.finishedMs - win.ran.startedMs);
      if (state !== 'RUNNING' || startedMs === undefined) return;
      const runsMs = Math.max(0, nowMs - startedMs);
      const silentMs = Math.max(0, nowMs - (heartbeatMs ?? startedMs));
      const done = Math.min(progress, items);
      running.push({ task: id, node: node ?? null, runsMs, silentMs, done, items, isWaiting: waiting !== undefined });
    },
    laggards() {
      const medianMs = lengths.count() < LEAST_FINISHED ? null : lengths.median();
      const bound = medianMs === null ? Infinity : Math.max(LEAST_SLOW_MS, medianMs * SLOW_TIMES);
      const silent = running.filter(({ silentMs }) => silentMs > SILENT_MS);
      // A worker that waits for a turn is as slow as what it waits for.
      const slow = running.filter((task) => !task.isWaiting && task.silentMs <= SILENT_MS && task.runsMs > bound);
      const tasks = [...longest(silent, 'silent'), ...longest(slow, 'slow')].slice(0, MOST);
      return { tasks, slow: slow.length, silent: silent.length, medianMs };
    },
  };
}

const longest = (
  tasks: readonly (Omit<Laggard, 'why'> & { readonly isWaiting: boolean })[],
  why: Laggard['why'],
): Laggard[] =>
  tasks
    .toSorted((a, b) => b.runsMs - a.runsMs)
    .slice(0, MOST)
    .map(({ isWaiting: _isWaiting, ...task }) => ({ ...task, why }));

/** Every n-th of the values, where n doubles whenever there are too many. */
function createSample(): { add(value: number): void; count(): number; median(): number } {
  let kept: number[] = [];
  let step = 1;
  let seen = 0;
  return {
    add(value) {
      if (seen % step === 0) kept.push(value);
      seen += 1;
      if (kept.length < MOST_LENGTHS) return;
      kept = kept.filter((_, at) => at % 2 === 0);
      step *= 2;
    },
    count: () => seen,
    median: () => kept.toSorted((a, b) => a - b)[Math.floor(kept.length / 2)] ?? 0,
  };
}
