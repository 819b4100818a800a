/** Every attempt at a task: the records of those that failed, and the one that runs, has just ended, or won. */
import { CAUSES, type Cause } from '../domain/causes.ts';
import type { AttemptRecord } from '../domain/history.ts';
import type { AttemptId, JobId, TaskId } from '../domain/ids.ts';
import { doneKey } from '../domain/keys.ts';
import type { DoneManifest } from '../domain/manifest.ts';
import { jobPartition, taskHistoryPrefix } from '../domain/state-keys.ts';
import type { TaskItem, Win } from '../domain/task-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';
import type { ExplainedAttempt } from './explain-documents.ts';

export const isoOrNull = (epochMs: number | undefined): string | null =>
  epochMs === undefined ? null : new Date(epochMs).toISOString();

export const explanationOf = (cause: Cause): string => CAUSES[cause].explanation;

/** In order. */
export async function explainAttempts(
  drivers: Pick<Drivers, 'state' | 'store'>,
  job: JobId,
  { id, item }: { readonly id: TaskId; readonly item: TaskItem },
): Promise<ExplainedAttempt[]> {
  const attempts = new Map<number, ExplainedAttempt>();
  const prefix = taskHistoryPrefix(id);
  for await (const { sort, item: record } of drivers.state.query(jobPartition(job), prefix)) {
    const number = Number(sort.slice(prefix.length));
    attempts.set(number, ofRecord(number, record as unknown as AttemptRecord));
  }
  const current = await currentAttempt(drivers, job, id, item);
  if (current !== null) attempts.set(item.attempts, current);
  return [...attempts.values()].toSorted((a, b) => a.number - b.number);
}

const UNKNOWN = {
  attempt: null,
  node: null,
  startedAt: null,
  endedAt: null,
  tookMs: null,
  cause: null,
  explanation: null,
  detail: null,
  exitCode: null,
  signal: null,
  savedItems: null,
  decision: null,
  rule: null,
  why: null,
  charged: null,
  retryAt: null,
  memoryBytes: null,
  timeMs: null,
  suspects: null,
} as const;

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

/** Null when no attempt is under way, undecided, or the winner. */
async function currentAttempt(
  { store }: Pick<Drivers, 'store'>,
  job: JobId,
  task: TaskId,
  item: TaskItem,
): Promise<ExplainedAttempt | null> {
  const base = { ...UNKNOWN, number: item.attempts, generation: item.generation };
  if (item.win !== undefined) return { ...base, ...(await ofWinner(store, job, task, item.win)) };
  const { state, owner, cause } = item;
  const isUndecided = state === 'WAIT' && item.notBeforeMs === undefined;
  if (owner === undefined || (state !== 'RUNNING' && !isUndecided)) return null;
  return {
    ...base,
    end: isUndecided ? 'undecided' : 'running',
    attempt: owner,
    node: item.node ?? null,
    startedAt: isoOrNull(item.startedMs),
    savedItems: item.checkpoint?.items ?? 0,
    ...(cause === undefined ? {} : { cause, explanation: explanationOf(cause), detail: item.causeDetail ?? null }),
    exitCode: item.exitCode ?? null,
    signal: item.signal ?? null,
  };
}

async function ofWinner(
  store: Drivers['store'],
  job: JobId,
  task: TaskId,
  win: Win,
): Promise<Pick<ExplainedAttempt, 'end' | 'attempt' | 'savedItems'> & Partial<ExplainedAttempt>> {
  const known = { end: 'committed', attempt: win.attempt, savedItems: win.rows } as const;
  const done = await readDone(store, job, { task, attempt: win.attempt, sha256: win.sha256 });
  if (done === null) return known;
  const { startedMs, finishedMs } = done.timings;
  return {
    ...known,
    node: done.node,
    startedAt: isoOrNull(startedMs),
    endedAt: isoOrNull(finishedMs),
    tookMs: Math.max(0, finishedMs - startedMs),
  };
}

/** Null when it is missing or damaged: the story is told without it, and merging says what is wrong. */
async function readDone(
  store: Drivers['store'],
  job: JobId,
  won: { readonly task: TaskId; readonly attempt: AttemptId; readonly sha256: string },
): Promise<DoneManifest | null> {
  try {
    const bytes = await store.get(doneKey(job, won.task, won.attempt), { sha256: won.sha256 });
    return bytes === null ? null : (JSON.parse(new TextDecoder().decode(bytes)) as DoneManifest);
  } catch (error) {
    if (!isAppError(error, 'STORE_CORRUPT')) throw error;
    return null;
  }
}
