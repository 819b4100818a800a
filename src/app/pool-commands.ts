/** `pool set`, `list`, `show`, `delete` and `evict`: the pools of the site whose state table the settings name. */
import { poolOfWords, type PoolWords } from '../config/pool-words.ts';
import { DEFAULT_POOL_LEASE_MS, type PoolItem } from '../domain/pool.ts';
import { groupOfPool } from '../domain/turns.ts';
import { formatDuration } from '../domain/units.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { PoolView } from '../limiter/pool-view.ts';
import { deletePool, listPools, lookAtPool, readPool, setPool } from '../limiter/site-pools.ts';
import { liveIn, turnsOf } from './group-turns.ts';
import type { Drivers } from './job-backends.ts';
import { lookAgain } from './look-again.ts';
import type {
  PoolDeleteDocument,
  PoolDocument,
  PoolFigures,
  PoolListDocument,
  PoolSetDocument,
} from './pool-documents.ts';
import { heldOf, slotsOf, waitingIn } from './pool-people.ts';
import { usersOf, waitersOf } from './site-users.ts';
import { isoTime } from './status-document.ts';
import { tableNowMs } from './table-time.ts';
import { unknownName } from './unknown-name.ts';

/** A lease that is not typed stays as it is. @throws USAGE for figures that make no pool */
export async function poolSet(
  drivers: Drivers,
  { name, words }: { readonly name: string; readonly words: PoolWords },
): Promise<PoolSetDocument> {
  const { state, clock, host } = drivers;
  // Nothing is asked of the table for words that make no pool.
  poolOfWords(name, words, DEFAULT_POOL_LEASE_MS);
  const stated = await readPool(state, name);
  const definition = poolOfWords(name, words, stated?.definition.leaseMs ?? DEFAULT_POOL_LEASE_MS);
  const source = `slurmctl pool set by ${host.user}@${host.hostname}`;
  const { outcome, before, item } = await setPool(state, { name, definition }, { source, nowMs: clock.nowMs() });
  return {
    schema: 'slurmctl.pool-set/1',
    outcome,
    pool: figuresOf(name, item),
    before: before === null ? null : figuresOf(name, before),
    held: outcome === 'created' ? 0 : (await look(drivers, name)).held,
  };
}

export async function poolList(drivers: Drivers): Promise<PoolListDocument> {
  const all: PoolListDocument['pools'][number][] = [];
  for (const { name } of await listPools(drivers.state)) {
    const found = await lookIfThere(drivers, name);
    if (found !== null)
      all.push({ figures: figuresOf(name, found.view.item), held: found.held, waiting: waitingOf(found) });
  }
  return {
    schema: 'slurmctl.pool-list/1',
    pools: all.filter(({ figures }) => figures.kind === 'pool'),
    groups: all.filter(({ figures }) => figures.kind === 'group'),
  };
}

/** @throws POOL_UNKNOWN */
export async function poolShow(drivers: Drivers, name: string, signal?: AbortSignal): Promise<PoolDocument> {
  const { view, turns, slots, held, waiting } = await look(drivers, name, signal);
  const jobs: PoolDocument['jobs'][number][] = [];
  for (const user of await usersOf(drivers, { kind: 'pool', name })) {
    const { runningTasks, waitingTasks } = await waitersOf(user, { kind: 'pool', name });
    jobs.push({ id: user.job, name: user.meta.name, state: user.meta.state, runningTasks, waitingTasks });
  }
  return { schema: 'slurmctl.pool/1', figures: figuresOf(name, view.item), held, turns, slots, waiting, jobs };
}

/** One look after the other until `signal`. @throws POOL_UNKNOWN */
export const poolWatch = (
  drivers: Drivers,
  { name, signal }: { readonly name: string; readonly signal?: AbortSignal },
): AsyncGenerator<PoolDocument> => lookAgain(drivers.clock, () => poolShow(drivers, name, signal), { signal });

/** @throws POOL_UNKNOWN; POOL_IN_USE while live jobs use it or somebody holds or awaits a slot, unless `force` */
export async function poolDelete(
  drivers: Drivers,
  { name, force }: { readonly name: string; readonly force: boolean },
): Promise<PoolDeleteDocument> {
  const found = await look(drivers, name);
  const { held } = found;
  const waiting = waitingOf(found);
  const jobs = (await usersOf(drivers, { kind: 'pool', name })).map(({ job }) => job);
  if (!force && jobs.length + held + waiting > 0)
    throw new AppError('POOL_IN_USE', {
      message: `pool ${name} is in use: ${inUseWords({ jobs, held, waiting }, found.turns !== null)}`,
      hint: `Wait for them, or delete it all the same with: slurmctl pool delete ${name} --force`,
      details: { jobs: jobs.slice(0, 100), held, waiting },
    });
  const item = await deletePool(drivers.state, name);
  return { schema: 'slurmctl.pool-delete/1', figures: figuresOf(name, item), jobs, held, waiting };
}

type Users = Pick<PoolDeleteDocument, 'jobs' | 'held' | 'waiting'>;

function inUseWords({ jobs, held, waiting }: Users, isGroup: boolean): string {
  const ids = `${jobs.slice(0, 5).join(', ')}${jobs.length > 5 ? ' …' : ''}`;
  const named = jobs.length === 1 ? 'a live job names' : `${jobs.length} live jobs name`;
  const [runs, waits] = isGroup
    ? [plural(held, ['job runs', 'jobs run']), plural(waiting, ['job waits', 'jobs wait'])]
    : [plural(held, ['slot is held', 'slots are held']), plural(waiting, ['process waits', 'processes wait'])];
  return [
    ...(jobs.length === 0 ? [] : [`${named} it (${ids})`]),
    ...(held === 0 ? [] : [runs]),
    ...(waiting === 0 ? [] : [waits]),
  ].join(', ');
}

const plural = (count: number, [one, many]: readonly [string, string]): string =>
  `${count} ${count === 1 ? one : many}`;

/** One look at a pool, and what it says of people. */
interface Look extends Pick<PoolDocument, 'turns' | 'slots' | 'held' | 'waiting'> {
  readonly view: PoolView & { readonly item: PoolItem };
  /** Epoch ms of the table. */
  readonly nowMs: number;
}

const waitingOf = ({ turns, waiting }: Look): number => (turns === null ? waiting.length : liveIn(turns.waiting));

/** @throws POOL_UNKNOWN with the name that was probably meant */
export async function look(drivers: Drivers, name: string, signal?: AbortSignal): Promise<Look> {
  const found = await lookIfThere(drivers, name, signal);
  if (found === null) throw await unknownName(drivers.state, 'pool', name);
  return found;
}

async function lookIfThere(drivers: Drivers, name: string, signal?: AbortSignal): Promise<Look | null> {
  try {
    const view = await lookAtPool(drivers.state, name);
    const group = groupOfPool(name);
    if (group !== null) return await lookAtGroup(drivers, group, view);
    // The time costs something, and a pool that nobody uses needs none.
    const isUsed = [...view.slots.values(), ...view.places.values()].some(({ owner }) => owner !== undefined);
    const nowMs = isUsed ? await tableNowMs(drivers, signal) : 0;
    const slots = slotsOf(view, nowMs);
    return { view, nowMs, turns: null, slots, held: heldOf(slots), waiting: waitingIn(view, nowMs) };
  } catch (error) {
    if (isAppError(error, 'POOL_UNKNOWN')) return null;
    throw error;
  }
}

async function lookAtGroup(drivers: Drivers, group: string, view: Look['view']): Promise<Look> {
  const nowMs = await tableNowMs(drivers);
  const turns = await turnsOf(drivers.state, group, nowMs);
  return { view, nowMs, turns, held: liveIn(turns.running), slots: [], waiting: [] };
}

function figuresOf(name: string, { definition: { slots, leaseMs }, source, setMs }: PoolItem): PoolFigures {
  const isGroup = groupOfPool(name) !== null;
  const one = isGroup ? '1 job at a time' : '1 slot';
  const many = isGroup ? `${slots} jobs at a time` : `${slots} slots`;
  return {
    name,
    kind: isGroup ? 'group' : 'pool',
    slots,
    leaseMs: isGroup ? null : leaseMs,
    words: `${slots === 1 ? one : many}${isGroup ? '' : `, lease ${formatDuration(leaseMs)}`}`,
    source,
    setAt: isoTime(setMs),
  };
}
