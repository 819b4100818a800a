/**
 * Turns of jobs that do not run together (`concurrency: {group, max}`): who has one, who waits, and who is next. Pure.
 *
 * A group is one item that is replaced as a whole, under the condition that its `g` is the one that was read. A turn has no lease and no heartbeat: it
 * belongs to its job until that job is over, which is read from the job itself. Whoever waits takes its turn by itself.
 */
import { canonicalJson } from './canonical-json.ts';
import type { JobId } from './ids.ts';
import { poolPartition } from './pool.ts';
import type { StateKey } from './state-keys.ts';

/** A group is stated as a pool of this name is: slots are jobs. No pool of a job file can have it. */
export const groupPool = (group: string): string => `group:${group}`;
/** The contrary; null for every other pool. */
export const groupOfPool = (name: string): string | null => (name.startsWith('group:') ? name.slice(6) : null);
export const turnsKey = (group: string): StateKey => ({ partition: poolPartition(groupPool(group)), sort: 'TURNS' });

export interface TurnEntry {
  readonly job: JobId;
  /** Of the job when it came. A turn that was left and the turn of a later `retry` are told apart by it. */
  readonly generation: number;
  /** For people. */
  readonly user: string;
  /** Epoch ms at which it came into the line, or at which it got its turn, by its own clock. */
  readonly sinceMs: number;
}

/** State item of a group, `P#group:<group>/TURNS`. */
export interface TurnsItem {
  /** Grows with each write. */
  readonly g: number;
  readonly holders: readonly TurnEntry[];
  /** In the order of their coming. */
  readonly line: readonly TurnEntry[];
  /** Epoch ms since which a turn is free that those before others could take. */
  readonly freeSinceMs?: number;
}

export const NO_TURNS: TurnsItem = { g: 0, holders: [], line: [] };

/** Who does not come for so long when it is its turn is overtaken, and keeps its place. Its process may be dead, or may wait for a node. */
export const TURN_PATIENCE_MS = 10 * 60_000;

export interface TurnFacts {
  readonly max: number;
  readonly nowMs: number;
  /** Jobs of which nothing runs and nothing will. */
  readonly over: ReadonlySet<JobId>;
  /** A paused job has no use for a turn. The one that it has it keeps. */
  readonly paused: ReadonlySet<JobId>;
}

export interface TurnLook {
  readonly next: TurnsItem;
  readonly isChanged: boolean;
  readonly isGranted: boolean;
  /** Jobs in the line that go first. */
  readonly ahead: readonly TurnEntry[];
}

/** What becomes of the group when `me` looks for its turn: what is over goes, `me` comes into the line, or gets its turn. */
export function lookForTurn(item: TurnsItem, me: Omit<TurnEntry, 'sinceMs'>, facts: TurnFacts): TurnLook {
  const { max, nowMs, over, paused } = facts;
  const isHere = ({ job }: TurnEntry): boolean => job === me.job || !over.has(job);
  const restamped = (entry: TurnEntry): TurnEntry => (entry.job === me.job ? { ...entry, ...me } : entry);
  const holders = item.holders.filter(isHere).map(restamped);
  const waiting = item.line.filter(isHere).map(restamped);
  if (holders.some(({ job }) => job === me.job)) {
    const line = waiting.filter(({ job }) => job !== me.job);
    return { ...settled(item, { holders, line, facts, isTaken: false }), isGranted: true, ahead: [] };
  }
  const line = waiting.some(({ job }) => job === me.job) ? waiting : [...waiting, { ...me, sinceMs: nowMs }];
  const ahead = line
    .slice(
      0,
      line.findIndex(({ job }) => job === me.job),
    )
    .filter(({ job }) => !paused.has(job));
  const isLate = item.freeSinceMs !== undefined && nowMs - item.freeSinceMs >= TURN_PATIENCE_MS;
  if (max - holders.length <= (isLate ? 0 : ahead.length))
    return { ...settled(item, { holders, line, facts, isTaken: false }), isGranted: false, ahead };
  const left = {
    holders: [...holders, { ...me, sinceMs: nowMs }],
    line: line.filter(({ job }) => job !== me.job),
    facts,
    isTaken: true,
  };
  return { ...settled(item, left), isGranted: true, ahead: [] };
}

function settled(
  item: TurnsItem,
  left: {
    readonly holders: readonly TurnEntry[];
    readonly line: readonly TurnEntry[];
    readonly facts: TurnFacts;
    readonly isTaken: boolean;
  },
): Pick<TurnLook, 'next' | 'isChanged'> {
  const { holders, line, facts, isTaken } = left;
  const isFree = holders.length < facts.max && line.some(({ job }) => !facts.paused.has(job));
  const freeSinceMs = isTaken ? facts.nowMs : (item.freeSinceMs ?? facts.nowMs);
  const next: TurnsItem = { g: item.g, holders, line, ...(isFree ? { freeSinceMs } : {}) };
  return { next: { ...next, g: item.g + 1 }, isChanged: canonicalJson(next) !== canonicalJson(item) };
}

/** The group without a job; null when it has no place in it. */
export function withoutJob(item: TurnsItem, job: JobId): TurnsItem | null {
  const holders = item.holders.filter((entry) => entry.job !== job);
  const line = item.line.filter((entry) => entry.job !== job);
  const isGone = holders.length + line.length < item.holders.length + item.line.length;
  return isGone ? { ...item, g: item.g + 1, holders, line } : null;
}
