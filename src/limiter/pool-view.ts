/** What one look at the partition of a pool showed. */
import {
  PLACE_PREFIX,
  poolPartition,
  SLOT_PREFIX,
  type PoolItem,
  type PoolPlaceItem,
  type PoolSlotItem,
} from '../domain/pool.ts';
import type { StateTable } from '../ports/state-table.ts';

export interface PoolView {
  /** Null: there is no such pool. */
  readonly item: PoolItem | null;
  /** By number. A slot that was never taken has no item. */
  readonly slots: ReadonlyMap<number, PoolSlotItem>;
  readonly places: ReadonlyMap<number, PoolPlaceItem>;
}

/** One query. @throws STATE_* */
export async function readPoolView(state: Pick<StateTable, 'query'>, name: string): Promise<PoolView> {
  const slots = new Map<number, PoolSlotItem>();
  const places = new Map<number, PoolPlaceItem>();
  let pool: PoolItem | null = null;
  for await (const { sort, item } of state.query(poolPartition(name))) {
    if (sort === 'POOL') pool = item as unknown as PoolItem;
    else if (sort.startsWith(SLOT_PREFIX)) slots.set(numberAfter(SLOT_PREFIX, sort), item as unknown as PoolSlotItem);
    else if (sort.startsWith(PLACE_PREFIX))
      places.set(numberAfter(PLACE_PREFIX, sort), item as unknown as PoolPlaceItem);
  }
  return { item: pool, slots, places };
}

const numberAfter = (prefix: string, sort: string): number => Number.parseInt(sort.slice(prefix.length), 10);
