/** The attempts of a job without a result: those that are recorded, and those that nobody has decided about yet. */
import { fingerprintOf } from '../domain/fingerprint.ts';
import { isCorruptRecord, type AttemptRecord } from '../domain/history.ts';
import type { TaskId } from '../domain/ids.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { FailingAttempt } from './failing-task.ts';
import type { ErrorSources, ObservedJob } from './needs.ts';
import { ownWhereabouts } from './whereabouts.ts';

export interface FailingAttempts {
  readonly byTask: Map<TaskId, FailingAttempt[]>;
  /** Attempts among them that nobody has decided about. */
  readonly undecided: number;
  /** Committed results that were found damaged: no attempts, and not among them. */
  readonly corrupt: number;
}

export async function readFailingAttempts({ records, tasks, job }: ErrorSources): Promise<FailingAttempts> {
  const byTask = new Map<TaskId, FailingAttempt[]>();
  const add = (task: TaskId, attempt: FailingAttempt): void => {
    const known = byTask.get(task);
    if (known === undefined) byTask.set(task, [attempt]);
    else known.push(attempt);
  };
  let corrupt = 0;
  for await (const { task, record } of records)
    if (isCorruptRecord(record)) corrupt += 1;
    else add(task, recorded(record, job));
  let undecided = 0;
  for (const { task, item } of tasks) {
    const attempt = undecidedOf(item, job);
    if (attempt === null) continue;
    undecided += 1;
    add(task, attempt);
  }
  return { byTask, undecided, corrupt };
}

function recorded(record: AttemptRecord, job: ObservedJob): FailingAttempt {
  const { attempt = null, node = null, startedMs = null, endedMs, cause, detail, fingerprint } = record;
  return {
    attempt,
    node,
    startedMs,
    endedMs,
    memoryBytes: record.memoryBytes ?? job.memoryBytes,
    timeMs: record.timeMs ?? job.timeMs,
    cause,
    message: detail,
    fingerprint: fingerprint ?? fingerprintOf({ cause, message: detail, ...endingOf(record) }),
  };
}

/** An attempt that has ended and that nobody has decided about has no record yet: its task tells of it. Null: there is none. */
function undecidedOf(item: TaskItem, job: ObservedJob): FailingAttempt | null {
  const { state, notBeforeMs, owner, cause, causeDetail: message = '' } = item;
  if (state !== 'WAIT' || notBeforeMs !== undefined || owner === undefined || cause === undefined) return null;
  const failure = { cause, message };
  return { ...ownWhereabouts(item, job), ...failure, fingerprint: fingerprintOf({ ...failure, ...endingOf(item) }) };
}

const endingOf = ({ exitCode, signal }: Pick<AttemptRecord, 'exitCode' | 'signal'>) => ({
  ...(exitCode === undefined ? {} : { exitCode }),
  ...(signal === undefined ? {} : { signal }),
});
