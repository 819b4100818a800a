/** From what is known of jobs, limits and pools to samples; pure. */
import { METRICS, type MetricLabels, type MetricName, type MetricSample } from '../../domain/metrics.ts';
import { perSecond } from '../../domain/limit-rate.ts';
import type { LimitItem, LimitRate } from '../../domain/limit.ts';
import type { Cause } from '../../domain/causes.ts';
import type { ItemCounts, JobMeta, TaskCounts } from '../../domain/job-item.ts';
import { isFinalJobState, JOB_STATES, type JobState } from '../../domain/states.ts';

/** One job, as far as its metrics go. */
export interface JobFigures {
  readonly id: string;
  readonly meta: JobMeta;
  readonly items: ItemCounts;
  readonly tasks: TaskCounts;
  /** Null: not counted, because the job ended and gave no task up. */
  readonly attempts: number | null;
  readonly quarantinedItems: number;
  readonly causes: readonly { readonly cause: Cause; readonly tasks: number }[];
  readonly waits: readonly { readonly kind: 'limit' | 'pool'; readonly name: string; readonly tasks: number }[];
}

export interface LimitFigures {
  readonly name: string;
  readonly item: LimitItem;
  readonly soldAheadMs: number;
}

/** Of a pool, or of a group of jobs. */
export interface PoolFigures {
  readonly name: string;
  readonly slots: number;
  readonly held: number;
  readonly waiting: number;
}

export interface MetricFacts {
  /** Epoch ms, and how long it took. */
  readonly readMs: number;
  readonly tookMs: number;
  readonly unreadableJobs: number;
  readonly omittedJobs: number;
  readonly jobs: readonly JobFigures[];
  readonly limits: readonly LimitFigures[];
  readonly pools: readonly PoolFigures[];
  readonly groups: readonly PoolFigures[];
}

const sample = <N extends MetricName>(name: N, labels: MetricLabels<N>, value: number): MetricSample => ({
  name,
  // In the order of the table, whatever the caller's.
  labels: Object.fromEntries(
    METRICS[name].labels.map((label) => [label, (labels as Record<string, string>)[label] ?? '']),
  ),
  value,
});

const seconds = (ms: number): number => ms / 1_000;

export function samplesOf(facts: MetricFacts): MetricSample[] {
  const live = JOB_STATES.filter((state) => !isFinalJobState(state));
  const inState = (state: JobState): number => facts.jobs.filter(({ meta }) => meta.state === state).length;
  return [
    sample('slurmctl_read_timestamp_seconds', {}, seconds(facts.readMs)),
    sample('slurmctl_read_duration_seconds', {}, seconds(facts.tookMs)),
    sample('slurmctl_unreadable_jobs', {}, facts.unreadableJobs),
    sample('slurmctl_omitted_jobs', {}, facts.omittedJobs),
    ...live.map((state) => sample('slurmctl_live_jobs', { state }, inState(state))),
    ...facts.jobs.flatMap(jobSamples),
    ...facts.limits.flatMap(limitSamples),
    ...facts.pools.flatMap(({ name: pool, slots, held, waiting }) => [
      sample('slurmctl_pool_slots', { pool }, slots),
      sample('slurmctl_pool_held_slots', { pool }, held),
      sample('slurmctl_pool_waiting', { pool }, waiting),
    ]),
    ...facts.groups.flatMap(({ name: group, slots, held, waiting }) => [
      sample('slurmctl_group_slots', { group }, slots),
      sample('slurmctl_group_running_jobs', { group }, held),
      sample('slurmctl_group_waiting_jobs', { group }, waiting),
    ]),
  ];
}

function jobSamples({ id, meta, items, tasks, ...job }: JobFigures): MetricSample[] {
  const own = { job_id: id };
  const { total: _items, ...outcomes } = items;
  const { total: _tasks, ...states } = tasks;
  return [
    sample('slurmctl_job_info', { ...own, job_name: meta.name, scheduler: meta.scheduler }, 1),
    ...JOB_STATES.map((state) => sample('slurmctl_job_state', { ...own, state }, state === meta.state ? 1 : 0)),
    sample('slurmctl_job_created_timestamp_seconds', own, seconds(meta.createdMs)),
    sample('slurmctl_job_updated_timestamp_seconds', own, seconds(meta.updatedMs)),
    ...(meta.finishedMs === undefined
      ? []
      : [sample('slurmctl_job_finished_timestamp_seconds', own, seconds(meta.finishedMs))]),
    sample('slurmctl_job_generation', own, meta.generation),
    sample('slurmctl_job_wave', own, Math.max(0, meta.wave)),
    ...Object.entries(outcomes).map(([outcome, count]) => sample('slurmctl_job_items', { ...own, outcome }, count)),
    ...Object.entries(states).map(([state, count]) => sample('slurmctl_job_tasks', { ...own, state }, count)),
    ...(job.attempts === null ? [] : [sample('slurmctl_job_attempts', own, job.attempts)]),
    sample('slurmctl_job_quarantined_items', own, job.quarantinedItems),
    ...job.causes.map(({ cause, tasks: count }) => sample('slurmctl_job_failing_tasks', { ...own, cause }, count)),
    ...job.waits.map(({ kind, name, tasks: count }) =>
      sample('slurmctl_job_waiting_tasks', { ...own, kind, name }, count),
    ),
  ];
}

function limitSamples({ name: limit, item, soldAheadMs }: LimitFigures): MetricSample[] {
  const { definition, m, sold, answers429 = 0, refusals } = item;
  return [
    ...Object.entries(definition.rates).map(([unit, rate]: [string, LimitRate]) =>
      sample('slurmctl_limit_rate_per_second', { limit, unit }, perSecond(rate)),
    ),
    sample('slurmctl_limit_share_ratio', { limit }, m / 1_000_000),
    sample('slurmctl_limit_sold_ahead_seconds', { limit }, seconds(soldAheadMs)),
    ...Object.entries(sold).map(([unit, units]) => sample('slurmctl_limit_sold_units_total', { limit, unit }, units)),
    sample('slurmctl_limit_refused_calls_total', { limit }, answers429),
    sample('slurmctl_limit_decreases_total', { limit }, refusals),
  ];
}
