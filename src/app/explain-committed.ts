/** What is told of an attempt that was committed, and the words that all attempts share. */
import { CAUSES, type Cause } from '../domain/causes.ts';
import type { AttemptId, JobId, TaskId } from '../domain/ids.ts';
import { doneKey } from '../domain/keys.ts';
import type { DoneManifest } from '../domain/manifest.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ExplainedAttempt } from './explain-documents.ts';
import type { Drivers } from './job-backends.ts';

export const isoOrNull = (epochMs: number | undefined): string | null =>
  epochMs === undefined ? null : new Date(epochMs).toISOString();

export const explanationOf = (cause: Cause): string => CAUSES[cause].explanation;

/** An attempt of which nothing is known. */
export const UNKNOWN = {
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

/** What the seal of a committed attempt tells. */
export async function ofWinner(
  store: Drivers['store'],
  job: JobId,
  task: TaskId,
  win: { readonly attempt: AttemptId; readonly sha256?: string; readonly rows: number | null },
): Promise<Pick<ExplainedAttempt, 'end' | 'attempt' | 'savedItems'> & Partial<ExplainedAttempt>> {
  const known = { end: 'committed', attempt: win.attempt, savedItems: win.rows } as const;
  const done = await readDone(store, job, task, win);
  if (done === null) return known;
  const { startedMs, finishedMs } = done.timings;
  return {
    ...known,
    savedItems: done.rows,
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
  task: TaskId,
  { attempt, sha256 }: { readonly attempt: AttemptId; readonly sha256?: string },
): Promise<DoneManifest | null> {
  try {
    const bytes = await store.get(doneKey(job, task, attempt), sha256 === undefined ? {} : { sha256 });
    return bytes === null ? null : (JSON.parse(new TextDecoder().decode(bytes)) as DoneManifest);
  } catch (error) {
    if (!isAppError(error, 'STORE_CORRUPT') && !(error instanceof SyntaxError)) throw error;
    return null;
  }
}
