/** `explain`: which story is asked for, and telling it. */
import { requireMeta } from '../coordinator/job-meta.ts';
import { taskIdOf, type JobId } from '../domain/ids.ts';
import type { QueueView } from '../ports/queue-view.ts';
import { explainJob } from './explain-job.ts';
import { explainTask, readTaskItem } from './explain-task.ts';
import { viewCarry } from './carry-view.ts';
import type { CarryDocument } from './documents.ts';
import type { ExplainDocument } from './explain-documents.ts';
import type { Drivers } from './job-backends.ts';
import { statusDocument, tellInterrupted, tellReason } from './status-document.ts';

/** `JOB/12` names a task of a job. */
const WITH_TASK = /^(.+)\/(\d{1,9})$/;

export function splitReference(reference: string): { readonly job: string; readonly task?: number } {
  const match = WITH_TASK.exec(reference);
  return match === null ? { job: reference } : { job: match[1] as string, task: Number(match[2]) };
}

interface ExplainRequest {
  readonly task?: number | undefined;
  readonly item?: string | undefined;
  /** For a job that lives in a spool. */
  readonly seenFrom?: CarryDocument['seenFrom'] | undefined;
  /** To say why elements wait in the queue. */
  readonly queue?: QueueView;
}

/** @throws JOB_NOT_FOUND for a task or an item that the job does not have, JOB_BAD_STATE for items of a job that is still being stored */
export async function explainDocument(
  drivers: Drivers,
  job: JobId,
  { task, item, seenFrom, queue }: ExplainRequest,
): Promise<ExplainDocument> {
  const meta = await requireMeta(drivers.state, job);
  const carry = seenFrom === undefined ? null : await viewCarry(drivers, job, seenFrom);
  const base = {
    schema: 'slurmctl.explain/1',
    jobId: job,
    name: meta.name,
    state: meta.state,
    reason:
      (await tellReason(drivers.state, job, meta)) ??
      (seenFrom === 'copy' ? null : await tellInterrupted(drivers, job, meta)),
    job: null,
    task: null,
    item: null,
    ...(carry === null ? {} : { carry }),
  } as const;
  if (item !== undefined) {
    const { loadJob } = await import('../aggregator/load-job.ts');
    const { findItem } = await import('./find-item.ts');
    const { explainItem } = await import('./explain-item.ts');
    const loaded = await loadJob(drivers, job);
    const placed = await findItem(drivers, loaded, item);
    const taskItem = await readTaskItem(drivers, job, placed.task, meta);
    const about = { id: placed.task, item: taskItem, meta };
    return {
      ...base,
      about: 'item',
      task: await explainTask(drivers, job, about),
      item: await explainItem(drivers, loaded, { placed, item: taskItem }),
    };
  }
  if (task !== undefined) {
    const id = taskIdOf(task);
    const taskItem = await readTaskItem(drivers, job, id, meta);
    return { ...base, about: 'task', task: await explainTask(drivers, job, { id, item: taskItem, meta }) };
  }
  const status = await statusDocument(drivers, job, seenFrom, queue);
  return { ...base, about: 'job', job: await explainJob(drivers, job, { meta, status }) };
}
