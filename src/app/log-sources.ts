/** The lines of logs where they lie: in the store by attempt, and in the files to which array elements print. Nothing is held but one line. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobId, TaskId } from '../domain/ids.ts';
import { taskAttemptsPrefix } from '../domain/keys.ts';
import { describeFailure, errnoOf, isMissing, troubleOf } from '../backends/shared/fs-errno.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { linesIn } from './lines-in.ts';

/** Lines of one attempt, or of one file of an element. */
export interface LogSource {
  readonly source: 'attempt' | 'element';
  readonly task: TaskId | null;
  readonly attempt: string | null;
  /** Key or path; of an attempt that has stored parts only, of the first of them. */
  readonly origin: string;
  /** Epoch ms of its last change; null: not known. */
  readonly changedMs: number | null;
  /** Lines that were not given before. */
  lines(): AsyncGenerator<string>;
}

/** How much of each source was given already: lines of attempts, bytes of files. Kept between the rounds of `--follow`. */
export type Given = Map<string, number>;

export interface Reading {
  readonly given: Given;
  /** The writers are still at work: the last line of a file is left until it is whole. */
  readonly mayGrow: boolean;
}

/** The attempts at a task that have a log, in the order of their batch jobs. */
export async function attemptLogs(
  { store, given }: { readonly store: ObjectStore; readonly given: Given },
  { job, task, attempt }: { readonly job: JobId; readonly task: TaskId; readonly attempt?: string },
): Promise<LogSource[]> {
  const prefix = taskAttemptsPrefix(job, task);
  const found = new Map<string, { whole?: string; readonly parts: string[] }>();
  for await (const { key } of store.list(attempt === undefined ? prefix : `${prefix}${attempt}/`)) {
    const [name = '', file = '', part] = key.slice(prefix.length).split('/');
    if (file !== 'log' && file !== 'log.jsonl') continue;
    const keys = found.get(name) ?? { parts: [] };
    found.set(name, keys);
    if (part === undefined) keys.whole = key;
    else keys.parts.push(key);
  }
  return [...found]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, keys]) => ({
      source: 'attempt',
      task,
      attempt: name,
      origin: keys.whole ?? keys.parts[0] ?? prefix,
      changedMs: null,
      lines: () => linesOfAttempt(store, given, { name: `${prefix}${name}`, ...keys }),
    }));
}

/** The whole log begins with what the parts hold, so lines are counted over both. Parts that are gone meanwhile are in the whole one, which comes later. */
async function* linesOfAttempt(
  store: ObjectStore,
  given: Given,
  { name, whole, parts }: { readonly name: string; readonly whole?: string; readonly parts: readonly string[] },
): AsyncGenerator<string> {
  const skip = given.get(name) ?? 0;
  let count = 0;
  try {
    for (const key of whole === undefined ? parts : [whole])
      for await (const { text } of linesIn(store.stream(key))) {
        count += 1;
        if (count <= skip) continue;
        given.set(name, count);
        yield text;
      }
  } catch (error) {
    if (!isAppError(error, 'STORE_NOT_FOUND')) throw error;
  }
}

/** The files in which the output of the elements is, by name. */
export async function elementLogs(directory: string, reading: Reading): Promise<LogSource[]> {
  const names = await readdir(directory).catch(() => []);
  const sources: LogSource[] = [];
  for (const name of names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
    const path = join(directory, name);
    const facts = await stat(path).catch((error: unknown) => nullWhereGone(error, path));
    if (facts === null || !facts.isFile() || facts.size <= (reading.given.get(path) ?? 0)) continue;
    const about = { source: 'element', task: null, attempt: null, origin: path, changedMs: facts.mtimeMs } as const;
    sources.push({ ...about, lines: () => linesOfFile(path, reading) });
  }
  return sources;
}

async function* linesOfFile(path: string, { given, mayGrow }: Reading): AsyncGenerator<string> {
  const start = given.get(path) ?? 0;
  let bytes = start;
  for await (const { text, bytes: length, isWhole } of linesIn(bytesOfFile(path, start))) {
    if (!isWhole && mayGrow) return;
    bytes += length;
    given.set(path, bytes);
    yield text;
  }
}

/** Of a file that `gc` has removed meanwhile there is nothing to give. @throws STORE_DENIED, STORE_UNAVAILABLE */
async function* bytesOfFile(path: string, start: number): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { start }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    nullWhereGone(error, path);
  }
}

function nullWhereGone(error: unknown, path: string): null {
  if (isMissing(error)) return null;
  if (errnoOf(error) === undefined) throw error;
  const code = troubleOf(error) === 'denied' ? 'STORE_DENIED' : 'STORE_UNAVAILABLE';
  throw new AppError(code, { message: describeFailure(error, path), cause: error });
}
