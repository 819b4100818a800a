/**
 * Pools of a site: at most so many holders at a time, over all jobs, users and hosts that name them. A slot is a lease with an owner, a heartbeat
 * and a fence; who dies loses it by itself.
 */
import { RESOURCES_PARTITION } from './limit.ts';
import type { StateKey } from './state-keys.ts';

export interface PoolDefinition {
  readonly slots: number;
  /** A slot whose holder was silent for so long is free again. */
  readonly leaseMs: number;
}

/** How long a silent holder keeps its slot where nobody says otherwise. */
export const DEFAULT_POOL_LEASE_MS = 60_000;
/** Heartbeats come three times a lease: more often would cost more than the slot, and clocks of file systems tick coarsely. */
export const SHORTEST_POOL_LEASE_MS = 5_000;
/** So long a slot of a dead holder is of no use to anybody. */
export const LONGEST_POOL_LEASE_MS = 3_600_000;
/** Slots have numbers of three digits. */
export const MOST_SLOTS = 1_000;

/** What a job says of a pool it uses. */
export interface JobPool {
  readonly name: string;
  /** Absent: the site's definition is taken, and must exist. Of a job only `slots` is compared with the site's. */
  readonly definition?: PoolDefinition;
  /** Higher goes first; default 0. */
  readonly priority: number;
  /** `item`: the worker holds a slot around each try at an item; `call`: the handler does so itself. */
  readonly per: 'call' | 'item';
  readonly source: string;
}

/**
 * What the environment variables of commands begin with that say which slot of this pool is theirs: `SLURMCTL_POOL_MY_DB` for `my-db`, because a variable has
 * no dashes.
 */
export const poolVariable = (name: string): string => `SLURMCTL_POOL_${name.replaceAll('-', '_').toUpperCase()}`;

/** Jobs of one group run at most `max` at a time; the others wait, in the order of their submission (`turns.ts`). */
export interface JobConcurrency {
  readonly group: string;
  /** Absent: what the site says, or one. */
  readonly max?: number;
  readonly source: string;
}

/** State item of a pool, `P#<name>/POOL`. */
export interface PoolItem {
  readonly definition: PoolDefinition;
  /** Who said so, for people. */
  readonly source: string;
  readonly setMs: number;
  /** Grows with each change of the definition. */
  readonly g: number;
}

/** Whoever has something of a pool says so, with a heartbeat: a new `beat` at least every third of `leaseMs`. Moments are for people only. */
interface PoolHolder {
  /** A token of this one hold; absent: nobody. All that follows is absent too then. */
  readonly owner?: string;
  readonly beat?: string;
  /** The lease under which it was taken: a later change of the definition does not shorten it. */
  readonly leaseMs?: number;
  readonly job?: string;
  readonly node?: string;
  readonly priority?: number;
  /** Epoch ms of the taking, and of the last heartbeat, by the holder's clock. */
  readonly sinceMs?: number;
  readonly beatMs?: number;
}

/** State item of a slot, `P#<name>/S#<nnn>`. Made when it is first taken and never removed: its fence only grows. */
export interface PoolSlotItem extends PoolHolder {
  readonly fence: number;
  /** Who took it away from its holder, which keeps it until it has stopped or its lease is over. */
  readonly evictedBy?: string;
}

/**
 * State item of a place to wait at, `P#<name>/Q#<nnnnn>`: one a process that waits, used again by others when it is left, so that waiting leaves
 * nothing behind. Its number means nothing: who waits stands in the order of priority and ticket.
 */
export interface PoolPlaceItem extends PoolHolder {
  /** One more than any ticket that was to be seen when it was drawn. Stays when the place is left. */
  readonly ticket: number;
}

/** Attributes that go when a slot or a place is left. */
export const HOLDER_PATHS = ['owner', 'beat', 'leaseMs', 'job', 'node', 'priority', 'sinceMs', 'beatMs'] as const;

export const SLOT_PREFIX = 'S#';
export const PLACE_PREFIX = 'Q#';
export const poolIndexKey = (name: string): StateKey => ({ partition: RESOURCES_PARTITION, sort: `pool#${name}` });
export const poolPartition = (name: string): string => `P#${name}`;
export const poolKey = (name: string): StateKey => ({ partition: poolPartition(name), sort: 'POOL' });
export const poolSlotKey = (name: string, slot: number): StateKey => ({
  partition: poolPartition(name),
  sort: `${SLOT_PREFIX}${String(slot).padStart(3, '0')}`,
});
export const poolPlaceKey = (name: string, place: number): StateKey => ({
  partition: poolPartition(name),
  sort: `${PLACE_PREFIX}${String(place).padStart(5, '0')}`,
});
