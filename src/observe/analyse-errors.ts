/** `analyze-errors`: every failure of a job that is known, once through, into the document of its groups. */
import { fingerprintOf } from '../domain/fingerprint.ts';
import { createFingerprints } from '../domain/failure-fingerprints.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import type { ErrorGroups } from '../domain/error-groups.ts';
import { isCorruptRecord } from '../domain/history.ts';
import type { TaskId } from '../domain/ids.ts';
import { isFinalTaskState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { baselineOf, type Baseline } from './baseline.ts';
import type { Sizes } from './correlations.ts';
import { describeGroup } from './describe-group.ts';
import type { FailingAttempt, FailingTask, Whereabouts } from './failing-task.ts';
import type { Group } from './group.ts';
import { createGrouper, type Grouped } from './group-failures.ts';
import type { ErrorSources, ObservedJob, ObservedTask, TaskFailures } from './needs.ts';
import { spansOf, type TimeSpans } from './time-spans.ts';

/** Groups whose records in the input are measured. */
const MOST_MEASURED = 10;

/** @throws what reading the sources throws */
export async function analyseErrors(sources: ErrorSources, by: Grouping): Promise<ErrorGroups> {
  const { job, nowMs, tasks } = sources;
  const spans = spansOf(job.createdMs, job.finishedMs ?? nowMs);
  const grouper = createGrouper(by, spans);
  const history = await readHistory(sources);
  const waiting = addUndecided(history.attempts, tasks, job);
  const baseline = baselineOf(tasks, history.attempts, spans);
  const fingerprint = createFingerprints();
  for await (const failures of sources.failures) {
    const { task, item } = failures;
    const attempts = history.attempts.get(task) ?? [];
    history.attempts.delete(task);
    grouper.add(failingTask(failures, { attempts, job, fingerprint, isLost: item.win === undefined }));
  }
  const rest = new Map(tasks.map((task) => [task.task, task]));
  for (const [task, attempts] of history.attempts) {
    const observed = rest.get(task);
    if (observed === undefined) continue;
    const none = { ...observed, firstItem: 0, failed: [] };
    grouper.add(failingTask(none, { attempts, job, fingerprint, isLost: false }));
  }
  const grouped = grouper.grouped();
  return {
    schema: 'slurmctl.error-groups/1',
    jobId: job.id,
    name: job.name,
    state: job.state,
    by,
    readAt: new Date(nowMs).toISOString(),
    source: sources.source,
    failedItems: grouped.items,
    failedAttempts: grouped.attempts,
    items: job.items,
    unsavedItems: tasks.reduce((sum, { item }) => sum + unsavedOf(item), 0),
    groups: await describeGroups(sources, { by, grouped, spans, baseline }),
    others: grouped.others.groups === 0 ? null : grouped.others,
    notes: [...sources.notes, ...notesOf(grouped, history.corrupt, waiting)],
  };
}

/** What was recorded of attempts without a result, by task. */
async function readHistory({ records, job }: ErrorSources) {
  const attempts = new Map<TaskId, FailingAttempt[]>();
  let corrupt = 0;
  for await (const { task, record } of records) {
    if (isCorruptRecord(record)) {
      corrupt += 1;
      continue;
    }
    const { cause, detail, fingerprint, exitCode, signal } = record;
    const facts = { cause, message: detail, ...(exitCode === undefined ? {} : { exitCode }) };
    const attempt: FailingAttempt = {
      attempt: record.attempt ?? null,
      node: record.node ?? null,
      startedMs: record.startedMs ?? null,
      endedMs: record.endedMs,
      memoryBytes: record.memoryBytes ?? job.memoryBytes,
      timeMs: record.timeMs ?? job.timeMs,
      cause,
      message: detail,
      fingerprint: fingerprint ?? fingerprintOf({ ...facts, ...(signal === undefined ? {} : { signal }) }),
    };
    const known = attempts.get(task);
    if (known === undefined) attempts.set(task, [attempt]);
    else known.push(attempt);
  }
  return { attempts, corrupt };
}

/** Attempts that have ended and that nobody has decided about have no record yet: their tasks tell of them. */
function addUndecided(
  attempts: Map<TaskId, FailingAttempt[]>,
  tasks: readonly ObservedTask[],
  job: ObservedJob,
): number {
  let waiting = 0;
  for (const { task, item } of tasks) {
    const { state, notBeforeMs, owner, cause, causeDetail = '', exitCode, signal } = item;
    if (state !== 'WAIT' || notBeforeMs !== undefined || owner === undefined || cause === undefined) continue;
    waiting += 1;
    const ending = { ...(exitCode === undefined ? {} : { exitCode }), ...(signal === undefined ? {} : { signal }) };
    const attempt: FailingAttempt = {
      ...ownWhereabouts(item, job),
      cause,
      message: causeDetail,
      fingerprint: fingerprintOf({ cause, message: causeDetail, ...ending }),
    };
    attempts.set(task, [...(attempts.get(task) ?? []), attempt]);
  }
  return waiting;
}

/** Of the attempt that a task names as its owner. */
const ownWhereabouts = (item: TaskItem, job: ObservedJob): Whereabouts => ({
  attempt: item.owner ?? null,
  node: item.node ?? null,
  startedMs: item.startedMs ?? null,
  endedMs: item.heartbeatMs ?? null,
  memoryBytes: item.needs?.memoryBytes ?? job.memoryBytes,
  timeMs: item.needs?.timeMs ?? job.timeMs,
});

interface Given {
  readonly attempts: readonly FailingAttempt[];
  readonly job: ObservedJob;
  readonly fingerprint: ReturnType<typeof createFingerprints>;
  readonly isLost: boolean;
}

function failingTask(failures: TaskFailures, { attempts, job, fingerprint, isLost }: Given): FailingTask {
  const { task, item, firstItem, failed } = failures;
  const hasEnded = isFinalTaskState(item.state);
  return {
    task,
    state: item.state,
    hasEnded,
    firstItem,
    where: whereabouts(item, attempts, job),
    items: failed.map((one) => ({
      item: one.item,
      itemId: one.itemId,
      cause: one.cause,
      errorClass: one.errorClass,
      message: one.errorMessage,
      fingerprint: fingerprint({ isLost: isLost && hasEnded, item }, one),
    })),
    attempts,
  };
}

/** Of the attempt that handed in what is known of the items: the winner, or the one that saved them, or the last one. */
function whereabouts(item: TaskItem, attempts: readonly FailingAttempt[], job: ObservedJob): Whereabouts {
  const { win, checkpoint, owner } = item;
  const own = ownWhereabouts(item, job);
  const starts = attempts.map(({ startedMs }) => startedMs);
  if (win !== undefined) {
    const { ran } = win;
    const place = { attempt: win.attempt, memoryBytes: own.memoryBytes, timeMs: own.timeMs };
    if (ran === undefined) return { ...place, node: null, startedMs: null, endedMs: null };
    // What an attempt took over from an earlier one had failed there.
    return { ...place, node: ran.node, startedMs: earliest([ran.startedMs, ...starts]), endedMs: ran.finishedMs };
  }
  const saver = attempts.findLast(({ attempt }) => attempt !== null && attempt === checkpoint?.attempt);
  if (saver !== undefined && saver.attempt !== owner) return saver;
  if (owner !== undefined && own.node !== null) return { ...own, startedMs: earliest([own.startedMs, ...starts]) };
  return attempts.at(-1) ?? { ...own, attempt: checkpoint?.attempt ?? null };
}

const earliest = (times: readonly (number | null)[]): number | null => {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
};

/** Items that a running attempt has seen fail and not saved yet. */
const unsavedOf = ({ state, progressFailed = 0, checkpoint }: TaskItem): number =>
  state === 'RUNNING' ? Math.max(0, progressFailed - (checkpoint?.failed ?? 0)) : 0;

interface Found {
  readonly by: Grouping;
  readonly grouped: Grouped;
  readonly spans: TimeSpans;
  readonly baseline: Baseline;
}

async function describeGroups(sources: ErrorSources, { grouped, ...found }: Found): Promise<ErrorGroups['groups']> {
  const { job, breakers } = sources;
  const shared = { ...found, job, breakers, grouped };
  const described: ErrorGroups['groups'][number][] = [];
  for (const [at, group] of grouped.groups.entries()) {
    const sizes = at < MOST_MEASURED ? await sizesOf(sources, group) : null;
    described.push(describeGroup(group, { ...shared, sizes }));
  }
  return described;
}

/** Null when there is nothing to compare. */
async function sizesOf({ itemBytes }: ErrorSources, { measured }: Group): Promise<Sizes | null> {
  const failed: number[] = [];
  const others: number[] = [];
  for (const { task, items } of measured) {
    const bytes = await itemBytes(task);
    if (bytes === null) continue;
    const chosen = new Set(items);
    for (const [item, size] of bytes.entries()) (chosen.has(item) ? failed : others).push(size);
  }
  return failed.length === 0 ? null : { failed, others };
}

function notesOf({ isCut, others }: Grouped, corrupt: number, waiting: number): string[] {
  const notes: string[] = [];
  if (isCut)
    notes.push(
      `there are so many kinds of failure that small ones were left out while reading (${others.groups} in all): the counts of small groups may be too low`,
    );
  if (corrupt > 0)
    notes.push(
      `${corrupt} committed ${corrupt === 1 ? 'result was' : 'results were'} found damaged and made again: slurmctl explain tells which`,
    );
  if (waiting > 0)
    notes.push(
      `${waiting} of the attempts ${waiting === 1 ? 'is' : 'are'} not decided about yet: the next advance does that`,
    );
  return notes;
}
