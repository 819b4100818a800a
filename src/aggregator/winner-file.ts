import { join } from 'node:path';
import type { AttemptId, JobId, TaskId } from '../domain/ids.ts';
import { doneKey, resultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { isAppError } from '../errors/app-error.ts';
import type { SealedResultFile } from '../ports/result-file.ts';
import type { AggregatorDeps } from './deps.ts';
import { expectSame, lie, readStored } from './read-stored.ts';

/** Up to here a file is opened where it was read to, in memory: a tenth of the time that a directory, a copy and its removal take. */
const IN_MEMORY_BYTES = 4 * 1024 ** 2;

export interface WinnerFile {
  readonly task: TaskId;
  readonly attempt: AttemptId;
  /** Of done.json, as the commit recorded it. */
  readonly sha256: string;
  /** Absent: all outcomes. */
  readonly only?: 'failed';
}

/** The outcomes of a committed attempt, from its per-item file, in item order. @throws RESULT_CORRUPT naming task and file */
export async function readWinnerFile(
  { store, scratch, resultFiles }: Pick<AggregatorDeps, 'store' | 'scratch' | 'resultFiles'>,
  job: JobId,
  { task, attempt, sha256, only }: WinnerFile,
): Promise<{ readonly done: DoneManifest; readonly outcomes: ItemOutcome[] }> {
  const blame = { code: 'RESULT_CORRUPT', owner: `task ${task}`, task } as const;
  const key = doneKey(job, task, attempt);
  const done = await readStored<DoneManifest>(store, key, { ...blame, schema: MANIFEST_SCHEMAS.done, sha256 });
  if (done === null) throw lie(store, key, blame, 'it is missing');
  const { results } = done.files;
  const expected = resultsKey(job, task, attempt);
  expectSame(store, key, blame, { what: 'key of the results', found: results.key, expected });
  const damaged = (error: unknown): unknown =>
    isAppError(error, 'STORE_NOT_FOUND') || isAppError(error, 'STORE_CORRUPT')
      ? lie(store, results.key, blame, error.message)
      : error;
  const files = await resultFiles();
  if (results.bytes <= IN_MEMORY_BYTES) {
    const bytes = await store.get(results.key, { sha256: results.sha256 }).catch((error: unknown) => {
      throw damaged(error);
    });
    if (bytes === null) throw lie(store, results.key, blame, 'it is missing');
    return { done, outcomes: outcomesOf(files.openBytes(bytes, store.url(results.key)), only) };
  }
  const dir = await scratch.open('outcomes');
  try {
    const path = join(dir.path, 'results.sqlite');
    await store.getFile(results.key, path, { sha256: results.sha256 }).catch((error: unknown) => {
      throw damaged(error);
    });
    return { done, outcomes: outcomesOf(files.openSealed(path), only) };
  } finally {
    await dir.dispose();
  }
}

function outcomesOf(file: SealedResultFile, only: 'failed' | undefined): ItemOutcome[] {
  try {
    return [...file.byIndex(only)];
  } finally {
    file.close();
  }
}
