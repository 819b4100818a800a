/** `logs`: what handlers and workers wrote, from the store, and the raw output of array elements, from the job's element directory. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '../errors/app-error.ts';
import { readTasks } from '../coordinator/task-list.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import { taskIdOf, type JobId } from '../domain/ids.ts';
import { taskAttemptsPrefix } from '../domain/keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { LogLine } from './documents.ts';
import { elementLogDir, type Drivers } from './job-backends.ts';

const FOLLOW_EVERY_MS = 1_000;

export interface LogsRequest {
  readonly job: JobId;
  /** Task number or id; absent: all tasks and the output of the elements. */
  readonly task?: string;
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}

/** Lines so far; with `follow` also those that come, until the job is final. @throws JOB_NOT_FOUND for a task the job does not have */
export async function* readLogs(drivers: Drivers, request: LogsRequest): AsyncGenerator<LogLine> {
  const seen = new Map<string, number>();
  for (;;) {
    const meta = await requireMeta(drivers.state, request.job);
    yield* newLines(drivers, { ...request, shards: meta.shards, tasks: meta.tasks }, seen);
    if (!request.follow || isFinalJobState(meta.state)) return;
    await drivers.clock.sleep(FOLLOW_EVERY_MS, request.signal);
  }
}

/** Lines beyond those counted in `seen` (origin → lines already given). */
async function* newLines(
  drivers: Drivers,
  request: LogsRequest & { readonly shards: number; readonly tasks: number },
  seen: Map<string, number>,
): AsyncGenerator<LogLine> {
  if (request.task === undefined) {
    yield* elementLines(elementLogDir(drivers.urls.home, request.job), seen);
    for await (const task of readTasks(drivers.state, request.job, request.shards))
      if (task.attempts > 0) yield* attemptLines(drivers.store, request.job, task.id, seen);
    return;
  }
  const number = /^\d{1,9}$/.test(request.task) ? Number(request.task) : NaN;
  if (!(number < request.tasks))
    throw new AppError('JOB_NOT_FOUND', {
      message: `job ${request.job} has no task ${JSON.stringify(request.task)}`,
      hint: request.tasks === 0 ? 'Its input is not split yet' : `Its tasks are 0 to ${request.tasks - 1}`,
    });
  yield* attemptLines(drivers.store, request.job, taskIdOf(number), seen);
}

const compareNames = (a: string, b: string): number => (a < b ? -1 : 1);

async function* elementLines(directory: string, seen: Map<string, number>): AsyncGenerator<LogLine> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.toSorted(compareNames)) {
    const path = join(directory, name);
    if (!(await stat(path)).isFile()) continue;
    const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
    yield* unseen(lines, path, seen, { source: 'element', task: null, attempt: null });
  }
}

async function* attemptLines(
  store: ObjectStore,
  job: JobId,
  task: ReturnType<typeof taskIdOf>,
  seen: Map<string, number>,
): AsyncGenerator<LogLine> {
  const prefix = taskAttemptsPrefix(job, task);
  for await (const { key } of store.list(prefix)) {
    if (!key.endsWith('/log.jsonl')) continue;
    const attempt = key.slice(prefix.length).split('/')[0] ?? null;
    const bytes = await store.get(key);
    const lines = new TextDecoder().decode(bytes ?? new Uint8Array()).split('\n');
    if (lines.at(-1) === '') lines.pop();
    yield* unseen(lines, key, seen, { source: 'attempt', task, attempt });
  }
}

async function* unseen(
  lines: Iterable<string> | AsyncIterable<string>,
  origin: string,
  seen: Map<string, number>,
  about: Pick<LogLine, 'source' | 'task' | 'attempt'>,
): AsyncGenerator<LogLine> {
  const skip = seen.get(origin) ?? 0;
  let count = 0;
  for await (const text of lines) {
    count += 1;
    if (count > skip) yield { ...about, origin, text };
  }
  seen.set(origin, Math.max(skip, count));
}
