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

/** What became of each attempt that ended without a commit (`domain/history.ts`), in the order of the attempts of each task. */
export const HISTORY_PREFIX = 'H#';
export const taskHistoryPrefix = (task: TaskId): string => `${HISTORY_PREFIX}${task}#`;
export const historyKey = (job: JobId, task: TaskId, attempts: number): StateKey => ({
  partition: jobPartition(job),
  sort: `${taskHistoryPrefix(task)}${String(attempts).padStart(4, '0')}`,
});
/** Of a task that was given up because no element ever came to it: no attempt, but an end like one, after so many of them. */
export const unclaimedKey = (
  job: JobId,
  task: TaskId,
  { attempts, generation }: { readonly attempts: number; readonly generation: number },
): StateKey => {
  const { partition, sort } = historyKey(job, task, attempts);
  return { partition, sort: `${sort}-g${generation}` };
};
/** Of a committed result that turned out corrupt (`CorruptRecord`), as the task was then: a generation ends in the one or the other. */
export const corruptKey: typeof unclaimedKey = (job, task, at) => unclaimedKey(job, task, at);
/** What people did to a job (`domain/history.ts`), oldest first; `id` is a ULID. */
export const EVENT_PREFIX = 'E#';
export const jobEventKey = (job: JobId, id: string): StateKey => ({
  partition: jobPartition(job),
  sort: `${EVENT_PREFIX}${id}`,
});
/** A breaker: `J#<job>/F#<fingerprint>`. */
export const BREAKER_PREFIX = 'F#';
export const breakerKey = (job: JobId, fingerprint: string): StateKey => ({
  partition: jobPartition(job),
  sort: `${BREAKER_PREFIX}${fingerprint}`,
});
/** What a job saw of its compute nodes. */
export const nodesKey = (job: JobId): StateKey => ({ partition: jobPartition(job), sort: 'NODES' });

/** How far the alerts of a job are (`domain/alert-items.ts`). */
export const alertsKey = (job: JobId): StateKey => ({ partition: jobPartition(job), sort: 'ALERTS' });
/** Messages to people, of all jobs: whoever passes by sends what is due, also for jobs that have ended. */
export const OUTBOX_PARTITION = 'OUTBOX';
export const outboxKey = (id: string): StateKey => ({ partition: OUTBOX_PARTITION, sort: id });

/** Tasks go round the shards by number, so that neighbours land on different partitions. */
export const taskShard = (taskNumber: number, shards: number): number => taskNumber % shards;
export const taskPartition = (job: JobId, shard: number): string => `J#${job}#T#${shard}`;
export const taskKey = (job: JobId, task: TaskId, shards: number): StateKey => ({
  partition: taskPartition(job, taskShard(Number(task), shards)),
  sort: task,
});

/** Lock items are never deleted: their fence only grows. */
export const lockKey = (name: string): StateKey => ({ partition: `L#${name}`, sort: 'LOCK' });
