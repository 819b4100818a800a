/** The definitions of a site's pools in the state table: who creates one, changes it, compares with it, and who takes a slot away from its holder. */
import {
  poolIndexKey,
  poolKey,
  poolSlotKey,
  type JobPool,
  type PoolDefinition,
  type PoolItem,
  type PoolSlotItem,
} from '../domain/pool.ts';
import { groupOfPool } from '../domain/turns.ts';
import { isAppError, type Problem } from '../errors/app-error.ts';
import type { StateCondition, StateItem, StateTable } from '../ports/state-table.ts';
import { poolUnknown } from './pool-unknown.ts';
import { readPoolView, type PoolView } from './pool-view.ts';
import type { Said } from './site-limits.ts';
import { doSurely, listNamed, type Compared } from './site-names.ts';

type Table = Pick<StateTable, 'get' | 'query' | 'write' | 'createMany' | 'deleteItem'>;

/** Answers may be lost, and others may be faster, so often. */
const TRIES = 40;

export interface SetPool {
  readonly outcome: 'created' | 'changed' | 'same';
  /** What the site said before; null when it said nothing. */
  readonly before: PoolItem | null;
  readonly item: PoolItem;
}

/** Null when the site has no such pool. */
export const readPool = async (state: Pick<Table, 'get'>, name: string): Promise<PoolItem | null> =>
  (await state.get(poolKey(name))) as PoolItem | null;

/** @throws POOL_UNKNOWN */
export async function requirePool(state: Pick<Table, 'get'>, name: string): Promise<PoolItem> {
  const item = await readPool(state, name);
  if (item === null) throw poolUnknown(name);
  return item;
}

/** Definition, slots and places in line of a pool, as one query shows them. @throws POOL_UNKNOWN */
export async function lookAtPool(
  state: Pick<Table, 'query'>,
  name: string,
): Promise<PoolView & { readonly item: PoolItem }> {
  const view = await readPoolView(state, name);
  if (view.item === null) throw poolUnknown(name);
  return { ...view, item: view.item };
}

/** Every pool of the site, by name. */
export const listPools = (
  state: Pick<Table, 'get' | 'query'>,
): Promise<{ readonly name: string; readonly item: PoolItem }[]> =>
  listNamed(state, poolIndexKey('').sort, (name) => readPool(state, name));

/**
 * Makes `definition` the site's. Fewer slots than are held take none away: they become free one after the other, and nobody takes one before there are
 * fewer holders than slots. Another lease counts for slots that are taken from then on. @throws STATE_*
 */
export async function setPool(
  state: Table,
  { name, definition }: { readonly name: string; readonly definition: PoolDefinition },
  said: Said,
): Promise<SetPool> {
  const first = await readPool(state, name);
  for (let attempt = 0; ; attempt += 1)
    try {
      const before = attempt === 0 ? first : await readPool(state, name);
      // An answer may have been lost: then the pool is what this very call made of it.
      const item =
        before !== null && samePool(before.definition, definition)
          ? before
          : await writePool(state, { name, definition, before }, said);
      if (item !== null) return { outcome: outcomeOf(first, definition), before: first, item };
    } catch (error) {
      if (!isAppError(error, 'STATE_UNCERTAIN') || attempt >= TRIES) throw error;
    }
}

const samePool = (a: PoolDefinition, b: PoolDefinition): boolean => a.slots === b.slots && a.leaseMs === b.leaseMs;

function outcomeOf(before: PoolItem | null, definition: PoolDefinition): SetPool['outcome'] {
  if (before === null) return 'created';
  return samePool(before.definition, definition) ? 'same' : 'changed';
}

/** Null: somebody else was faster. */
async function writePool(
  state: Table,
  wanted: { readonly name: string; readonly definition: PoolDefinition; readonly before: PoolItem | null },
  { source, nowMs }: Said,
): Promise<PoolItem | null> {
  const { name, definition, before } = wanted;
  if (before === null) await state.createMany([{ key: poolIndexKey(name), item: { name } }]);
  const when: StateCondition = before === null ? { op: 'item-absent' } : { op: 'equals', path: 'g', value: before.g };
  const item: PoolItem = { definition, source, setMs: nowMs, g: (before?.g ?? 0) + 1 };
  const written = await state.write(poolKey(name), { set: item as unknown as StateItem }, when);
  return written.applied ? item : null;
}

/**
 * Forgets the pool: whoever waits is told POOL_UNKNOWN, whoever holds a slot keeps it. The slots stay in the table, so that their fences grow on when a
 * pool of the name is set again. Whether somebody uses it is the caller's question. @throws POOL_UNKNOWN
 */
export async function deletePool(state: Table, name: string): Promise<PoolItem> {
  const item = await requirePool(state, name);
  await state.deleteItem(poolKey(name));
  await state.deleteItem(poolIndexKey(name));
  return item;
}

/**
 * Takes a slot away from its holder, which hears of it at its next heartbeat, at the latest after a third of the lease, and stops. The slot is free when
 * the holder has given it back, or has been silent for a lease: taking it away makes no second holder. What the slot protects can refuse the old fence
 * at once: it grows here. `seen`: only from the holder that was seen there. Returns the slot as it was; null when nobody, or somebody else, holds it.
 * @throws POOL_UNKNOWN, STATE_*
 */
export async function evictSlot(
  state: Pick<Table, 'get' | 'write'>,
  { name, slot, seen }: { readonly name: string; readonly slot: number; readonly seen?: PoolSlotItem },
  said: Pick<Said, 'source'>,
): Promise<PoolSlotItem | null> {
  const key = poolSlotKey(name, slot);
  if (seen === undefined) await requirePool(state, name);
  const first = seen ?? ((await state.get(key)) as unknown as PoolSlotItem | null);
  if (first?.owner === undefined) return null;
  // One holder is meant, not whoever has the slot when a lost answer is repeated. It may have handed the slot on among its own calls since it was seen.
  const when: StateCondition = {
    op: 'and',
    of: [
      { op: 'equals', path: 'owner', value: first.owner },
      { op: 'absent', path: 'evictedBy' },
    ],
  };
  const change = { set: { evictedBy: said.source }, add: { fence: 1 } };
  const written = await doSurely(TRIES, () => state.write(key, change, when));
  const found = (written.applied ? written.item : written.current) as unknown as PoolSlotItem | null;
  // Where an answer was lost, the repetition finds what the first one wrote.
  return found?.owner === first.owner ? { ...first, fence: found.fence - 1 } : null;
}

/** What a submit did about a pool of its job, or would do. */
export interface AgreedPool {
  readonly name: string;
  readonly definition: PoolDefinition;
  /** The job's figure becomes the site's: there was none. */
  readonly isNew: boolean;
  readonly source: string;
}

/** Compares what a job says of a pool with what the site says, without writing. Only slots are compared. */
export async function comparePool(
  state: Pick<Table, 'get'>,
  pool: JobPool,
  said: Pick<Said, 'source'>,
): Promise<Compared<AgreedPool>> {
  const { name } = pool;
  const site = await readPool(state, name);
  const definition = site?.definition ?? pool.definition;
  if (definition === undefined)
    return {
      kind: 'unknown',
      problem: {
        message: `${pool.source}: pool ${name}: the site has none, and the job states no slots`,
        hint: `Add its slots there, or state them with: slurmctl pool set ${name} --slots 20`,
      },
    };
  if (pool.definition !== undefined && pool.definition.slots !== definition.slots)
    return {
      kind: 'conflict',
      problem: conflictOf(pool, { stated: pool.definition, site: definition, siteSource: site?.source }),
    };
  const source = site?.source ?? `${pool.source} of ${said.source}`;
  return { kind: 'agreed', agreed: { name, definition, isNew: site === null, source } };
}

interface PoolConflict {
  readonly stated: PoolDefinition;
  readonly site: PoolDefinition;
  readonly siteSource: string | undefined;
}

/** Of a group the job file states `max`, and no slots. */
function conflictOf({ name, source }: JobPool, { stated, site, siteSource }: PoolConflict): Problem {
  const group = groupOfPool(name);
  const words = ({ slots }: PoolDefinition): string => {
    if (group !== null) return `max ${slots}`;
    return slots === 1 ? '1 slot' : `${slots} slots`;
  };
  const [what, key] = group === null ? [`pool ${name}`, 'the slots'] : [`group ${group}`, 'max'];
  return {
    message: `${what}: ${source} says ${words(stated)}; the site says ${words(site)} (${siteSource})`,
    hint: `Drop ${key} there to take the site's, or change the site's with: slurmctl pool set ${name} --slots ${stated.slots}`,
  };
}

/** Makes what a job says the site's, unless somebody else was faster. @throws STATE_* */
export async function statePool(
  state: Table,
  { name, definition, source }: AgreedPool,
  { nowMs }: Pick<Said, 'nowMs'>,
): Promise<void> {
  await doSurely(TRIES, () => writePool(state, { name, definition, before: null }, { source, nowMs }));
}
