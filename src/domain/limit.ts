/**
 * Rate limits of a site, shared by all jobs, users and hosts that name them: the words, without any arithmetic. Source of the idea, "timeline
 * leases": GCRA's single timestamp (theoretical arrival time), sold in slots by conditional writes.
 */
import type { StateKey } from './state-keys.ts';

/** What is counted: `requests` always, and whatever else the definition names (`tokens` …). Lower-case letters, digits, `_` and `-`. */
export type LimitUnit = string;

/** How much one call uses of each unit; whole, at least 0. A unit that is not named is 0, except `requests`, which is 1. */
export type Cost = Readonly<Record<LimitUnit, number>>;

/** `amount` units in `perMs`: 3000/min is {amount: 3000, perMs: 60000}. Both whole and above 0. */
export interface LimitRate {
  readonly amount: number;
  readonly perMs: number;
}

export type QuotaPeriod = 'hour' | 'day' | 'month';

/** At most `amount` units in each calendar hour, day or month of `zone` (an IANA name; UTC unless told). */
export interface LimitQuota {
  readonly unit: LimitUnit;
  readonly amount: number;
  readonly every: QuotaPeriod;
  readonly zone: string;
}

/**
 * `statistical`: sells the rate less a small allowance for what was measured of clocks and delays; windows of a minute are kept within 1 %.
 * `hard`: sells so little that the bound of the design holds for every window, whatever happens.
 */
export type LimitMode = 'statistical' | 'hard';

/** What a site says of a limit. A change of it is a new generation `g`: whoever buys must have read it. */
export interface LimitDefinition {
  readonly rates: Readonly<Record<LimitUnit, LimitRate>>;
  readonly quotas: readonly LimitQuota[];
  /** How long an unused rate may be saved up, in milliseconds; at most the grace of a lease. */
  readonly burstMs: number;
  readonly mode: LimitMode;
}

/**
 * State item of a limit, `R#<name>/LIM`. Moments on the timeline are whole microseconds since 1970 of the table's shared time.
 * The amounts that were ever sold (`sold`, by unit) and what was refused by the provider are there for people: nothing is decided by them.
 */
export interface LimitItem {
  readonly definition: LimitDefinition;
  /** Who said so, for people: "slurmctl limit set by ada on login1" or "job.yaml:12:5 of job embed-…". */
  readonly source: string;
  readonly setMs: number;
  /** Generation of the price: grows with each change of the definition and each decrease. */
  readonly g: number;
  /** End of the last slot sold. Absent: nothing was sold yet. */
  readonly t?: number;
  /** Share of the rate that is sold, in millionths: 1,000,000 is all. Falls by 429s, recovers by itself. */
  readonly m: number;
  /** Epoch ms of the last decrease. Absent: never. */
  readonly la?: number;
  /** Epoch ms of the last step of recovery. Absent: never. */
  readonly up?: number;
  /** Decreases so far. */
  readonly refusals: number;
  /** Calls that the provider refused so far (HTTP 429), as buyers tell with their next purchase; a write that is applied twice counts them twice. Absent: none. */
  readonly answers429?: number;
  /** Epoch ms since which this item counts: from when the limit was created. */
  readonly sinceMs: number;
  readonly sold: Readonly<Record<LimitUnit, number>>;
  /** By the place of the quota in the definition: the window it counts (its beginning, epoch ms) and what was sold in it. */
  readonly windows: Readonly<Record<string, { readonly from: number; readonly used: number }>>;
}

/**
 * The limit of this name, where a site has one, is that of its object store: merges and `advance` take the turn of every read. It counts requests alone,
 * and nothing but its name says so, so that a person who states it reaches what is running.
 */
export const STORE_LIMIT = 'store';

export const RESOURCE_PREFIX = 'R#';
/** Every limit and pool the table knows, so that `list` needs no scan: sort `limit#<name>` or `pool#<name>`. */
export const RESOURCES_PARTITION = 'RESOURCES';
export const limitIndexKey = (name: string): StateKey => ({ partition: RESOURCES_PARTITION, sort: `limit#${name}` });
export const limitKey = (name: string): StateKey => ({ partition: `${RESOURCE_PREFIX}${name}`, sort: 'LIM' });

/** What a job says of a limit it uses. */
export interface JobLimit {
  readonly name: string;
  /** Absent: the site's figure is taken, and must exist. Present: it must be the site's, or it becomes the site's when there is none. */
  readonly definition?: LimitDefinition;
  /** The cost of a call whose handler names none: numbers, or the path of a number in the item (`{payload.tokens}`: ['tokens']). */
  readonly cost: Readonly<Record<LimitUnit, number | readonly string[]>>;
  /** `item`: the worker takes the cost around each try at an item; `call`: the handler does so itself. */
  readonly per: 'call' | 'item';
  /** Where the job file says it: "job.yaml:12:5". */
  readonly source: string;
}
