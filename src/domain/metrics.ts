/**
 * What `slurmctl metrics` measures, as the table that code and docs are made of. Names follow Prometheus: base units, `_total` for what only grows.
 * No label can have more values than there are jobs shown, causes, states, limits or pools: tasks, items, nodes and messages are none.
 */
export interface MetricFamily {
  readonly type: 'gauge' | 'counter';
  /** One sentence for people. */
  readonly help: string;
  readonly labels: readonly string[];
}

const gauge = <const L extends readonly string[] = readonly []>(help: string, ...labels: L) =>
  ({ type: 'gauge', help, labels }) as const;
const counter = <const L extends readonly string[] = readonly []>(help: string, ...labels: L) =>
  ({ type: 'counter', help, labels }) as const;

/** In the order in which they are printed. */
export const METRICS = {
  slurmctl_read_timestamp_seconds: gauge(
    'When these figures were read, in seconds since 1970: alert when it stays behind.',
  ),
  slurmctl_read_duration_seconds: gauge('How long reading them took.'),
  slurmctl_unreadable_jobs: gauge('Jobs whose state could not be read: they are missing here.'),
  slurmctl_omitted_jobs: gauge('Live jobs that are missing here because there are too many: the oldest.'),
  slurmctl_live_jobs: gauge('Jobs that have not ended, by state.', 'state'),
  slurmctl_job_info: gauge('Always 1: what a job is called and where it runs.', 'job_id', 'job_name', 'scheduler'),
  slurmctl_job_state: gauge('1 for the state that a job has, 0 for the others.', 'job_id', 'state'),
  slurmctl_job_created_timestamp_seconds: gauge('When a job was submitted, in seconds since 1970.', 'job_id'),
  slurmctl_job_updated_timestamp_seconds: gauge(
    'When something last changed for a job as a whole, such as its state or a new wave.',
    'job_id',
  ),
  slurmctl_job_finished_timestamp_seconds: gauge('When a job ended; missing while it lives.', 'job_id'),
  slurmctl_job_generation: gauge('How often parts of a job were opened again by retry.', 'job_id'),
  slurmctl_job_wave: gauge('Highest wave of a job, from 0; each wave of retries is one more.', 'job_id'),
  slurmctl_job_items: gauge('Items of a job by outcome: succeeded, failed, pending.', 'job_id', 'outcome'),
  slurmctl_job_tasks: gauge('Tasks of a job by state, as status shows them.', 'job_id', 'state'),
  slurmctl_job_attempts: gauge(
    'Attempts of tasks that were begun; missing for a job that ended without giving a task up.',
    'job_id',
  ),
  slurmctl_job_quarantined_items: gauge('Items that took their workers down and are not run any more.', 'job_id'),
  slurmctl_job_failing_tasks: gauge(
    'Tasks that failed at least once and are not done, by the cause of the last failure.',
    'job_id',
    'cause',
  ),
  slurmctl_job_waiting_tasks: gauge(
    'Running tasks whose worker waited for a limit or a pool when it was last heard of.',
    'job_id',
    'kind',
    'name',
  ),
  slurmctl_limit_rate_per_second: gauge('Units a second that a rate limit of the site allows.', 'limit', 'unit'),
  slurmctl_limit_share_ratio: gauge(
    'Share of its rate that a limit sells: 1 unless the provider refused calls.',
    'limit',
  ),
  slurmctl_limit_sold_ahead_seconds: gauge('How far ahead turns of a limit are sold; 0 when nobody waits.', 'limit'),
  slurmctl_limit_sold_units_total: counter('Units of a limit that were sold since it was created.', 'limit', 'unit'),
  slurmctl_limit_refused_calls_total: counter('Calls that the provider refused (HTTP 429), as workers told.', 'limit'),
  slurmctl_limit_decreases_total: counter('How often the rate of a limit was lowered for that.', 'limit'),
  slurmctl_pool_slots: gauge('Slots of a pool.', 'pool'),
  slurmctl_pool_held_slots: gauge('Slots of a pool that are held.', 'pool'),
  slurmctl_pool_waiting: gauge('Processes in line for a slot of a pool.', 'pool'),
  slurmctl_group_slots: gauge('Jobs of a group that may run at a time.', 'group'),
  slurmctl_group_running_jobs: gauge('Jobs of a group that have their turn.', 'group'),
  slurmctl_group_waiting_jobs: gauge('Jobs of a group that wait for their turn.', 'group'),
} as const satisfies Record<string, MetricFamily>;

export type MetricName = keyof typeof METRICS;
export type MetricLabels<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;

/** One figure; which labels a name has is in the table. */
export interface MetricSample {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
