/**
 * The definitions of a site's limits in the state table: who creates one, changes it, compares with it. A change is fenced by `g`, so that nobody buys
 * at the price of yesterday; what was sold ahead at the old rates keeps its share of the new ones.
 */
import { describeLimit, limitSetCommand, sameLimit } from '../domain/limit-rate.ts';
import { limitIndexKey, limitKey } from '../domain/limit.ts';
import type { JobLimit, LimitDefinition, LimitItem } from '../domain/limit.ts';
import { isAppError, type Problem } from '../errors/app-error.ts';
import type { StateCondition, StateItem, StateTable } from '../ports/state-table.ts';
import { limitUnknown } from './limit-unknown.ts';
import { doSurely, listNamed, type Compared } from './site-names.ts';
import { quotaWindowsAfter, soldUntilAfter } from './redefine.ts';

type Table = Pick<StateTable, 'get' | 'query' | 'write' | 'createMany' | 'deleteItem'>;

/** Changes race with purchases; a timeline is left as it is rather than chased for ever. */
const TRIES = 40;

/** Who says so, and when. */
export interface Said {
  /** For people: `slurmctl limit set by ada on login1`. */
  readonly source: string;
  readonly nowMs: number;
}

export interface SetLimit {
  readonly outcome: 'created' | 'changed' | 'same';
  /** What the site said before; null when it said nothing. */
  readonly before: LimitItem | null;
  readonly item: LimitItem;
}

/** Null when the site has no such limit. */
export const readLimit = async (state: Pick<Table, 'get'>, name: string): Promise<LimitItem | null> =>
  (await state.get(limitKey(name))) as LimitItem | null;

/** @throws LIMIT_UNKNOWN */
export async function requireLimit(state: Pick<Table, 'get'>, name: string): Promise<LimitItem> {
  const item = await readLimit(state, name);
  if (item === null) throw limitUnknown(name);
  return item;
}

/** Every limit of the site, by name. */
export const listLimits = (
  state: Pick<Table, 'get' | 'query'>,
): Promise<{ readonly name: string; readonly item: LimitItem }[]> =>
  listNamed(state, limitIndexKey('').sort, (name) => readLimit(state, name));

/** Makes `definition` the site's. @throws STATE_* */
export async function setLimit(
  state: Table,
  { name, definition }: { readonly name: string; readonly definition: LimitDefinition },
  said: Said,
): Promise<SetLimit> {
  let first: LimitItem | null | undefined;
  for (let attempt = 0; ; attempt += 1) {
    const before = await readLimit(state, name);
    if (first === undefined) first = before;
    if (before !== null && sameLimit(before.definition, definition))
      // An answer may have been lost: then the limit is what this very call made of it.
      return { outcome: outcomeOf(first, definition), before: first, item: before };
    try {
      const item =
        before === null
          ? await create(state, { name, definition }, said)
          : await change(state, { name, definition, before, keepTimeline: attempt >= TRIES }, said);
      if (item !== null) return { outcome: outcomeOf(first, definition), before: first, item };
    } catch (error) {
      if (!isAppError(error, 'STATE_UNCERTAIN') || attempt > 2 * TRIES) throw error;
    }
  }
}

function outcomeOf(before: LimitItem | null, definition: LimitDefinition): SetLimit['outcome'] {
  if (before === null) return 'created';
  return sameLimit(before.definition, definition) ? 'same' : 'changed';
}

/** Null: somebody else was faster. */
async function create(
  state: Table,
  { name, definition }: { readonly name: string; readonly definition: LimitDefinition },
  { source, nowMs }: Said,
): Promise<LimitItem | null> {
  await state.createMany([{ key: limitIndexKey(name), item: { name } }]);
  const item: LimitItem = {
    definition,
    source,
    setMs: nowMs,
    // Larger than any generation of a limit that had the name before: whoever still holds a lease of that one cannot buy here.
    g: nowMs,
    m: 1_000_000,
    refusals: 0,
    sinceMs: nowMs,
    sold: {},
    windows: {},
  };
  const written = await state.write(limitKey(name), { set: item as unknown as StateItem }, { op: 'item-absent' });
  return written.applied ? item : null;
}

/** Null: the limit was bought from, or changed, meanwhile. */
async function change(
  state: Table,
  wanted: {
    readonly name: string;
    readonly definition: LimitDefinition;
    readonly before: LimitItem;
    readonly keepTimeline: boolean;
  },
  { source, nowMs }: Said,
): Promise<LimitItem | null> {
  const { name, definition, before, keepTimeline } = wanted;
  const sameTimeline: StateCondition =
    before.t === undefined ? { op: 'absent', path: 't' } : { op: 'equals', path: 't', value: before.t };
  const t = soldUntilAfter(before, definition, nowMs);
  const written = await state.write(
    limitKey(name),
    {
      set: {
        definition: definition as unknown as StateItem,
        source,
        setMs: nowMs,
        // What the provider refused was refused at the old rates.
        m: 1_000_000,
        windows: quotaWindowsAfter(before, definition),
        ...(t === undefined || keepTimeline ? {} : { t }),
      },
      remove: ['la', 'up'],
      add: { g: 1 },
    },
    {
      op: 'and',
      of: [{ op: 'equals', path: 'g', value: before.g }, ...(keepTimeline ? [] : [sameTimeline])],
    },
  );
  return written.applied ? (written.item as unknown as LimitItem) : null;
}

/** Forgets the limit. Whether somebody still uses it is the caller's question. @throws LIMIT_UNKNOWN */
export async function deleteLimit(state: Table, name: string): Promise<LimitItem> {
  const item = await requireLimit(state, name);
  await state.deleteItem(limitKey(name));
  await state.deleteItem(limitIndexKey(name));
  return item;
}

/** What a submit did about a limit of its job, or would do. */
export interface Agreed {
  readonly name: string;
  readonly definition: LimitDefinition;
  /** The job's figures become the site's: there were none. */
  readonly isNew: boolean;
  readonly source: string;
}

/** Compares what a job says of a limit with what the site says, without writing. */
export async function compareLimit(
  state: Pick<Table, 'get'>,
  limit: JobLimit,
  said: Pick<Said, 'source'>,
): Promise<Compared<Agreed>> {
  const { name } = limit;
  const site = await readLimit(state, name);
  const definition = limit.definition ?? site?.definition;
  if (definition === undefined)
    return {
      kind: 'unknown',
      problem: {
        message: `${limit.source}: limit ${name}: the site has none, and the job states no rate`,
        hint: `Add its rate there, or state it with: slurmctl limit set ${name} --rate 3000/min`,
      },
    };
  if (site !== null && !sameLimit(site.definition, definition))
    return { kind: 'conflict', problem: conflictOf(limit, definition, site) };
  const source = site?.source ?? `${limit.source} of ${said.source}`;
  return { kind: 'agreed', agreed: { name, definition, isNew: site === null, source } };
}

function conflictOf(limit: JobLimit, definition: LimitDefinition, site: LimitItem): Problem {
  return {
    message: `limit ${limit.name}: ${limit.source} says ${describeLimit(definition)}; the site says ${describeLimit(site.definition)} (${site.source})`,
    hint: `Drop the figures there to take the site's, or change the site's with: ${limitSetCommand(limit.name, definition)}`,
  };
}

/** Makes what a job says the site's, unless somebody else was faster. @throws STATE_* */
export async function stateLimit(
  state: Table,
  { name, definition, source }: Agreed,
  { nowMs }: Pick<Said, 'nowMs'>,
): Promise<void> {
  await doSurely(TRIES, () => create(state, { name, definition }, { source, nowMs }));
}
