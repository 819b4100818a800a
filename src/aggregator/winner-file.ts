import { join } from 'node:path';
import type { AttemptId, JobId, TaskId } from '../domain/ids.ts';
import { doneKey, resultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { isAppError } from '../errors/app-error.ts';
import type { AggregatorDeps } from './deps.ts';
import { expectSame, lie, readStored } from './read-stored.ts';

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
  const dir = await scratch.open('outcomes');
  try {
    const path = join(dir.path, 'results.sqlite');
    await store.getFile(results.key, path, { sha256: results.sha256 }).catch((error: unknown) => {
      const damaged = isAppError(error, 'STORE_NOT_FOUND') || isAppError(error, 'STORE_CORRUPT');
      throw damaged ? lie(store, results.key, blame, error.message) : error;
    });
    const file = (await resultFiles()).openSealed(path);
    try {
      return { done, outcomes: [...file.byIndex(only)] };
    } finally {
      file.close();
    }
  } finally {
    await dir.dispose();
  }
}
