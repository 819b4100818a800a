/** `limit set`, `list`, `show` and `delete`: the rate limits of the site whose state table the settings name. */
import type { LimitWords } from '../config/limit-words.ts';
import { limitOfWords } from '../config/limit-words.ts';
import { describeLimit, formatRate, perSecond, unitsOf } from '../domain/limit-rate.ts';
import type { LimitItem, LimitRate } from '../domain/limit.ts';
import { AppError } from '../errors/app-error.ts';
import { createQuotaCalendar } from '../limiter/quota-window.ts';
import { sellablePpm } from '../limiter/safety.ts';
import { deleteLimit, listLimits, readLimit, setLimit } from '../limiter/site-limits.ts';
import type { Drivers } from './job-backends.ts';
import type {
  LimitDeleteDocument,
  LimitDocument,
  LimitFigures,
  LimitListDocument,
  LimitSetDocument,
} from './limit-documents.ts';
import { createLimitWorkers } from './limit-workers.ts';
import { lookAgain } from './look-again.ts';
import { usersOf, waitersOf } from './site-users.ts';
import { isoTime } from './status-document.ts';
import { tableNowMs } from './table-time.ts';
import { unknownName } from './unknown-name.ts';

/** Between two looks of one `show`: how fast a limit sells is the difference. */
const LOOK_MS = 1_000;
/** Where nobody bought meanwhile. */
const MOST_LOOKS = 3;
/** With `--watch`, the stretch that the difference is taken over: longer ones are smoother. */
const MEASURED_MS = 15_000;

/** @throws USAGE for figures that make no limit */
export async function limitSet(
  { state, clock, host }: Drivers,
  request: { readonly name: string; readonly words: LimitWords },
): Promise<LimitSetDocument> {
  const definition = limitOfWords(request.name, request.words);
  const source = `slurmctl limit set by ${host.user}@${host.hostname}`;
  const { name } = request;
  const { outcome, before, item } = await setLimit(state, { name, definition }, { source, nowMs: clock.nowMs() });
  return {
    schema: 'slurmctl.limit-set/1',
    outcome,
    limit: figuresOf(name, item),
    before: before === null ? null : figuresOf(name, before),
  };
}

export async function limitList(drivers: Drivers): Promise<LimitListDocument> {
  const limits = await listLimits(drivers.state);
  // The time costs something, and a limit that sold nothing needs none.
  const nowMs = limits.some(({ item }) => item.t !== undefined) ? await tableNowMs(drivers) : 0;
  return {
    schema: 'slurmctl.limit-list/1',
    limits: limits.map(({ name, item }) => ({
      figures: figuresOf(name, item),
      share: item.m / 1_000_000,
      soldAheadMs: soldAheadMs(item, nowMs),
      answers429: item.answers429 ?? 0,
      refusals: item.refusals,
    })),
  };
}

/** @throws LIMIT_UNKNOWN */
export async function limitShow(drivers: Drivers, name: string): Promise<LimitDocument> {
  const first = await look(drivers, name);
  // Of a limit that nobody waits for there is nothing to measure.
  if (soldAheadMs(first.item, first.nowMs) === 0) return limitDocument(drivers, name, { now: first });
  for (let looks = 1; ; looks += 1) {
    await drivers.clock.sleep(LOOK_MS);
    const now = await look(drivers, name);
    if (now.item.t !== first.item.t || looks === MOST_LOOKS)
      return limitDocument(drivers, name, { now, before: first });
  }
}

/** One look after the other until `signal`. @throws LIMIT_UNKNOWN */
export async function* limitWatch(
  drivers: Drivers,
  { name, signal }: { readonly name: string; readonly signal?: AbortSignal },
): AsyncGenerator<LimitDocument> {
  let looks: readonly Look[] = [];
  const lookNow = async (): Promise<LimitDocument> => {
    const now = await look(drivers, name, signal);
    // At another price it sells otherwise.
    looks = looks.filter(({ item, atMs }) => now.atMs - atMs <= MEASURED_MS && item.g === now.item.g);
    const [before] = looks;
    looks = [...looks, now];
    return limitDocument(drivers, name, { now, ...(before === undefined ? {} : { before }) });
  };
  yield* lookAgain(drivers.clock, lookNow, { signal });
}

/** @throws LIMIT_UNKNOWN; LIMIT_IN_USE while live jobs use it, unless `force` */
export async function limitDelete(
  drivers: Drivers,
  { name, force }: { readonly name: string; readonly force: boolean },
): Promise<LimitDeleteDocument> {
  await knownLimit(drivers, name);
  const jobs = (await usersOf(drivers, { kind: 'limit', name })).map(({ job }) => job);
  if (jobs.length > 0 && !force)
    throw new AppError('LIMIT_IN_USE', {
      message: `limit ${name} is used by ${jobs.length === 1 ? 'a live job' : `${jobs.length} live jobs`}: ${jobs.slice(0, 5).join(', ')}${jobs.length > 5 ? ' …' : ''}`,
      hint: `Wait for them, or delete it all the same with: slurmctl limit delete ${name} --force`,
      details: { jobs: jobs.slice(0, 100) },
    });
  const item = await deleteLimit(drivers.state, name);
  return { schema: 'slurmctl.limit-delete/1', figures: figuresOf(name, item), jobs };
}

/** @throws LIMIT_UNKNOWN with the name that was probably meant */
async function knownLimit({ state }: Drivers, name: string): Promise<LimitItem> {
  const item = await readLimit(state, name);
  if (item === null) throw await unknownName(state, 'limit', name);
  return item;
}

interface Look {
  readonly item: LimitItem;
  readonly atMs: number;
  /** Epoch ms of the table. */
  readonly nowMs: number;
}

async function look(drivers: Drivers, name: string, signal?: AbortSignal): Promise<Look> {
  const item = await knownLimit(drivers, name);
  const atMs = drivers.clock.monotonicMs();
  return { item, atMs, nowMs: await tableNowMs(drivers, signal) };
}

async function limitDocument(
  drivers: Drivers,
  name: string,
  { now, before }: { readonly now: Look; readonly before?: Look },
): Promise<LimitDocument> {
  const { item, nowMs } = now;
  return {
    schema: 'slurmctl.limit/1',
    figures: figuresOf(name, item),
    share: item.m / 1_000_000,
    answers429: item.answers429 ?? 0,
    since: isoTime(item.sinceMs),
    refusals: item.refusals,
    refusedAt: item.la === undefined ? null : isoTime(item.la),
    soldUntil: item.t === undefined ? null : isoTime(item.t / 1_000),
    soldAheadMs: soldAheadMs(item, nowMs),
    sold: unitsOf(item.definition.rates).map((unit) => ({
      unit,
      units: item.sold[unit] ?? 0,
      perSec: soldPerSec(unit, now, before),
      ...effectiveOf(unit, item),
    })),
    windows: windowsOf(item, nowMs),
    ...(await usersOfLimit(drivers, name, nowMs)),
  };
}

function soldPerSec(unit: string, now: Look, before: Look | undefined): number | null {
  if (before === undefined || now.atMs <= before.atMs) return null;
  // Less than before: the limit was deleted and set anew.
  const units = Math.max(0, (now.item.sold[unit] ?? 0) - (before.item.sold[unit] ?? 0));
  const queued = [now, before].every((look) => soldAheadMs(look.item, look.nowMs) > 0);
  const soldMs = ((now.item.t ?? 0) - (before.item.t ?? 0)) / 1_000;
  if (!queued) return (units * 1_000) / (now.atMs - before.atMs);
  // Turns are bought several at once, so between two looks they come in lumps; the stretch of the timeline that they take does not.
  return soldMs <= 0 ? null : (units * 1_000) / soldMs;
}

/** Both a second: the figure, and what is sold of it. */
function effectiveOf(unit: string, { definition, m }: LimitItem): { statedPerSec: number; ofPerSec: number } {
  const statedPerSec = perSecond(definition.rates[unit] as LimitRate);
  return { statedPerSec, ofPerSec: (statedPerSec * m * sellablePpm(definition, unit)) / 1e12 };
}

/** The present window of each quota. */
export function windowsOf({ definition, windows }: LimitItem, nowMs: number): LimitDocument['windows'] {
  const calendar = createQuotaCalendar();
  return definition.quotas.map(({ unit, amount, every, zone }, place) => {
    const { fromMs, toMs } = calendar.windowAt(every, zone, nowMs);
    const counted = windows[String(place)];
    // What counts in another window does not count in this one.
    const used = counted?.from === fromMs ? counted.used : 0;
    return { unit, amount, used, every, zone, from: isoTime(fromMs), until: isoTime(toMs) };
  });
}

async function usersOfLimit(
  drivers: Drivers,
  name: string,
  tableMs: number,
): Promise<Pick<LimitDocument, 'jobs' | 'workers' | 'moreWorkers'>> {
  const workers = createLimitWorkers(name, { hostMs: drivers.clock.nowMs(), tableMs });
  const jobs: LimitDocument['jobs'][number][] = [];
  for (const user of await usersOf(drivers, { kind: 'limit', name })) {
    const { runningTasks, waitingTasks, nextMs } = await waitersOf(user, { kind: 'limit', name }, (task) =>
      workers.see(user.job, task),
    );
    jobs.push({
      id: user.job,
      name: user.meta.name,
      state: user.meta.state,
      runningTasks,
      waitingTasks,
      nextAt: nextMs === null ? null : isoTime(nextMs),
    });
  }
  return { jobs, ...workers.workers() };
}

/** How long a call that asks now would wait. */
export const soldAheadMs = ({ t }: LimitItem, nowMs: number): number =>
  t === undefined ? 0 : Math.max(0, Math.round(t / 1_000 - nowMs));

const figuresOf = (name: string, { definition, source, setMs }: LimitItem): LimitFigures => ({
  name,
  rates: unitsOf(definition.rates).map((unit) => {
    const rate = definition.rates[unit] as LimitRate;
    return { unit, ...rate, rate: formatRate(rate) };
  }),
  quotas: definition.quotas,
  burstMs: definition.burstMs,
  mode: definition.mode,
  words: describeLimit(definition),
  source,
  setAt: isoTime(setMs),
});
