/** `analyze-errors`: every failure of a job that is known, once through, into the document of its groups. */
import { createFingerprints } from '../domain/failure-fingerprints.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import type { ErrorGroups } from '../domain/error-groups.ts';
import { isFinalTaskState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { baselineOf, type Baseline } from './baseline.ts';
import type { Sizes } from './correlations.ts';
import { describeGroup } from './describe-group.ts';
import { readFailingAttempts } from './failing-attempts.ts';
import type { FailingAttempt, FailingTask } from './failing-task.ts';
import type { Group } from './group.ts';
import { createGrouper, type Grouped } from './group-failures.ts';
import type { ErrorSources, ObservedJob, TaskFailures } from './needs.ts';
import { spansOf, type TimeSpans } from './time-spans.ts';
import { whereabouts } from './whereabouts.ts';

/** Groups whose records in the input are measured. */
const MOST_MEASURED = 10;

/** @throws what reading the sources throws */
export async function analyseErrors(sources: ErrorSources, by: Grouping): Promise<ErrorGroups> {
  const { job, nowMs, tasks } = sources;
  const spans = spansOf(job.createdMs, job.finishedMs ?? nowMs);
  const grouper = createGrouper(by, spans);
  const { byTask, undecided, corrupt } = await readFailingAttempts(sources);
  const baseline = baselineOf(tasks, byTask, spans);
  const fingerprint = createFingerprints();
  for await (const failures of sources.failures) {
    const { task, item } = failures;
    const attempts = byTask.get(task) ?? [];
    byTask.delete(task);
    grouper.add(failingTask(failures, { attempts, job, fingerprint, isLost: item.win === undefined }));
  }
  const rest = new Map(tasks.map((task) => [task.task, task]));
  for (const [task, attempts] of byTask) {
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
    notes: [...sources.notes, ...notesOf(grouped, corrupt, undecided)],
  };
}

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

function notesOf({ isCut, others }: Grouped, corrupt: number, undecided: number): string[] {
  const notes: string[] = [];
  if (isCut)
    notes.push(
      `there are so many kinds of failure that small ones were left out while reading (${others.groups} in all): the counts of small groups may be too low`,
    );
  if (corrupt > 0)
    notes.push(
      `${corrupt} committed ${corrupt === 1 ? 'result was' : 'results were'} found damaged and made again: slurmctl explain tells which`,
    );
  if (undecided > 0)
    notes.push(
      `${undecided} of the attempts ${undecided === 1 ? 'is' : 'are'} not decided about yet: the next advance does that`,
    );
  return notes;
}
