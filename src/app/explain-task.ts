import { counted } from '../domain/counted.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { taskKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { formatDuration } from '../domain/units.ts';
import { AppError } from '../errors/app-error.ts';
import { explainAttempts } from './explain-attempts.ts';
import type { ExplainedTask } from './explain-documents.ts';
import type { Drivers } from './job-backends.ts';

/** @throws JOB_NOT_FOUND for a task that the job does not have */
export async function readTaskItem(
  { state }: Pick<Drivers, 'state'>,
  job: JobId,
  task: TaskId,
  meta: JobMeta,
): Promise<TaskItem> {
  const item = Number(task) < meta.tasks ? await state.get(taskKey(job, task, meta.shards)) : null;
  if (item !== null) return item as unknown as TaskItem;
  throw new AppError('JOB_NOT_FOUND', {
    message: `job ${job} has no task ${Number(task)}`,
    hint:
      meta.tasks === 0
        ? 'Its input is not split yet'
        : `Its tasks are 0 to ${meta.tasks - 1}; an item is named with --item`,
  });
}

/** The story of a task from its first attempt on. */
export async function explainTask(
  drivers: Pick<Drivers, 'state' | 'store' | 'clock'>,
  job: JobId,
  about: { readonly id: TaskId; readonly item: TaskItem; readonly meta: JobMeta },
): Promise<ExplainedTask> {
  const { id, item, meta } = about;
  return {
    task: id,
    state: item.state,
    generation: item.generation,
    items: item.items,
    attemptsBegun: item.attempts,
    charged: item.charged,
    attempts: await explainAttempts(drivers, job, about),
    next: nextOf(item, meta, drivers.clock.nowMs()),
    suspects: item.suspects ?? null,
    quarantined: item.quarantined ?? null,
    memoryBytes: item.needs?.memoryBytes ?? null,
    timeMs: item.needs?.timeMs ?? null,
  };
}

/** Where the task stands and what comes next, in one sentence; pure. */
export function nextOf(item: TaskItem, meta: Pick<JobMeta, 'state'>, nowMs: number): string {
  const paused = meta.state === 'PAUSED' ? ', once the job is resumed' : '';
  switch (item.state) {
    case 'PENDING':
      return item.attempts === 0
        ? `no element has come to it yet${paused === '' ? '' : '; the job is paused'}`
        : `an element may begin its next attempt${paused}`;
    case 'RUNNING':
      return runningSentence(item, nowMs);
    case 'WAIT':
      return waitSentence(item, nowMs, paused);
    case 'DONE':
      return doneSentence(item);
    case 'DEAD':
      return `it was given up (${item.cause ?? 'unknown'}: ${item.causeDetail ?? 'no detail'}): its unfinished items count as failed`;
    case 'CANCELLED':
      return 'it was cancelled with the job: its unfinished items count as failed';
  }
}

function doneSentence({ win }: TaskItem): string {
  const succeeded = win?.succeeded ?? 0;
  return `it is done: ${counted(succeeded, 'item')} succeeded, ${win?.failed ?? 0} failed`;
}

function runningSentence(item: TaskItem, nowMs: number): string {
  const { node, progress = 0, items, heartbeatMs } = item;
  const where = node === undefined ? '' : ` on ${node}`;
  const seen =
    heartbeatMs === undefined ? '' : `, last heard of ${formatDuration(Math.max(0, nowMs - heartbeatMs))} ago`;
  return `it runs${where}: ${progress} of ${items} items finished${seen}${waitingClause(item, nowMs)}`;
}

function waitingClause({ waiting }: TaskItem, nowMs: number): string {
  if (waiting === undefined) return '';
  const { kind, name, untilMs } = waiting;
  const next = untilMs === undefined ? '' : `, next slot in ${formatDuration(Math.max(0, untilMs - nowMs))}`;
  return `; it waits for the ${kind} ${name}${next}`;
}

function waitSentence({ notBeforeMs, checkpoint, items }: TaskItem, nowMs: number, paused: string): string {
  if (notBeforeMs === undefined) return 'its attempt has ended; the next advance decides what becomes of it';
  const saved = checkpoint === undefined ? '' : `; ${checkpoint.items} of ${items} items are saved and not run again`;
  const when =
    notBeforeMs <= nowMs
      ? 'its retry is due'
      : `it is retried at ${clockTime(notBeforeMs)} (in ${formatDuration(notBeforeMs - nowMs)})`;
  return `${when}${paused}${saved}`;
}

const clockTime = (epochMs: number): string => `${new Date(epochMs).toISOString().slice(11, 19)} UTC`;
