import { createHash } from 'node:crypto';
import type { TaskId } from '../domain/ids.ts';
import { doneKey, partKey, resultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type FileDigest } from '../domain/manifest.ts';
import type { TaskItem, Win } from '../domain/task-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { LoadedJob } from './load-job.ts';
import { expectSame, lie, readStored } from './read-stored.ts';

export interface CommittedTask {
  readonly task: TaskId;
  readonly item: TaskItem;
  readonly win: Win;
}

const blame = (task: TaskId) => ({ code: 'RESULT_CORRUPT', owner: `task ${task}`, task }) as const;

/** The seal of a committed attempt, checked against the commit. @throws RESULT_CORRUPT naming task, file, found and expected */
export async function readDone(
  store: ObjectStore,
  { job }: LoadedJob,
  { task, item, win }: CommittedTask,
): Promise<DoneManifest> {
  const key = doneKey(job, task, win.attempt);
  const done = await readStored<DoneManifest>(store, key, {
    ...blame(task),
    schema: MANIFEST_SCHEMAS.done,
    sha256: win.sha256,
  });
  if (done === null) throw lie(store, key, blame(task), 'it is missing');
  const check = (what: string, found: unknown, expected: unknown): void =>
    expectSame(store, key, blame(task), { what, found, expected });
  check('job', done.job, job);
  check('task', done.task, task);
  check('attempt', done.attempt, win.attempt);
  check('generation', done.generation, item.generation);
  check('rows', done.rows, item.items);
  check('rows of the commit', win.rows, done.rows);
  check('succeeded', done.succeeded, win.succeeded);
  check('failed', done.failed, win.failed);
  check('succeeded plus failed', done.succeeded + done.failed, done.rows);
  check('key of the part', done.files.part.key, partKey(job, task, win.attempt));
  check('key of the results', done.files.results.key, resultsKey(job, task, win.attempt));
  return done;
}

/** Up to here a file is read in one piece, which costs a fraction of a stream's turns. */
const ONE_PIECE_BYTES = 4 * 1024 ** 2;

/** Reads a whole file of a winner and compares length and hash. @throws RESULT_CORRUPT */
export async function verifyFile(store: ObjectStore, task: TaskId, file: FileDigest): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of piecesOf(store, task, file)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  expectSame(store, file.key, blame(task), { what: 'length', found: bytes, expected: file.bytes });
  expectSame(store, file.key, blame(task), { what: 'sha-256', found: hash.digest('hex'), expected: file.sha256 });
}

async function* piecesOf(store: ObjectStore, task: TaskId, { key, bytes }: FileDigest): AsyncGenerator<Uint8Array> {
  if (bytes <= ONE_PIECE_BYTES) {
    const whole = await store.get(key);
    if (whole === null) throw lie(store, key, blame(task), 'it is missing');
    yield whole;
    return;
  }
  try {
    yield* store.stream(key);
  } catch (error) {
    throw isAppError(error, 'STORE_NOT_FOUND') ? lie(store, key, blame(task), 'it is missing') : error;
  }
}

/** Path of the task's part, verified: in place where the store has local files, else fetched into `directory`. @throws RESULT_CORRUPT */
export async function fetchPart(store: ObjectStore, done: DoneManifest, directory: string): Promise<string> {
  const { part } = done.files;
  const local = store.localPath(part.key);
  if (local !== null) {
    await verifyFile(store, done.task, part);
    return local;
  }
  const path = `${directory}/${done.task}.parquet`;
  try {
    await store.getFile(part.key, path, { sha256: part.sha256 });
  } catch (error) {
    if (isAppError(error, 'STORE_NOT_FOUND')) throw lie(store, part.key, blame(done.task), 'it is missing');
    if (isAppError(error, 'STORE_CORRUPT')) throw lie(store, part.key, blame(done.task), error.message);
    throw error;
  }
  return path;
}
