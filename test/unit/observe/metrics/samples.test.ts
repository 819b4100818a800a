import { describe, expect, it } from 'vitest';
import type { JobMeta } from '../../../../src/domain/job-item.ts';
import { METRICS } from '../../../../src/domain/metrics.ts';
import { renderExposition } from '../../../../src/observe/metrics/exposition.ts';
import { samplesOf, type MetricFacts } from '../../../../src/observe/metrics/samples.ts';
import { readPrometheusText } from '../../../support/prometheus-text.ts';

const META: JobMeta = {
  state: 'RUNNING',
  stage: 'ready',
  name: 'a "job"\nof \\ two lines',
  createdMs: 1_000,
  updatedMs: 2_500,
  generation: 1,
  specHash: '',
  scheduler: 'slurm',
  fence: 1,
  tasks: 4,
  items: 40,
  shards: 1,
  wave: 2,
  submittedWave: 2,
};
const FACTS: MetricFacts = {
  readMs: 10_000,
  tookMs: 250,
  unreadableJobs: 1,
  omittedJobs: 0,
  jobs: [
    {
      id: 'demo-00000000',
      meta: META,
      items: { total: 40, succeeded: 30, failed: 2, pending: 8 },
      tasks: { total: 4, pending: 0, submitted: 1, running: 1, wait: 1, done: 1, dead: 0, cancelled: 0 },
      attempts: 5,
      quarantinedItems: 1,
      causes: [{ cause: 'oom', tasks: 1 }],
      waits: [{ kind: 'limit', name: 'api', tasks: 1 }],
    },
    {
      id: 'over-00000000',
      meta: { ...META, state: 'COMPLETED', name: 'over', finishedMs: 9_000 },
      items: { total: 1, succeeded: 1, failed: 0, pending: 0 },
      tasks: { total: 1, pending: 0, submitted: 0, running: 0, wait: 0, done: 1, dead: 0, cancelled: 0 },
      attempts: null,
      quarantinedItems: 0,
      causes: [],
      waits: [],
    },
  ],
  limits: [
    {
      name: 'api',
      soldAheadMs: 1_500,
      item: {
        definition: {
          rates: { requests: { amount: 300, perMs: 60_000 } },
          quotas: [],
          burstMs: 0,
          mode: 'statistical',
        },
        source: '',
        setMs: 1,
        g: 1,
        m: 500_000,
        refusals: 2,
        answers429: 7,
        sinceMs: 1,
        sold: { requests: 99 },
        windows: {},
      },
    },
  ],
  pools: [{ name: 'db', slots: 3, held: 2, waiting: 5 }],
  groups: [{ name: 'nightly', slots: 1, held: 1, waiting: 4 }],
};

describe('samples', () => {
  const families = readPrometheusText(renderExposition(samplesOf(FACTS)));
  const valuesOf = (name: string, labels: Record<string, string> = {}): number[] =>
    (families.get(name)?.samples ?? [])
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .map(({ value }) => value);

  it('make use of every family, with its labels and no others', () => {
    expect([...families.keys()]).toEqual(Object.keys(METRICS));
    for (const [name, family] of families)
      for (const { labels } of family.samples)
        expect(Object.keys(labels)).toEqual(METRICS[name as keyof typeof METRICS].labels);
  });

  it('are in base units', () => {
    expect(valuesOf('slurmctl_read_timestamp_seconds')).toEqual([10]);
    expect(valuesOf('slurmctl_read_duration_seconds')).toEqual([0.25]);
    expect(valuesOf('slurmctl_limit_sold_ahead_seconds')).toEqual([1.5]);
    expect(valuesOf('slurmctl_limit_rate_per_second')).toEqual([5]);
    expect(valuesOf('slurmctl_limit_share_ratio')).toEqual([0.5]);
  });

  it('add up to what is known of a job', () => {
    const demo = { job_id: 'demo-00000000' };
    expect(valuesOf('slurmctl_job_items', demo)).toEqual([30, 2, 8]);
    expect(valuesOf('slurmctl_job_tasks', demo).reduce((sum, value) => sum + value, 0)).toBe(4);
    expect(valuesOf('slurmctl_job_state', { ...demo, state: 'RUNNING' })).toEqual([1]);
    expect(valuesOf('slurmctl_job_state', demo).reduce((sum, value) => sum + value, 0)).toBe(1);
    expect(families.get('slurmctl_job_info')?.samples[0]?.labels).toEqual({
      ...demo,
      job_name: META.name,
      scheduler: 'slurm',
    });
    expect(valuesOf('slurmctl_job_finished_timestamp_seconds')).toEqual([9]);
    expect(valuesOf('slurmctl_job_attempts')).toEqual([5]);
  });

  it('count live jobs by state, where there are none too', () => {
    expect(families.get('slurmctl_live_jobs')?.samples.map(({ labels, value }) => [labels['state'], value])).toEqual([
      ['SUBMITTING', 0],
      ['RUNNING', 1],
      ['PAUSED', 0],
      ['AGGREGATING', 0],
    ]);
  });
});
