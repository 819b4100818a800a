import { CELL_STATES, type CellState, type HeatMap, type NamedTask, type Panel } from './document.ts';
import type { Facts, TaskFacts } from './task-facts.ts';

/** More cells than this are smaller than a finger and a megabyte of page. */
const MOST_CELLS = 10_000;
const MOST_NAMED = 20;
const MOST_NODES = 1_000;

/** Packs the tasks of a job into cells; pure. */
export function heatMapOf({ tasks, attempts }: Pick<Facts, 'tasks' | 'attempts'>, nowMs: number): Panel<HeatMap> {
  if (tasks.length === 0) return { missing: 'The input is not split into tasks yet.' };
  const tasksPerCell = Math.ceil(tasks.length / MOST_CELLS);
  const cells = Math.ceil(tasks.length / tasksPerCell);
  const lengths = lengthsOf(tasks, attempts, nowMs);
  const nodeNames = nodesOf(tasks);
  const places = new Map(nodeNames.map((node, place) => [node, place]));
  const groups = Array.from({ length: cells }, (_, cell) =>
    tasks.slice(cell * tasksPerCell, (cell + 1) * tasksPerCell),
  );
  return {
    tasksPerCell,
    columns: columnsFor(cells),
    cells,
    state: groups.map((group) => Math.max(...group.map(({ state }) => CELL_STATES.indexOf(state)))),
    ms: groups.map((group) => Math.round(Math.max(...group.map(({ task }) => lengths.get(task) ?? -1)))),
    node: groups.map((group) => places.get(group[0]?.node ?? '') ?? -1),
    attempts: groups.map((group) => Math.max(...group.map((task) => task.attempts))),
    nodeNames,
    counts: countsOf(tasks),
    ...namedOf(tasks, lengths),
  };
}

/** About twice as wide as high. */
const columnsFor = (cells: number): number => Math.min(cells, Math.max(20, Math.ceil(Math.sqrt(cells * 2.2))));

/** Of the attempt that won or runs; for a task that was given up, of its last attempt that ended. */
function lengthsOf(
  tasks: readonly TaskFacts[],
  attempts: Facts['attempts'],
  nowMs: number,
): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>();
  for (const { task, fromMs, toMs, ending } of attempts)
    if (ending === 'failed') lengths.set(task, Math.max(0, toMs - fromMs));
  for (const { task, startedMs, finishedMs } of tasks)
    if (startedMs !== null) lengths.set(task, Math.max(0, (finishedMs ?? nowMs) - startedMs));
  return lengths;
}

function nodesOf(tasks: readonly TaskFacts[]): string[] {
  const used = new Map<string, number>();
  for (const { node } of tasks) if (node !== null) used.set(node, (used.get(node) ?? 0) + 1);
  return [...used]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST_NODES)
    .map(([node]) => node);
}

function countsOf(tasks: readonly TaskFacts[]): Record<CellState, number> {
  const counts = Object.fromEntries(CELL_STATES.map((state) => [state, 0])) as Record<CellState, number>;
  for (const { state } of tasks) counts[state] += 1;
  return counts;
}

function namedOf(
  tasks: readonly TaskFacts[],
  lengths: ReadonlyMap<string, number>,
): Pick<HeatMap, 'slowest' | 'mostTried'> {
  const named = ({ task, state, attempts, node }: TaskFacts): NamedTask => ({
    task,
    state,
    attempts,
    node,
    ms: lengths.get(task) ?? -1,
  });
  const lengthOf = ({ task }: TaskFacts): number => lengths.get(task) ?? -1;
  return {
    slowest: tasks
      .filter((task) => lengthOf(task) >= 0)
      .toSorted((a, b) => lengthOf(b) - lengthOf(a))
      .slice(0, MOST_NAMED)
      .map(named),
    mostTried: tasks
      .filter(({ attempts }) => attempts > 1)
      .toSorted((a, b) => b.attempts - a.attempts)
      .slice(0, MOST_NAMED)
      .map(named),
  };
}
