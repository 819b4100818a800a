/** What a person wants to know of a job, from state alone: no question to the batch system, no change. */
import { CAUSES, type Cause } from '../domain/causes.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { JobMeta, JobRollup } from '../domain/job-item.ts';
import { rollupKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { StateTable } from '../ports/state-table.ts';
import { requireMeta } from './job-meta.ts';
import { createTroubleCounter, NO_TROUBLE, type Trouble } from './sum-trouble.ts';
import { createAttemptFailures, largestFailures, type FailureCount } from './sum-failures.ts';
import { createCounter, readTasks, type Counts } from './task-list.ts';

export interface CauseCount {
  readonly cause: Cause;
  readonly tasks: number;
  readonly explanation: string;
  /** The most recent detail seen, with its task. */
  readonly example: string;
}

type SummaryCounts = Pick<Counts, 'tasks' | 'items'>;

export interface Summary extends SummaryCounts {
  readonly meta: JobMeta;
  /** Tasks that failed at least once and are not done, by cause, most frequent first. */
  readonly causes: readonly CauseCount[];
  /** The largest groups of failed items and of attempts that failed alike. */
  readonly failures: readonly FailureCount[];
  /** Failed items that no commit counts to a group. */
  readonly ungroupedItems: number;
  /** `cost` is null for a job that ended well: its tasks are not read. */
  readonly trouble: Omit<Trouble, 'cost'> & { readonly cost: Trouble['cost'] | null };
}

/**
 * `begin` is called before the first task is read and returns what is shown each of them; not at all where tasks need not be read.
 * @throws JOB_NOT_FOUND
 */
export async function summariseJob(
  state: StateTable,
  job: JobId,
  begin?: (meta: JobMeta) => (task: TaskId, item: TaskItem) => void,
): Promise<Summary> {
  const meta = await requireMeta(state, job);
  const rollup = isFinalJobState(meta.state) ? await readRollup(state, job, meta) : null;
  if (rollup !== null && rollup.tasks.dead === 0) return endedWell(meta, rollup);
  const counter = createCounter(meta.submittedWave);
  const trouble = createTroubleCounter();
  const causes = new Map<Cause, { tasks: number; example: string }>();
  const attempts = createAttemptFailures();
  const show = begin?.(meta);
  for await (const task of readTasks(state, job, meta.shards)) {
    counter.add(task);
    show?.(task.id, task);
    trouble.add(task);
    attempts.add(task);
    if (task.cause === undefined || task.state === 'DONE' || task.state === 'CANCELLED') continue;
    const known = causes.get(task.cause)?.tasks ?? 0;
    const example = `task ${task.id}: ${task.causeDetail ?? task.cause}`;
    causes.set(task.cause, { tasks: known + 1, example });
  }
  const sorted = [...causes].toSorted(([, a], [, b]) => b.tasks - a.tasks);
  const counts = counter.counts();
  return {
    meta,
    ...notYetStored(meta, rollup ?? counts),
    causes: sorted.map(([cause, seen]) => ({ cause, ...seen, explanation: CAUSES[cause].explanation })),
    failures: largestFailures(counts.failures, attempts.kinds()),
    ungroupedItems: counts.failures.ungrouped,
    trouble: trouble.trouble(),
  };
}

/** Without a look at its tasks. */
function endedWell(meta: JobMeta, { tasks, items, failures }: JobRollup): Summary {
  const known = failures ?? { groups: [], ungrouped: items.failed };
  return {
    meta,
    tasks,
    items,
    causes: [],
    failures: largestFailures(known, []),
    ungroupedItems: known.ungrouped,
    trouble: { ...NO_TROUBLE, cost: null },
  };
}

/** Null when there is none of this generation: a job that was opened again and then cancelled has the counts of the one before. */
async function readRollup(state: StateTable, job: JobId, { generation }: JobMeta): Promise<JobRollup | null> {
  const rollup = (await state.get(rollupKey(job))) as unknown as JobRollup | null;
  return rollup !== null && (rollup.generation ?? 0) === generation ? rollup : null;
}

/** While task items are still being stored, the rest of them counts as pending. */
function notYetStored(meta: JobMeta, counts: SummaryCounts): SummaryCounts {
  const missingTasks = Math.max(0, meta.tasks - counts.tasks.total);
  const missingItems = Math.max(0, meta.items - counts.items.total);
  return {
    tasks: { ...counts.tasks, total: counts.tasks.total + missingTasks, pending: counts.tasks.pending + missingTasks },
    items: { ...counts.items, total: counts.items.total + missingItems, pending: counts.items.pending + missingItems },
  };
}
