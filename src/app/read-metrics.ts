/** `metrics`: the figures of jobs, limits and pools, from what is stored; no question to the batch system, no change. */
import { summariseJob } from '../coordinator/summarise.ts';
import { groupOfPool } from '../domain/turns.ts';
import { isAppError } from '../errors/app-error.ts';
import { listLimits } from '../limiter/site-limits.ts';
import { samplesOf, type JobFigures, type LimitFigures, type MetricFacts } from '../observe/metrics/samples.ts';
import { soldAheadMs } from './limit-commands.ts';
import { findJob, knownJobs, type KnownJob } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import type { MetricsDocument } from './metrics-documents.ts';
import { poolList } from './pool-commands.ts';
import { requireState } from './require-state.ts';
import { tableNowMs } from './table-time.ts';

/** Jobs that have ended: the newest of them. */
const MOST_ENDED = 20;
/** Each of them is some thirty lines, and a read of its tasks. */
const MOST_LIVE = 500;

/** `jobs`: which ones; empty: the live ones and the newest that have ended. @throws JOB_NOT_FOUND, STATE_* */
export async function readMetrics(drivers: Drivers, jobs: readonly string[]): Promise<MetricsDocument> {
  const { clock, state } = drivers;
  const startedMs = clock.monotonicMs();
  await requireState(state);
  const chosen = jobs.length === 0 ? chooseJobs(await knownJobs(state)) : await namedJobs(drivers, jobs);
  const unreadable: { jobId: string; problem: string }[] = [];
  const figures: JobFigures[] = [];
  for (const { id } of chosen.jobs) {
    try {
      figures.push(await jobFigures(drivers, id));
    } catch (error) {
      if (!isAppError(error)) throw error;
      // Gone meanwhile, or a submit that died before there was a job.
      if (error.code !== 'JOB_NOT_FOUND') unreadable.push({ jobId: id, problem: `${error.message} [${error.code}]` });
    }
  }
  const limits = await limitFigures(drivers);
  const { pools, groups } = await poolFigures(drivers);
  const readMs = clock.nowMs();
  const tookMs = clock.monotonicMs() - startedMs;
  const counted = { unreadableJobs: unreadable.length, omittedJobs: chosen.omitted };
  const samples = samplesOf({ readMs, tookMs, ...counted, jobs: figures, limits, pools, groups });
  return {
    schema: 'slurmctl.metrics/1',
    at: new Date(readMs).toISOString(),
    samples,
    unreadable,
    path: null,
    url: null,
  };
}

interface Chosen {
  readonly jobs: readonly KnownJob[];
  /** Live jobs that are left out. */
  readonly omitted: number;
}

/** Newest first, as they are known. */
function chooseJobs(known: readonly KnownJob[]): Chosen {
  const live = known.filter((job) => job.live);
  const ended = known.filter((job) => !job.live);
  return {
    jobs: [...live.slice(0, MOST_LIVE), ...ended.slice(0, MOST_ENDED)],
    omitted: Math.max(0, live.length - MOST_LIVE),
  };
}

/** Each once, however it is called. */
async function namedJobs({ state }: Drivers, references: readonly string[]): Promise<Chosen> {
  const found = new Map<string, KnownJob>();
  for (const reference of references) {
    const job = await findJob(state, reference);
    found.set(job.id, job);
  }
  return { jobs: [...found.values()], omitted: 0 };
}

async function jobFigures({ state }: Drivers, id: KnownJob['id']): Promise<JobFigures> {
  const { meta, items, tasks, causes, trouble } = await summariseJob(state, id);
  const { cost, quarantinedItems, waits } = trouble;
  return { id, meta, items, tasks, attempts: cost?.attempts ?? null, quarantinedItems, causes, waits };
}

async function limitFigures(drivers: Drivers): Promise<LimitFigures[]> {
  const limits = await listLimits(drivers.state);
  // The time costs something, and a limit that sold nothing needs none.
  const nowMs = limits.some(({ item }) => item.t !== undefined) ? await tableNowMs(drivers) : 0;
  return limits.map(({ name, item }) => ({
    name,
    item,
    soldAheadMs: soldAheadMs(item, nowMs),
  }));
}

async function poolFigures(drivers: Drivers): Promise<Pick<MetricFacts, 'pools' | 'groups'>> {
  const { pools, groups } = await poolList(drivers);
  return {
    pools: pools.map(({ figures: { name, slots }, held, waiting }) => ({ name, slots, held, waiting })),
    groups: groups.map(({ figures: { name, slots }, held, waiting }) => ({
      name: groupOfPool(name) ?? name,
      slots,
      held,
      waiting,
    })),
  };
}
