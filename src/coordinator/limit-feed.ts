/** How many elements of a job its rate limits can keep busy: more of them would only hold slots of the cluster while they wait for a turn. */
import type { JobSpec } from '../domain/job-spec.ts';
import { mostWorkers } from '../domain/limit-feed.ts';
import { limitKey, type JobLimit, type LimitItem, type QuotaPeriod } from '../domain/limit.ts';
import type { BusyTries } from '../domain/task-item.ts';
import { formatDuration } from '../domain/units.ts';
import type { StateTable } from '../ports/state-table.ts';
import { meanTryMs } from './seen-tries.ts';

export interface FedElements {
  readonly elements: number;
  /** In plain words. */
  readonly reason: string;
}

/** Limits by their names, as the site has them. */
type SiteLimits = ReadonlyMap<string, LimitItem | null>;

async function readSiteLimits(state: Pick<StateTable, 'get'>, limits: readonly JobLimit[]): Promise<SiteLimits> {
  const found = new Map<string, LimitItem | null>();
  for (const { name } of limits) found.set(name, (await state.get(limitKey(name))) as LimitItem | null);
  return found;
}

/** The limit of a job that feeds the fewest elements. */
export interface LimitFeed {
  readonly limit: string;
  readonly workers: number;
  /** Of a try. */
  readonly latencyMs: number;
  readonly isMeasured: boolean;
  /** As the site has it; null: only the job states it. */
  readonly site: LimitItem | null;
}

/**
 * What is sold of the limits at this moment; null when nothing is known. Only limits that every item passes count, with the time that tries were seen to
 * take, or, while nothing was seen, the longest that an item may take: a figure that is too high wastes some slots, one that is too low would waste the
 * rate.
 */
export async function leastFeed(
  state: Pick<StateTable, 'get'>,
  spec: Pick<JobSpec, 'limits' | 'handler'>,
  tries: Pick<BusyTries, 'tries' | 'ms'>,
): Promise<LimitFeed | null> {
  const ofItems = (spec.limits ?? []).filter(({ per }) => per === 'item');
  return leastOf(await readSiteLimits(state, ofItems), spec, { share: 'sold', tries });
}

/** `share`: of the rates, all of it, or what is sold at this moment. */
function leastOf(
  sites: SiteLimits,
  { limits, handler }: Pick<JobSpec, 'limits' | 'handler'>,
  { tries, share }: { readonly tries?: Pick<BusyTries, 'tries' | 'ms'>; readonly share: 'all' | 'sold' },
): LimitFeed | null {
  const seenMs = tries === undefined ? null : meanTryMs(tries);
  const latencyMs = Math.min(seenMs ?? Infinity, handler.timeoutMs);
  let least: LimitFeed | null = null;
  for (const { name, cost, per, definition } of limits ?? []) {
    if (per !== 'item') continue;
    const site = sites.get(name) ?? null;
    const known = site?.definition ?? definition;
    const calls = { cost: withMeans(cost, site), latencyMs, inFlight: handler.concurrency };
    const feed = known === undefined ? null : mostWorkers(known, calls, share === 'sold' ? site?.m : undefined);
    if (feed === null || (least !== null && least.workers <= feed.workers)) continue;
    least = { limit: name, workers: feed.workers, latencyMs, isMeasured: seenMs !== null, site };
  }
  return least;
}

/** Calls that a mean is made of, at least. */
const ENOUGH_CALLS = 100;

/** What differs from item to item counts with the mean of all calls that the limit has sold; units of which nothing is known stay out of it. */
function withMeans(cost: JobLimit['cost'], site: LimitItem | null): JobLimit['cost'] {
  const calls = site?.sold['requests'] ?? 0;
  if (site === null || calls < ENOUGH_CALLS) return cost;
  const isKnown = ([unit, units]: readonly [string, unknown]): boolean =>
    typeof units !== 'number' && unit !== 'requests' && (site.sold[unit] ?? 0) > 0;
  const means = Object.entries(cost)
    .filter(isKnown)
    .map(([unit]) => [unit, (site.sold[unit] ?? 0) / calls] as const);
  return { ...cost, ...Object.fromEntries(means) };
}

/** `with tries of 400 ms as measured`. */
export const latencyWords = ({ latencyMs, isMeasured }: Pick<LimitFeed, 'latencyMs' | 'isMeasured'>): string =>
  isMeasured
    ? `with tries of ${roughly(latencyMs)} as measured`
    : `even with items of ${formatDuration(latencyMs)} (handler.timeout)`;

/** Two digits are all that a mean is good for. */
function roughly(ms: number): string {
  const two = Math.max(1, Math.round(Number(ms.toPrecision(2))));
  return two > 1_000 && two < 10_000 ? `${two / 1_000} s` : formatDuration(two);
}

/**
 * What a wave is planned with at this moment: one element alone while a quota is used up, which finds out when it goes on; otherwise what the limits can
 * feed. A share that fell by refusals grows back within minutes, and a wave is planned for longer: the whole rate counts.
 */
export async function fedNow(
  state: Pick<StateTable, 'get'>,
  spec: Pick<JobSpec, 'limits' | 'handler'>,
  { nowMs, tries }: { readonly nowMs: number; readonly tries?: Pick<BusyTries, 'tries' | 'ms'> },
): Promise<FedElements | null> {
  const sites = await readSiteLimits(state, spec.limits ?? []);
  for (const [name, site] of sites)
    if (site !== null && isUsedUp(site, nowMs)) return { elements: 1, reason: `a quota of limit ${name} is used up` };
  const feed = leastOf(sites, spec, { share: 'all', ...(tries === undefined ? {} : { tries }) });
  return feed === null
    ? null
    : { elements: feed.workers, reason: `limit ${feed.limit} feeds this many, ${latencyWords(feed)}` };
}

/** No hour, day or month is shorter, whatever a zone does to its clocks. */
const SHORTEST_MS: Readonly<Record<QuotaPeriod, number>> = {
  hour: 3_600_000,
  day: 22 * 3_600_000,
  month: 27 * 86_400_000,
};

/** The window that was counted last is the present one for at least that long. */
const isUsedUp = ({ definition: { quotas }, windows }: LimitItem, nowMs: number): boolean =>
  quotas.some(({ amount, every }, place) => {
    const counted = windows[String(place)];
    return counted !== undefined && counted.used >= amount && nowMs < counted.from + SHORTEST_MS[every];
  });
