import type { Cause } from '../domain/causes.ts';
import type { HandlerSpec } from '../domain/job-spec.ts';
import type { Cost } from '../domain/limit.ts';
import type { PoolSlot } from './limiter.ts';
import type { Log } from './log.ts';

/** Loads and calls the user's function or program. */
export interface HandlerHost {
  /** @throws HANDLER_NOT_LOADABLE with the place in the user's file */
  load(spec: HandlerSpec, baseDir: string): Promise<LoadedHandler>;
}

export interface LoadedHandler {
  /**
   * One try at one item. Never rejects for what the handler did: that is `failed`. `json` is the payload's exact JSON text, which commands get
   * on stdin; absent: made from the payload.
   */
  run(payload: unknown, context: HandlerContext, json?: string): Promise<HandlerResult>;
  close(): Promise<void>;
}

/** What a module handler gets as its second argument. Documented in docs/handlers.md; fields are never removed. */
export interface HandlerContext extends LimitCalls, PoolCalls {
  /** Aborted at the item's timeout and when the worker drains. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** 1-based try at this item. */
  readonly attempt: number;
  readonly job: { readonly id: string; readonly name: string };
  readonly task: { readonly id: string };
  readonly item: { readonly id: string; readonly index: number };
  /** Private node-local directory of this task; emptied when the task ends. */
  readonly scratch: string;
  /** By pool: the slots that the worker holds around this try (`per: item`). */
  readonly slots: Readonly<Record<string, ItemSlot>>;
}

/** A slot as it is told: the number picks a licence or a database, what is protected can refuse smaller fences. */
export type ItemSlot = Pick<PoolSlot, 'index' | 'fence'>;

/** What a handler may ask of the pools that its job lists. */
export interface PoolCalls {
  /**
   * Waits for a slot; of a pool with `per: item` it is the one that the try has. The wait is part of the try: it ends with the item's signal, by its
   * reason. What the handler does not give back is given back when it returns.
   * @throws POOL_UNKNOWN for a pool that the job does not list, STATE_*
   */
  pool(name: string): Promise<HandlerSlot>;
}

export type HandlerSlot = Omit<PoolSlot, 'keep'>;

/** What a handler may ask of the rate limits that its job lists. */
export interface LimitCalls {
  /**
   * Waits for the turn of one call. `cost`: units by name, or a number of requests; absent: what the job file says for the item. The wait is part of the
   * try: it ends with the item's signal, by its reason.
   * @throws LIMIT_UNKNOWN for a limit that the job does not list, LIMIT_COST, LIMIT_SPENT, STATE_*
   */
  limit(name: string, cost?: Cost | number): Promise<LimitTurn>;
  /**
   * Says what a call cost in truth: the call of this turn, or the last one of the limit with this name, one that the worker took for the try included.
   * @throws LIMIT_UNKNOWN, LIMIT_COST
   */
  settle(call: LimitTurn | string, actual: Cost | number): void;
  /**
   * The provider refused a call. `retryAfter`: seconds, an HTTP date, or the answer itself, whose `Retry-After` is read; an answer of another status than
   * 429 changes nothing and gives false.
   * @throws LIMIT_UNKNOWN
   */
  tooManyRequests(name: string, retryAfter?: number | string | Date | ProviderAnswer | null): boolean;
}

/** The right to one call, at this moment. */
export interface LimitTurn {
  settle(actual: Cost | number): void;
}

/** As much of a `Response` of fetch as is looked at. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

export type HandlerResult =
  | { readonly ok: true; readonly output: unknown }
  | {
      readonly ok: false;
      readonly cause: Cause;
      readonly errorClass: string;
      readonly errorMessage: string;
      /** Stack or the end of stderr, for the log. */
      readonly detail?: string;
      /** For commands. */
      readonly exitCode?: number;
      readonly signal?: string;
    };
