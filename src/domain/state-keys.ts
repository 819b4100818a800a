import type { JobId, SubmissionId, TaskId } from './ids.ts';

/** A row of the state table: items of one partition are stored together and queried in byte order of `sort`. */
export interface StateKey {
  readonly partition: string;
  readonly sort: string;
}

/** Tasks a shard holds; a status query reads `ceil(tasks / this)` partitions. */
export const TASKS_PER_SHARD = 2_000;

export const shardCount = (tasks: number): number => Math.max(1, Math.ceil(tasks / TASKS_PER_SHARD));

/** Every job this table knows: `JOBS/<job>`, written first and removed last, so that `list` and `tick` need no scan. */
export const JOBS_PARTITION = 'JOBS';
export const jobIndexKey = (job: JobId): StateKey => ({ partition: JOBS_PARTITION, sort: job });

export const jobPartition = (job: JobId): string => `J#${job}`;
export const metaKey = (job: JobId): StateKey => ({ partition: jobPartition(job), sort: 'META' });
export const rollupKey = (job: JobId): StateKey => ({ partition: jobPartition(job), sort: 'ROLLUP' });
export const SUBMISSION_PREFIX = 'SUB#';
export const submissionKey = (job: JobId, submission: SubmissionId): StateKey => ({
  partition: jobPartition(job),
  sort: `${SUBMISSION_PREFIX}${submission}`,
});

/** Tasks go round the shards by number, so that neighbours land on different partitions. */
export const taskShard = (taskNumber: number, shards: number): number => taskNumber % shards;
export const taskPartition = (job: JobId, shard: number): string => `J#${job}#T#${shard}`;
export const taskKey = (job: JobId, task: TaskId, shards: number): StateKey => ({
  partition: taskPartition(job, taskShard(Number(task), shards)),
  sort: task,
});

/** Lock items are never deleted: their fence only grows. */
export const lockKey = (name: string): StateKey => ({ partition: `L#${name}`, sort: 'LOCK' });
