import type { StateKey } from '../domain/state-keys.ts';
import type { SharedTime } from './shared-time.ts';

/**
 * Small JSON items under (partition, sort), changed by conditional writes only. Contract (test/contract/state-table.contract.ts):
 * - `write` is atomic and linearizable per item: of two writes whose conditions exclude each other exactly one is applied;
 * - a write may be applied and its answer lost: it then throws STATE_UNCERTAIN, and the caller reads back. Writes
 *   therefore carry an owner, a version or a nonce by which the writer recognises its own success;
 * - a write that is called `repeatable` may be applied several times before it is answered, and `applied: false` speaks of the last of these.
 *   In exchange it is refused by its own condition alone: many may hold at once, on one item, and all of them are applied;
 * - `get` after a write that was answered sees it; `query` may miss items created while it runs, never older ones;
 * - items are below 400 KB, normally below 1 KB; `undefined` never occurs in an item; `-0` is stored as `0`.
 */
export type StateValue =
  | string
  | number
  | boolean
  | null
  | readonly StateValue[]
  | { readonly [key: string]: StateValue };
export type StateItem = { readonly [attribute: string]: StateValue };

/** Attribute path; nested attributes joined by dots (`win.attempt`). Attribute names contain no dots. */
export type StatePath = string;

/** Applied together. A path may occur in one of the three only. Setting a nested path requires its parent to exist. */
export interface StateChange {
  readonly set?: Readonly<Record<StatePath, StateValue>>;
  /** Adds to a number; an absent attribute counts as 0. */
  readonly add?: Readonly<Record<StatePath, number>>;
  readonly remove?: readonly StatePath[];
}

/** A comparison with an absent attribute is false. `item-absent` and `item-present` speak of the whole item. */
export type StateCondition =
  | { readonly op: 'item-absent' }
  | { readonly op: 'item-present' }
  | { readonly op: 'absent'; readonly path: StatePath }
  | { readonly op: 'present'; readonly path: StatePath }
  | { readonly op: 'equals'; readonly path: StatePath; readonly value: string | number | boolean }
  | {
      readonly op: 'less' | 'at-most' | 'greater' | 'at-least';
      readonly path: StatePath;
      readonly value: string | number;
    }
  | { readonly op: 'between'; readonly path: StatePath; readonly low: string | number; readonly high: string | number }
  | { readonly op: 'in'; readonly path: StatePath; readonly values: readonly (string | number)[] }
  | { readonly op: 'and' | 'or'; readonly of: readonly StateCondition[] }
  | { readonly op: 'not'; readonly of: StateCondition };

export type WriteResult =
  | { readonly applied: true; readonly item: StateItem }
  /** The condition did not hold; `current` is the item as it is, null when absent. */
  | { readonly applied: false; readonly current: StateItem | null };

export interface WriteOptions {
  /** The caller declares that it does no harm when this write is applied more than once. Default false: at most once. */
  readonly repeatable?: boolean;
}

export interface StateTable {
  /** The URL that opens this table again. */
  readonly rootUrl: string;
  /** The time of whoever keeps the items. Every driver has it; absent only in tables that stand in for one. */
  readonly sharedTime?: SharedTime;
  get(key: StateKey): Promise<StateItem | null>;
  /** Items of a partition whose sort key starts with `prefix`, in byte order of the sort key. */
  query(partition: string, prefix?: string): AsyncIterable<{ readonly sort: string; readonly item: StateItem }>;
  /** The one write verb: applies `change` if `when` holds. @throws STATE_UNCERTAIN, STATE_UNAVAILABLE */
  write(key: StateKey, change: StateChange, when: StateCondition, options?: WriteOptions): Promise<WriteResult>;
  /** Creates the items that do not exist yet and leaves the others alone; repeating it is harmless. Returns how many were created. */
  createMany(items: AsyncIterable<NewItem> | Iterable<NewItem>): Promise<number>;
  /** Removes a whole partition; for `gc` of jobs nobody works on. */
  deletePartition(partition: string): Promise<void>;
  /** Removes one item; for the job index and records that did not come true, never for locks. */
  deleteItem(key: StateKey): Promise<void>;
}

export interface NewItem {
  readonly key: StateKey;
  readonly item: StateItem;
}
