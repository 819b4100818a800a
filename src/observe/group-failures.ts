/**
 * Failures into groups, in memory that does not grow with their number. With up to `MOST_KEPT` kinds the result is the same in whatever order the tasks
 * come; with more, small groups make room, and what they held is told as `others`. Pure.
 */
import type { Cause } from '../domain/causes.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import { templateOf } from '../domain/fingerprint.ts';
import { createMiner, type Miner } from './drain.ts';
import type { FailingAttempt, FailingItem, FailingTask, Sample, Whereabouts } from './failing-task.ts';
import { absorb, addPortion, byLargest, createGroup, sampleOf, type Group } from './group.ts';
import type { TimeSpans } from './time-spans.ts';

/** Groups counted at once, of which half are kept when there are more. */
const MOST_KEPT = 2_000;
/** Groups that are told one by one; kinds of failure that are more are put together where they read alike. */
export const MOST_TOLD = 200;

export interface Grouped {
  /** Largest first, at most `MOST_TOLD`. */
  readonly groups: readonly Group[];
  /** What is in none of these. */
  readonly others: { readonly groups: number; readonly items: number; readonly attempts: number };
  /** True when groups had to make room: counts of small groups may be too low. */
  readonly isCut: boolean;
  readonly items: number;
  readonly attempts: number;
  /** Items of ended tasks, by cause: what `retry --cause` runs again. */
  readonly endedItems: ReadonlyMap<Cause, number>;
}

export interface Grouper {
  /** Each task once. */
  add(task: FailingTask): void;
  /** Once, at the end. */
  grouped(): Grouped;
}

export function createGrouper(by: Grouping, spans: TimeSpans, mostKept = MOST_KEPT): Grouper {
  let groups = new Map<string, Group>();
  /** Finds the group that another kind of failure reads like, once there have been too many. */
  let miner: Miner | null = null;
  const others = { groups: 0, items: 0, attempts: 0 };
  const endedItems = new Map<Cause, number>();
  let [items, attempts] = [0, 0];
  const leaveOut = (group: Group): void => {
    others.groups += 1;
    others.items += group.items;
    others.attempts += group.attempts;
  };
  const makeRoom = (): void => {
    const merged = by === 'fingerprint' ? mergeAlike([...groups.values()]) : [...groups.values()];
    const sorted = merged.toSorted(byLargest);
    const kept = sorted.slice(0, mostKept / 2);
    for (const group of sorted.slice(kept.length)) leaveOut(group);
    groups = new Map(kept.map((group) => [group.key, group]));
    if (by !== 'fingerprint') return;
    miner = createMiner();
    for (const group of kept) miner.place({ key: group.key, ...readableOf(group) });
  };
  const groupOf = (key: string, sample: Sample): Group => {
    const known = groups.get(key);
    if (known !== undefined) return known;
    const alike = miner?.place({ key, ...readableOf({ sample, template: null }) });
    const like = alike === undefined ? undefined : groups.get(alike.key);
    if (alike !== undefined && like !== undefined) {
      like.template = alike.template;
      return like;
    }
    const made = createGroup(key, sample);
    groups.set(key, made);
    return made;
  };
  return {
    add(task) {
      items += task.items.length;
      attempts += task.attempts.length;
      if (task.hasEnded) for (const { cause } of task.items) endedItems.set(cause, (endedItems.get(cause) ?? 0) + 1);
      for (const [key, portion] of portionsOf(task, by, spans)) {
        addPortion(groupOf(key, sampleOf({ task, ...portion })), { task, ...portion }, spans);
        if (groups.size > mostKept) makeRoom();
      }
    },
    grouped() {
      const isCut = others.groups > 0;
      const all = [...groups.values()];
      const merged = by === 'fingerprint' && all.length > MOST_TOLD ? mergeAlike(all) : all;
      const sorted = merged.toSorted(byLargest);
      for (const group of sorted.slice(MOST_TOLD)) leaveOut(group);
      return { groups: sorted.slice(0, MOST_TOLD), others: { ...others }, isCut, items, attempts, endedItems };
    },
  };
}

/** What stands for a node or a time that nobody knows. */
export const UNKNOWN_KEY = 'unknown';

interface Shares {
  readonly items: FailingItem[];
  readonly attempts: FailingAttempt[];
}

function portionsOf(task: FailingTask, by: Grouping, spans: TimeSpans): ReadonlyMap<string, Shares> {
  const portions = new Map<string, Shares>();
  const at = (key: string): Shares => {
    const known = portions.get(key) ?? { items: [], attempts: [] };
    portions.set(key, known);
    return known;
  };
  const keyOf = (failure: FailingItem | FailingAttempt, where: Whereabouts): string => {
    if (by === 'fingerprint' || by === 'cause') return failure[by];
    if (by === 'task') return task.task;
    if (by === 'node') return where.node ?? UNKNOWN_KEY;
    return where.endedMs === null ? UNKNOWN_KEY : new Date(spans.of(where.endedMs)).toISOString();
  };
  for (const item of task.items) at(keyOf(item, task.where)).items.push(item);
  for (const attempt of task.attempts) at(keyOf(attempt, attempt)).attempts.push(attempt);
  return portions;
}

/** The words of a failure with what changes from time to time masked. */
export const templateOfSample = ({ message }: Pick<Sample, 'message'>): string => templateOf(message);

const readableOf = ({ sample, template }: Pick<Group, 'sample' | 'template'>) => ({
  class: `${sample.cause}\n${sample.errorClass ?? ''}`,
  text: template ?? templateOfSample(sample),
});

/** Kinds of failure that read alike become one, the largest first; never across causes or error classes. */
function mergeAlike(groups: readonly Group[]): Group[] {
  const merged = new Map<string, Group>();
  const miner = createMiner();
  for (const group of groups.toSorted(byLargest)) {
    const { key, template } = miner.place({ key: group.key, ...readableOf(group) });
    const first = merged.get(key);
    if (first === undefined) merged.set(key, group);
    else {
      absorb(first, group);
      first.template = template;
    }
  }
  return [...merged.values()];
}
