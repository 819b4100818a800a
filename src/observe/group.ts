/** One group of failures while they are counted: of bounded size however many they are. Pure. */
import type { Cause } from '../domain/causes.ts';
import { taskNumber, type TaskId } from '../domain/ids.ts';
import type { FailingAttempt, FailingItem, FailingTask, Sample, Whereabouts } from './failing-task.ts';
import { createNumberSet, type NumberSet } from './number-set.ts';
import { byMost, createTally, type Counted, type Tally } from './tally.ts';
import type { TimeSpans } from './time-spans.ts';

/** Keys of each kind that a group counts. */
const MOST_NODES = 64;
const MOST_FINGERPRINTS = 64;
const MOST_TASKS = 16;
const MOST_SIZES = 16;
/** Tasks, and items of each, whose sizes in the input are looked at. */
const MEASURED_TASKS = 3;
const MEASURED_ITEMS = 20;

export interface Group {
  readonly key: string;
  items: number;
  attempts: number;
  /** Numbers of the tasks with such failures. */
  readonly tasks: NumberSet;
  /** Of those, the ended ones with such items. */
  readonly endedTasks: NumberSet;
  /** Items of tasks that have ended. */
  endedItems: number;
  readonly causes: Map<Cause, { items: number; attempts: number }>;
  readonly fingerprints: Tally;
  readonly nodes: Tally;
  readonly byTask: Tally;
  /** By what their elements had asked for, in bytes. */
  readonly memory: Tally;
  /** By begin of the span. */
  readonly times: Map<number, { items: number; attempts: number }>;
  firstMs: number | null;
  lastMs: number | null;
  mostMemoryBytes: number;
  mostTimeMs: number;
  sample: Sample;
  /** A few of its items, in the first of its tasks. */
  measured: readonly { readonly task: TaskId; readonly items: readonly number[] }[];
  /** What the messages of several kinds have in common; null while it is one kind. */
  template: string | null;
}

export function createGroup(key: string, sample: Sample): Group {
  return {
    key,
    items: 0,
    attempts: 0,
    tasks: createNumberSet(),
    endedTasks: createNumberSet(),
    endedItems: 0,
    causes: new Map(),
    fingerprints: createTally(MOST_FINGERPRINTS),
    nodes: createTally(MOST_NODES),
    byTask: createTally(MOST_TASKS),
    memory: createTally(MOST_SIZES),
    times: new Map(),
    firstMs: null,
    lastMs: null,
    mostMemoryBytes: 0,
    mostTimeMs: 0,
    sample,
    measured: [],
    template: null,
  };
}

/** The failures of one task that belong to one group. */
export interface Portion {
  readonly task: FailingTask;
  readonly items: readonly FailingItem[];
  readonly attempts: readonly FailingAttempt[];
}

export function addPortion(group: Group, { task, items, attempts }: Portion, spans: TimeSpans): void {
  group.tasks.add(taskNumber(task.task));
  group.items += items.length;
  group.attempts += attempts.length;
  if (task.hasEnded) group.endedItems += items.length;
  group.byTask.add(task.task, items.length, attempts.length);
  if (items.length > 0) addPlace(group, task.where, { items: items.length, attempts: 0 }, spans);
  for (const attempt of attempts) addPlace(group, attempt, { items: 0, attempts: 1 }, spans);
  addKinds(group, items, 'items');
  addKinds(group, attempts, 'attempts');
  group.sample = firstOf(group.sample, sampleOf({ task, items, attempts }));
  if (items.length === 0) return;
  const last = group.measured.at(-1);
  if (last === undefined || group.measured.length < MEASURED_TASKS || taskNumber(task.task) < taskNumber(last.task))
    group.measured = firstTasks([
      ...group.measured,
      { task: task.task, items: items.slice(0, MEASURED_ITEMS).map(({ item }) => item) },
    ]);
  if (task.hasEnded) group.endedTasks.add(taskNumber(task.task));
}

interface Counts {
  readonly items: number;
  readonly attempts: number;
}

function addPlace(group: Group, where: Whereabouts, { items, attempts }: Counts, spans: TimeSpans): void {
  const { node, startedMs, endedMs, memoryBytes, timeMs } = where;
  if (node !== null) group.nodes.add(node, items, attempts);
  group.memory.add(String(memoryBytes), items, attempts);
  group.mostMemoryBytes = Math.max(group.mostMemoryBytes, memoryBytes);
  group.mostTimeMs = Math.max(group.mostTimeMs, timeMs);
  if (endedMs !== null) addTo(group.times, spans.of(endedMs), { items, attempts });
  group.firstMs = least(group.firstMs, startedMs ?? endedMs);
  group.lastMs = most(group.lastMs, endedMs ?? startedMs);
}

function addKinds(
  group: Group,
  failures: readonly { readonly fingerprint: string; readonly cause: Cause }[],
  kind: 'items' | 'attempts',
): void {
  const seen = new Map<string, { cause: Cause; count: number }>();
  for (const { fingerprint, cause } of failures) {
    const known = seen.get(fingerprint);
    if (known === undefined) seen.set(fingerprint, { cause, count: 1 });
    else known.count += 1;
  }
  for (const [fingerprint, { cause, count }] of seen) {
    const counts = { items: 0, attempts: 0, [kind]: count };
    group.fingerprints.add(fingerprint, counts.items, counts.attempts);
    addTo(group.causes, cause, counts);
  }
}

function addTo<K>(map: Map<K, { items: number; attempts: number }>, key: K, { items, attempts }: Counts): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, { items, attempts });
  else {
    known.items += items;
    known.attempts += attempts;
  }
}

const least = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));
const most = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));

/** Of the failures of a portion. */
export function sampleOf({ task: whole, items, attempts }: Portion): Sample {
  // Not the task itself: with it thousands of samples would hold all failures of theirs.
  const task = { task: whole.task, state: whole.state, firstItem: whole.firstItem };
  const [first] = items;
  if (first !== undefined) {
    const { cause, errorClass, message, item, itemId } = items.reduce((a, b) => (b.item < a.item ? b : a), first);
    return { task, where: whole.where, cause, errorClass, message, item: { item, itemId } };
  }
  const attempt = attempts[0] as FailingAttempt;
  const { cause, message } = attempt;
  return { task, where: attempt, cause, errorClass: null, message, item: null };
}

function firstOf(a: Sample, b: Sample): Sample {
  if ((a.item === null) !== (b.item === null)) return a.item === null ? b : a;
  const order = taskNumber(a.task.task) - taskNumber(b.task.task) || (a.item?.item ?? 0) - (b.item?.item ?? 0);
  return order <= 0 ? a : b;
}

const firstTasks = (measured: Group['measured']): Group['measured'] =>
  measured.toSorted((a, b) => taskNumber(a.task) - taskNumber(b.task)).slice(0, MEASURED_TASKS);

/** Puts what `other` counted into `group`. */
export function absorb(group: Group, other: Group): void {
  group.items += other.items;
  group.attempts += other.attempts;
  group.tasks.addAll(other.tasks);
  group.endedTasks.addAll(other.endedTasks);
  group.endedItems += other.endedItems;
  for (const [cause, counts] of other.causes) addTo(group.causes, cause, counts);
  for (const [span, counts] of other.times) addTo(group.times, span, counts);
  for (const tally of ['fingerprints', 'nodes', 'byTask', 'memory'] as const) group[tally].addAll(other[tally]);
  group.firstMs = least(group.firstMs, other.firstMs);
  group.lastMs = most(group.lastMs, other.lastMs);
  group.mostMemoryBytes = Math.max(group.mostMemoryBytes, other.mostMemoryBytes);
  group.mostTimeMs = Math.max(group.mostTimeMs, other.mostTimeMs);
  group.sample = firstOf(group.sample, other.sample);
  group.measured = firstTasks([...group.measured, ...other.measured]);
}

export const countedAs = ({ key, items, attempts }: Group): Counted => ({ key, items, attempts });

/** Most items first; see `byMost`. */
export const byLargest = (a: Group, b: Group): number => byMost(countedAs(a), countedAs(b));
