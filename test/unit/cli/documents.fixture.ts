import type { PlanDocument, ResultsDocument, StatusDocument, SubmitDocument } from '../../../src/app/documents.ts';
import type { JobState } from '../../../src/domain/states.ts';

export const JOB = 'licences-7k3f9q2m';

/** A running job of 1,000 items in 10 tasks. */
export const runningStatus: StatusDocument = {
  schema: 'slurmctl.status/1',
  job: {
    id: JOB,
    name: 'licences',
    state: 'RUNNING',
    reason: null,
    createdAt: '2026-11-20T23:31:05.000Z',
    finishedAt: null,
    scheduler: 'slurm',
    wave: 1,
    generation: 0,
  },
  items: { total: 1000, succeeded: 440, failed: 12, pending: 548 },
  tasks: { total: 10, pending: 1, submitted: 2, running: 2, wait: 1, done: 4, dead: 0, cancelled: 0 },
  itemsPerSec: 12.34,
  etaMs: 44_400,
  pace: { windowMs: 60_000, itemsPerSec: 10.4, leftAtLeastMs: 41_000, leftAtMostMs: 75_000, unknown: null },
  laggards: {
    slow: 1,
    silent: 0,
    medianMs: 20_000,
    tasks: [{ task: '000007', node: 'n2', runsMs: 95_000, silentMs: 4_000, done: 40, items: 100, why: 'slow' }],
  },
  usage: {
    asked: { cpus: 2, memoryBytes: 4 * 1024 ** 3, timeMs: 3_600_000 },
    cpuShare: 0.41,
    mostMemoryBytes: 1_288_490_189,
    longestTaskMs: 31_000,
    cpuHours: 0.42,
  },
  queue: {
    askedAt: '2026-11-20T23:31:40.000Z',
    running: 50,
    waiting: [
      {
        reason: 'QOSMaxJobsPerUserLimit',
        elements: 2,
        says: 'its quality of service lets one user have no more jobs at a time; 50 of yours are running',
        todo: null,
      },
    ],
    problem: null,
  },
  standstill: [
    {
      kind: 'queue',
      says: '2 array elements in the queue of Slurm: its quality of service lets one user have no more jobs at a time (QOSMaxJobsPerUserLimit)',
      waiting: 2,
      until: null,
      inMs: null,
      todo: null,
    },
  ],
  undelivered: [],
  causes: [{ cause: 'oom', tasks: 1, explanation: 'the memory limit was exceeded', example: '000003 on n2' }],
  failures: [
    {
      fingerprint: '1feedbeef000',
      cause: 'oom',
      tasks: 1,
      example: 'task 000003: killed',
      items: 0,
      share: 0,
      atLeast: false,
    },
    {
      fingerprint: '1c0ffee00000',
      cause: 'handler-error',
      tasks: 0,
      example: 'LicenceError: no licence for pump-3',
      items: 9,
      share: 0.75,
      atLeast: true,
    },
  ],
  ungroupedItems: 3,
  retries: [{ cause: 'oom', tasks: 1, undecided: 1, firstAt: null, firstInMs: null, memoryBytes: null, timeMs: null }],
  cost: { attempts: 8, tasks: 7, escalations: 0 },
  quarantinedItems: 0,
  keptResults: 0,
  lateResults: 0,
  isolatingTasks: 0,
  waits: [],
  heldBack: [],
  avoidedNodes: [],
  notes: [],
  lastEvent: null,
  submissions: [
    { state: 'SUBMITTED', kind: 'array', jobName: `${JOB}.x`, wave: 0, elements: 4, handle: '4711', reason: null },
    { state: 'INTENT', kind: 'finaliser', jobName: `${JOB}.y`, wave: 0, elements: 1, handle: null, reason: null },
  ],
  output: null,
  outputGeneration: null,
};

const { queue: _queue, ...withoutQueue } = runningStatus;

/** The job as it ended in this state. */
export const finalStatus = (state: JobState, output: string | null = '/data/out/results.parquet'): StatusDocument => ({
  ...withoutQueue,
  job: { ...runningStatus.job, state, finishedAt: '2026-11-20T23:59:05.000Z' },
  items: { total: 1000, succeeded: 988, failed: 12, pending: 0 },
  tasks: { total: 10, pending: 0, submitted: 0, running: 0, wait: 0, done: 10, dead: 0, cancelled: 0 },
  etaMs: null,
  pace: null,
  laggards: null,
  usage: null,
  standstill: [],
  causes: [],
  failures: [],
  ungroupedItems: 12,
  retries: [],
  cost: null,
  submissions: [],
  output,
  outputGeneration: output === null ? null : 0,
});

export const submitted: SubmitDocument = {
  schema: 'slurmctl.submit/1',
  jobId: JOB,
  name: 'licences',
  state: 'RUNNING',
  scheduler: 'local',
  schedulerFrom: 'no Slurm controller answers',
  items: 1000,
  tasks: 10,
  elements: 4,
  submissions: [{ handle: '4711', elements: 4 }],
  waitingFor: null,
};

export const planned: PlanDocument = {
  schema: 'slurmctl.plan/1',
  name: 'licences',
  scheduler: 'slurm',
  schedulerFrom: 'scontrol ping answers',
  home: '/data/.slurmctl',
  items: 1000,
  bytes: 123_456,
  tasks: 10,
  badRecords: 1,
  elements: 4,
  elementsReason: 'as many as the partition can run at once',
  submissions: Array.from({ length: 6 }, (_, index) => ({
    elements: 4,
    argv: ['sbatch', `--array=0-${index}`, "--comment=it's"],
    script: '#!/bin/sh\nexec worker\n',
  })),
  limits: [
    { name: 'MaxArraySize', value: '1001', from: 'scontrol show config' },
    { name: 'slots', value: '16', from: 'sinfo' },
  ],
  rules: [
    {
      name: 'rule 1 (job.yaml:9)',
      when: { exit: [75] },
      do: 'retry',
      condition: 'exit 75',
      action: 'try again, 4 times at most; wait up to 10 s, doubling to 10 m',
      coveredBy: [],
    },
    {
      name: 'built-in rule for everything else',
      when: {},
      do: 'retry',
      condition: 'everything',
      action: 'try again, 1 try of an item and 3 attempts at a task in all',
      coveredBy: [],
    },
  ],
  warnings: [
    { message: 'handler.timeout is longer than resources.time', place: { file: 'job.yaml', line: 7, column: 3 } },
  ],
};

export const published: ResultsDocument = {
  schema: 'slurmctl.results/1',
  jobId: JOB,
  path: '/data/out/results.parquet',
  errorsPath: '/data/out/errors.parquet',
  bytes: 1_234,
  rows: 2,
  succeeded: 1,
  failed: 1,
  columns: [
    { name: 'item_id', type: 'VARCHAR' },
    { name: 'bytes', type: 'BIGINT' },
  ],
};
