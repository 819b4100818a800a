/** Every attempt at a task: the records of those that failed, those that a retry left behind, and the one that runs, has just ended, or won. */
import { isCorruptRecord, type AttemptRecord, type CorruptRecord } from '../domain/history.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { jobPartition, taskHistoryPrefix } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { explanationOf, isoOrNull, ofWinner, UNKNOWN } from './explain-committed.ts';
import type { ExplainedAttempt } from './explain-documents.ts';
import { earlierAttempts } from './explain-replaced.ts';
import type { Drivers } from './job-backends.ts';

/** In order. */
export async function explainAttempts(
  drivers: Pick<Drivers, 'state' | 'store'>,
  job: JobId,
  { id, item, meta }: { readonly id: TaskId; readonly item: TaskItem; readonly meta: JobMeta },
): Promise<ExplainedAttempt[]> {
  const attempts = new Map<number, ExplainedAttempt>();
  const others: ExplainedAttempt[] = [];
  const prefix = taskHistoryPrefix(id);
  for await (const { sort, item: stored } of drivers.state.query(jobPartition(job), prefix)) {
    const [, number = '', generation] = RECORD.exec(sort.slice(prefix.length)) ?? [];
    const record = stored as unknown as AttemptRecord | CorruptRecord;
    if (isCorruptRecord(record)) {
      const isOpenedAgain = record.generation < item.generation;
      if (isOpenedAgain) others.push(await ofCorrupt(drivers, job, { task: id, number: Number(number), record }));
    } else if (generation === undefined) attempts.set(Number(number), ofRecord(Number(number), record));
    else others.push({ ...ofRecord(Number(number), record), end: 'unclaimed' });
  }
  for (const earlier of await earlierAttempts(drivers, job, { id, item, meta }))
    if (!attempts.has(earlier.number)) attempts.set(earlier.number, earlier);
  const current = await currentAttempt(drivers, job, { id, item, meta });
  if (current !== null) attempts.set(item.attempts, current);
  return [...attempts.values(), ...others].toSorted((a, b) => a.number - b.number || a.generation - b.generation);
}

/** What follows the prefix in `historyKey`, and in `unclaimedKey` and `corruptKey`. */
const RECORD = /^(\d+)(?:-g(\d+))?$/;

function ofRecord(number: number, record: AttemptRecord): ExplainedAttempt {
  const { startedMs, endedMs } = record;
  return {
    ...UNKNOWN,
    number,
    end: 'failed',
    generation: record.generation,
    attempt: record.attempt ?? null,
    node: record.node ?? null,
    startedAt: isoOrNull(startedMs),
    endedAt: isoOrNull(endedMs),
    tookMs: startedMs === undefined ? null : Math.max(0, endedMs - startedMs),
    cause: record.cause,
    explanation: explanationOf(record.cause),
    detail: record.detail,
    exitCode: record.exitCode ?? null,
    signal: record.signal ?? null,
    savedItems: record.savedItems,
    decision: record.decision,
    rule: record.rule,
    why: record.why,
    charged: record.charged,
    retryAt: isoOrNull(record.notBeforeMs),
    memoryBytes: record.memoryBytes ?? null,
    timeMs: record.timeMs ?? null,
    suspects: record.suspects ?? null,
  };
}

/** What its seal tells of it, if that can still be read. */
async function ofCorrupt(
  { store }: Pick<Drivers, 'store'>,
  job: JobId,
  { task, number, record }: { readonly task: TaskId; readonly number: number; readonly record: CorruptRecord },
): Promise<ExplainedAttempt> {
  const { generation, detail } = record;
  const won = await ofWinner(store, job, task, record);
  return { ...UNKNOWN, number, generation, ...won, end: 'corrupt', detail };
}

/** Null when no attempt is under way, undecided, the winner, or what a cancel ended. */
async function currentAttempt(
  { store }: Pick<Drivers, 'store'>,
  job: JobId,
  {
    id,
    item,
    meta,
  }: { readonly id: TaskId; readonly item: TaskItem; readonly meta: Pick<JobMeta, 'state' | 'reason'> },
): Promise<ExplainedAttempt | null> {
  const base = { ...UNKNOWN, number: item.attempts, generation: item.generation };
  if (item.win !== undefined) return { ...base, ...(await ofWinner(store, job, id, item.win)) };
  const { owner, cause } = item;
  const end = endOf(item);
  if (owner === undefined || end === null) return null;
  const detail = end !== 'cancelled' ? item.causeDetail : meta.state === 'CANCELLED' ? meta.reason : undefined;
  return {
    ...base,
    end,
    attempt: owner,
    node: item.node ?? null,
    startedAt: isoOrNull(item.startedMs),
    savedItems: item.checkpoint?.items ?? 0,
    ...(cause === undefined ? {} : { cause, explanation: explanationOf(cause), detail: detail ?? null }),
    exitCode: item.exitCode ?? null,
    signal: item.signal ?? null,
  };
}

/** Of the attempt that the owner of a task names. A cancel leaves the owner of a task that it took from one in place. */
function endOf({ state, notBeforeMs }: TaskItem): 'running' | 'undecided' | 'cancelled' | null {
  if (state === 'RUNNING') return 'running';
  if (state === 'CANCELLED') return 'cancelled';
  return state === 'WAIT' && notBeforeMs === undefined ? 'undecided' : null;
}
