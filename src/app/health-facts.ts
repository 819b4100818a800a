/** What is known of one job that tells whether it is well. */
import { readBreakers } from '../coordinator/breakers.ts';
import type { Submission } from '../coordinator/submissions.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isNews, type JobHealthFacts } from '../observe/health/judge-job.ts';
import { createTaskHealth, type TaskHealth } from '../observe/health/task-health.ts';
import { advanceHolder } from './advance-holder.ts';
import type { Drivers } from './job-backends.ts';

export interface LookedAt {
  readonly job: JobId;
  /** The job's own drivers. */
  readonly own: Drivers;
  readonly meta: JobMeta;
  readonly submissions: readonly Submission[];
}

/** Tasks, breakers and the lease are read of those alone that they say something about. */
export async function healthFacts(looked: LookedAt, queue: JobHealthFacts['queue']): Promise<JobHealthFacts> {
  const { job, own, meta, submissions } = looked;
  const nowMs = own.clock.nowMs();
  const common = { job, meta, nowMs, submissions, queue };
  const tasks = isNews(meta, nowMs) ? await taskHealth(looked, nowMs) : null;
  if (isFinalJobState(meta.state)) return { ...common, tasks, breakerDueMs: null, holder: null };
  return { ...common, tasks, breakerDueMs: await breakerDue(own, job), holder: await advanceHolder(own, job) };
}

async function taskHealth({ own, job, meta }: LookedAt, nowMs: number): Promise<TaskHealth> {
  const counter = createTaskHealth(nowMs);
  for await (const task of readTasks(own.state, job, meta.shards)) counter.add(task);
  return counter.health();
}

async function breakerDue({ state }: Drivers, job: JobId): Promise<number | null> {
  const { stored } = await readBreakers(state, job);
  const due = [...stored.values()].flatMap(({ state: is, untilMs }) =>
    is === 'OPEN' && untilMs !== undefined ? [untilMs] : [],
  );
  return due.length === 0 ? null : Math.max(...due);
}
