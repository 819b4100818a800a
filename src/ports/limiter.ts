import type { Cost, LimitUnit } from '../domain/limit.ts';

/** What a worker's handlers and the store of an aggregator ask for; the limiter room makes it, `app` plugs it in. */
export interface Limiter {
  /**
   * Waits for the turn of one call that costs `cost`. Calls of a process get their turns in the order they asked.
   * @throws LIMIT_UNKNOWN, LIMIT_COST (not a number, negative, or more than the limit can ever sell), LIMIT_SPENT (a quota is used up and its
   *   next window begins after the process must end, or later than it waits), STATE_*; the reason of `signal` when it is aborted
   */
  take(name: string, cost: Cost, signal?: AbortSignal): Promise<LimitGrant>;
  /** The provider refused a call (HTTP 429). `retryAfterMs` is what it asked for, null when it said nothing. */
  tooManyRequests(name: string, retryAfterMs: number | null): void;
  /** What calls of this process wait for, for people: the limit whose queue is the longest. Null: nobody waits. */
  waiting(): LimitWait | null;
  /** What this process had and has of each limit it used, for people: what most is held of comes first. */
  holdings(): readonly LimitHolding[];
  /** Gives back what has not begun, and records debts. Never throws for a table that cannot be reached. */
  close(): Promise<void>;
}

export interface LimitWait {
  readonly name: string;
  readonly calls: number;
  /** Epoch ms at which the first of them is expected to have its turn; null when nobody can say. */
  readonly untilMs: number | null;
}

export interface LimitHolding {
  readonly name: string;
  /** Calls that had their turn so far. */
  readonly had: number;
  /** What is bought and not spent; null: nothing. */
  readonly held: {
    readonly unit: LimitUnit;
    readonly units: number;
    /** Epoch ms of the table's time after which none of it can be spent any more. */
    readonly untilMs: number;
  } | null;
}

/** The right to one call, at this moment. */
export interface LimitGrant {
  /** Says what the call cost in truth: what it cost less is spent by the next call, what it cost more is paid by the next lease. */
  settle(actual: Cost): void;
}

/** Slots of pools for the handlers of a process. */
export interface Pools {
  /**
   * Waits for a slot, in the order of priority and then of asking; processes that wait for one pool take turns.
   * @throws POOL_UNKNOWN, POOL_WAIT_ENDED (the process ends), STATE_* that nothing but a person can mend; the reason of `signal`
   */
  acquire(name: string, signal?: AbortSignal): Promise<PoolSlot>;
  /** What calls of this process wait for, for people: the pool whose queue is the longest. Null: nobody waits. */
  waiting(): { readonly name: string; readonly calls: number } | null;
  /** Ends the waiting and releases what is held. Never throws for a table that cannot be reached: then leases run out. */
  close(): Promise<void>;
}

export interface PoolSlot extends AsyncDisposable {
  /** 0 to slots − 1: lets a handler pick a licence or a database of its own. */
  readonly index: number;
  /** Grows with each holder of the slot: hand it to what is protected, and let that refuse smaller ones. */
  readonly fence: number;
  /** Aborted with POOL_SLOT_LOST when the slot is lost: evicted by a person, or its heartbeats did not arrive. */
  readonly signal: AbortSignal;
  /** Gives it back; calling it again does nothing. Never throws for a table that cannot be reached: then the lease runs out. */
  release(): Promise<void>;
  /** What uses it may go on until the process ends: `close` does not give it back then, and its lease runs out. */
  keep(): void;
}
