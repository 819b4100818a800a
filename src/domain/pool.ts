/**
 * Pools of a site: at most so many holders at a time, over all jobs, users and hosts that name them. A slot is a lease with an owner, a heartbeat
 * and a fence; who dies loses it by itself. A job's `concurrency: {group, max}` is a pool of the same kind whose holders are jobs.
 */
import type { StateKey } from './state-keys.ts';

export interface PoolDefinition {
  readonly slots: number;
  /** A slot whose holder was silent for so long is free again. */
  readonly leaseMs: number;
}

/** How long a silent holder keeps its slot where nobody says otherwise. */
export const DEFAULT_POOL_LEASE_MS = 60_000;
/** Slots have numbers of three digits. */
export const MOST_SLOTS = 1_000;

/** What a job says of a pool it uses. */
export interface JobPool {
  readonly name: string;
  /** Absent: the site's definition is taken, and must exist. */
  readonly definition?: PoolDefinition;
  /** Higher goes first; default 0. */
  readonly priority: number;
  /** `item`: the worker holds a slot around each try at an item; `call`: the handler does so itself. */
  readonly per: 'call' | 'item';
  readonly source: string;
}

/** Jobs of one group run at most `max` at a time; the others wait, in the order of their submission. */
export interface JobConcurrency {
  readonly group: string;
  readonly max: number;
}

export const poolIndexKey = (name: string): StateKey => ({ partition: 'RESOURCES', sort: `pool#${name}` });
export const poolPartition = (name: string): string => `P#${name}`;
export const poolKey = (name: string): StateKey => ({ partition: poolPartition(name), sort: 'POOL' });
