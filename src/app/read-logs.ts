/** `logs`: what handlers and workers wrote, from the store, and the raw output of array elements, from the job's element directory. */
import { createLinePattern, type LinePattern } from '../backends/log/line-pattern.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import { readTasks } from '../coordinator/task-list.ts';
import { taskIdOf, type JobId, type TaskId } from '../domain/ids.ts';
import { isBeingStored, type JobMeta } from '../domain/job-item.ts';
import { readLogLine } from '../domain/log-line.ts';
import { createLineRedactor, type LineRedactor } from '../domain/redact-lines.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { AppError } from '../errors/app-error.ts';
import { isWanted, searchedText, type LogFilter } from '../observe/log-filter.ts';
import type { LogLine } from './documents.ts';
import { elementLogDir, type Drivers } from './job-backends.ts';
import type { LogsRequest } from './logs-request.ts';
import { restAfterLook } from './look-again.ts';
import { attemptLogs, elementLogs, type Given, type LogSource } from './log-sources.ts';

/** Between two looks; and so many times longer than a look takes, so that following a large job is a small part of the load. */
const FOLLOW_EVERY_MS = 1_000;
const RESTS = 10;
/** Tasks whose attempts are listed at once. */
const LISTED_AT_ONCE = 16;
/** Clocks of nodes may differ by this much. */
const CLOCKS_MS = 5 * 60_000;

/** What is asked for, made out. */
interface Wanted {
  readonly job: JobId;
  readonly task: TaskId | null;
  readonly attempt?: string;
  readonly filter: LogFilter;
  readonly pattern: LinePattern | null;
  /** By path of an element's output: what its lines so far say of the next. */
  readonly redactors: Map<string, LineRedactor>;
}

/**
 * Lines so far; with `follow` also those that come, until the job is final. @throws JOB_NOT_FOUND for a task or an item the job does not have, USAGE
 * for a pattern that is none or takes too long
 */
export async function* readLogs(drivers: Drivers, request: LogsRequest): AsyncGenerator<LogLine> {
  const { clock, state } = drivers;
  const wanted = await makeOut(drivers, request);
  if (request.failed === true) return yield* ofFailedItems(drivers, wanted);
  const given: Given = new Map();
  const looked = new Map<TaskId, Looked>();
  for (;;) {
    const meta = await requireMeta(state, request.job);
    const isLast = !request.follow || isFinalJobState(meta.state);
    const beganMs = clock.monotonicMs();
    for await (const source of sourcesOf(drivers, wanted, { meta, given, looked, beganMs, mayGrow: !isLast }))
      yield* linesOf(source, wanted);
    if (isLast) return;
    await clock.sleep(restAfterLook(clock.monotonicMs() - beganMs, FOLLOW_EVERY_MS, RESTS), request.signal);
  }
}

async function makeOut(drivers: Drivers, request: LogsRequest): Promise<Wanted> {
  const { job, attempt, level, since, grep } = request;
  const meta = await requireMeta(drivers.state, job);
  const sinceMs = since === undefined ? undefined : 'atMs' in since ? since.atMs : drivers.clock.nowMs() - since.agoMs;
  const placed = request.item === undefined ? null : await placeOfItem(drivers, job, request.item);
  return {
    job,
    task: placed?.task ?? taskOf(job, meta, request.task),
    ...(attempt === undefined ? {} : { attempt }),
    filter: {
      ...(placed === null ? {} : { items: new Set([placed.itemId]) }),
      ...(level === undefined ? {} : { level }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
    },
    pattern: grep === undefined ? null : createLinePattern(grep),
    redactors: new Map(),
  };
}

function taskOf(job: JobId, meta: JobMeta, task: string | undefined): TaskId | null {
  if (task === undefined) return null;
  const number = /^\d{1,9}$/.test(task) ? Number(task) : NaN;
  if (number < meta.tasks) return taskIdOf(number);
  throw new AppError('JOB_NOT_FOUND', {
    message: `job ${job} has no task ${JSON.stringify(task)}`,
    hint:
      isBeingStored(meta) || meta.tasks === 0 ? 'Its input is not split yet' : `Its tasks are 0 to ${meta.tasks - 1}`,
  });
}

async function placeOfItem(
  drivers: Drivers,
  job: JobId,
  wanted: string,
): Promise<{ readonly task: TaskId; readonly itemId: string }> {
  const { loadJob } = await import('../aggregator/load-job.ts');
  const { findItem } = await import('./find-item.ts');
  const { itemIdOf } = await import('./item-ids.ts');
  const loaded = await loadJob(drivers, job);
  const { task, number } = await findItem(drivers, loaded, wanted);
  return { task, itemId: await itemIdOf(drivers.store, loaded, { task, item: number }) };
}

interface Round {
  readonly meta: JobMeta;
  readonly given: Given;
  /** What tasks were like when their attempts were last listed. */
  readonly looked: Map<TaskId, Looked>;
  readonly beganMs: number;
  readonly mayGrow: boolean;
}

async function* sourcesOf(drivers: Drivers, wanted: Wanted, round: Round): AsyncGenerator<LogSource> {
  const { job, task, attempt, filter } = wanted;
  const { meta, given } = round;
  const of = (id: TaskId) => attemptLogs({ store: drivers.store, given }, { job, task: id, ...pick(attempt) });
  if (task !== null) return yield* await of(task);
  if (attempt === undefined) yield* await elementLogs(elementLogDir(drivers.urls.home, job), round);
  let next: TaskId[] = [];
  async function* listed(): AsyncGenerator<LogSource> {
    const group = next;
    next = [];
    for (const sources of await Promise.all(group.map(of))) yield* sources;
  }
  for await (const item of readTasks(drivers.state, job, meta.shards)) {
    if (item.attempts > 0 && !endedBefore(item, filter.sinceMs) && hasNews(item.id, item, round)) next.push(item.id);
    if (next.length >= LISTED_AT_ONCE) yield* listed();
  }
  yield* listed();
}

const pick = (attempt: string | undefined) => (attempt === undefined ? {} : { attempt });

/** What a task was like, and since when it is known to be. */
interface Looked {
  readonly item: string;
  readonly sinceMs: number;
}

/** A task is given back before its log is stored, which may take this long. */
const LOG_AFTER_MS = 15_000;

/**
 * May there be anything of the task that was not there at the last look? Whatever stores a log changes one of these, is followed by a heartbeat, or comes
 * soon after the end of an attempt, so that following a large job lists few attempts.
 */
function hasNews(task: TaskId, item: TaskItem, { looked, beganMs }: Pick<Round, 'looked' | 'beganMs'>): boolean {
  const { state, attempts, owner, heartbeatMs, checkpoint, win, cause } = item;
  const now = JSON.stringify([state, attempts, owner, heartbeatMs, checkpoint?.seq, win?.attempt, cause]);
  const before = looked.get(task);
  if (before?.item === now) return state !== 'RUNNING' && state !== 'DONE' && beganMs - before.sinceMs <= LOG_AFTER_MS;
  looked.set(task, { item: now, sinceMs: beganMs });
  return true;
}

const endedBefore = ({ win }: TaskItem, sinceMs: number | undefined): boolean =>
  sinceMs !== undefined && win?.ran !== undefined && win.ran.finishedMs < sinceMs - CLOCKS_MS;

/** Lines that a pattern is asked about at once. */
const AT_ONCE = 256;

async function* linesOf(
  from: LogSource,
  { filter, pattern, redactors }: Pick<Wanted, 'filter' | 'pattern' | 'redactors'>,
): AsyncGenerator<LogLine> {
  const { source, task, attempt, origin, changedMs } = from;
  const changedSince = filter.sinceMs === undefined || changedMs === null || changedMs >= filter.sinceMs;
  let timeMs: number | null = null;
  let waiting: { readonly line: LogLine; readonly searched: string }[] = [];
  const matching = (): LogLine[] => {
    const some = waiting;
    waiting = [];
    const matches = pattern?.matching(some.map(({ searched }) => searched));
    return some.flatMap(({ line }, at) => (matches?.[at] === false ? [] : [line]));
  };
  // What an attempt logs has gone through the same already.
  const redact = source === 'attempt' ? asItIs : redactorOf(redactors, origin);
  for await (const raw of from.lines()) {
    const text = redact(raw);
    const line = readLogLine(text);
    timeMs = line?.timeMs ?? timeMs;
    if (!isWanted(filter, { line, timeMs }, changedSince)) continue;
    const about = { level: line?.level ?? null, item: line?.item ?? null, time: isoOf(line?.timeMs ?? null) };
    const found: LogLine = { source, task, attempt, origin, ...about, text };
    if (pattern === null) yield found;
    else if (waiting.push({ line: found, searched: searchedText(line, text) }) >= AT_ONCE) yield* matching();
  }
  yield* matching();
}

const asItIs: LineRedactor = (line) => line;

function redactorOf(redactors: Map<string, LineRedactor>, origin: string): LineRedactor {
  const redactor = redactors.get(origin) ?? createLineRedactor();
  redactors.set(origin, redactor);
  return redactor;
}

const isoOf = (timeMs: number | null): string | null => (timeMs === null ? null : new Date(timeMs).toISOString());

/** Task by task, so that only the ids of one task's failed items are in memory. */
async function* ofFailedItems(drivers: Drivers, wanted: Wanted): AsyncGenerator<LogLine> {
  const { readFailedItems } = await import('./failed-items.ts');
  const { store } = drivers;
  for await (const { task, itemIds } of readFailedItems(drivers, wanted.job, wanted.task)) {
    const filter = { ...wanted.filter, items: itemIds };
    const of = { job: wanted.job, task, ...pick(wanted.attempt) };
    for (const source of await attemptLogs({ store, given: new Map() }, of))
      yield* linesOf(source, { ...wanted, filter });
  }
}
