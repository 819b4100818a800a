/**
 * The end of a job: merge, publish, name the final state, tidy up. Every step can be repeated, so a process that dies here is simply
 * followed by another `advance`.
 */
import { isAppError } from '../errors/app-error.ts';
import { DETAIL_CHARS, type CorruptRecord } from '../domain/history.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { JobMeta, JobRollup } from '../domain/job-item.ts';
import { formatRanges } from '../domain/item-ranges.ts';
import type { Tolerance } from '../domain/job-spec.ts';
import { redoKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS } from '../domain/manifest.ts';
import { readRedoRecord, type RedoRecord } from '../domain/redo.ts';
import { corruptKey, rollupKey, taskKey } from '../domain/state-keys.ts';
import { isFinalJobState, type JobState } from '../domain/states.ts';
import type { TaskItem, Win } from '../domain/task-item.ts';
import type { StateValue } from '../ports/state-table.ts';
import { endSubmissions } from './end-submissions.ts';
import { dropHints } from './hints.ts';
import { moveJob, retireFromIndex, stamp, updateMeta } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import type { SendContext } from './send.ts';
import type { Counts } from './task-list.ts';
import { leaveTurn } from './turns.ts';

/** How often a committed result of a task may turn out corrupt; after that the storage itself is at fault. */
const MOST_CORRUPTIONS = 3;

/** 64.6 % of 500 is 323, which floating point misses by less than this share of an item. */
const ROUNDING = 1e-6;

/** The final state by what failed and what `retry.tolerate` allows; pure. */
export function finalState(counts: { readonly total: number; readonly failed: number }, tolerate: Tolerance): JobState {
  if (counts.failed === 0) return 'COMPLETED';
  return isBeyond(counts, tolerate) ? 'FAILED' : 'COMPLETED_WITH_FAILURES';
}

/** Have more items failed than `retry.tolerate` allows? Pure. */
export function isBeyond(counts: { readonly total: number; readonly failed: number }, tolerate: Tolerance): boolean {
  if (counts.failed === 0) return false;
  const share = tolerate.percent === undefined ? undefined : (counts.total * tolerate.percent) / 100 + ROUNDING;
  const bounds = [tolerate.count, share];
  const given = bounds.filter((bound) => bound !== undefined);
  return given.length === 0 || given.some((bound) => counts.failed > bound);
}

/**
 * Aggregates and closes a job whose tasks are all final.
 * A task whose committed result is corrupt is opened again (next generation), and the job goes back to RUNNING.
 * @throws RESULT_CORRUPT when that happened too often, RESULT_INCOMPLETE, STORE_*, SCRATCH_*
 */
export async function finishJob(
  context: SendContext,
  meta: JobMeta,
  counts: Counts,
): Promise<{ readonly meta: JobMeta; readonly steps: readonly string[] }> {
  const { deps, job, manifest, lease } = context;
  if (meta.state !== 'AGGREGATING')
    await moveJob(deps.state, job, 'AGGREGATING', { ...stamp(context), remove: ['waitingFor', 'notes'] });
  let merged;
  try {
    merged = await tellingWaits(context, (onWait) =>
      deps.aggregate({ job, fenced: async () => lease.assertHeld(), onWait }),
    );
  } catch (error) {
    const found = foundCorrupt(error);
    const reopened = found === null ? null : await reopenTask(context, meta, found);
    if (found !== null && reopened !== null)
      return { meta: reopened, steps: [`task ${found.task}: its committed result is corrupt, it runs again`] };
    if (isAppError(error))
      await updateMeta(deps.state, job, ['AGGREGATING'], {
        ...stamp(context),
        set: { waitingFor: `aggregation failed: ${error.message}` },
      });
    throw error;
  }
  const items = { total: counts.items.total, succeeded: merged.succeeded, failed: merged.failed, pending: 0 };
  const failed = items.failed === 0 ? {} : { failures: asMerged(counts, items.failed) };
  const { generation } = meta;
  await storeRollup(deps, job, { generation, fence: lease.fence, tasks: counts.tasks, items, ...failed });
  const state = finalState(items, manifest.spec.retry.tolerate);
  const reason =
    state === 'FAILED'
      ? { reason: `${items.failed} of ${items.total} items failed, more than retry.tolerate allows` }
      : {};
  const closed = await moveJob(deps.state, job, state, {
    ...stamp(context),
    set: { publication: merged.publication, finishedMs: deps.clock.nowMs(), ...reason },
    remove: ['waitingFor'],
  });
  await tidyUp(deps, job, closed);
  return { meta: closed, steps: [`published ${items.total} rows, ${items.failed} of them failed`] };
}

/** Of a dead task all items count as failed until the merge has found which of them a checkpoint holds. */
export const asMerged = (
  { failures, items }: Pick<Counts, 'failures' | 'items'>,
  failed: number,
): Counts['failures'] => ({
  ...failures,
  ungrouped: Math.max(0, failures.ungrouped - (items.failed - failed)),
});

/** A pass that slept through what others did since leaves the sums of theirs alone. */
const storeRollup = ({ state }: CoordinatorDeps, job: JobId, rollup: JobRollup & { readonly fence: number }) =>
  state.write(
    rollupKey(job),
    {
      set: rollup as unknown as Record<string, StateValue>,
      // An earlier generation may have had some.
      ...(rollup.failures === undefined ? { remove: ['failures'] } : {}),
    },
    {
      op: 'or',
      of: [
        { op: 'absent', path: 'fence' },
        { op: 'at-most', path: 'fence', value: rollup.fence },
      ],
    },
  );

/** Writes into META what a merge waits for, one write after the other; none of them matters to the merge. */
async function tellingWaits<T>(
  context: SendContext,
  merge: (onWait: (what: string | null) => void) => Promise<T>,
): Promise<T> {
  let last = Promise.resolve();
  try {
    return await merge((what) => {
      last = last.then(() => tellWait(context, what));
    });
  } finally {
    await last;
  }
}

async function tellWait(context: SendContext, what: string | null): Promise<void> {
  const { deps, job } = context;
  const change = what === null ? ({ remove: ['waitingFor'] } as const) : { set: { waitingFor: what } };
  try {
    await updateMeta(deps.state, job, ['AGGREGATING'], { ...stamp(context), ...change });
  } catch (error) {
    if (!isAppError(error)) throw error;
    deps.log.debug('not said what the merge waits for', { job, error: error.message });
  }
}

/** What must not outlive a final job: queued finalisers, hints, its place among the live jobs. */
export async function tidyUp(deps: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<void> {
  if (!isFinalJobState(meta.state)) return;
  await endSubmissions(deps, job, 'the job ended without it');
  await leaveTurn(deps, job, meta);
  await dropHints(deps, job);
  await retireFromIndex(deps.state, job);
}

interface Found {
  readonly task: TaskId;
  /** What is wrong with its committed result. */
  readonly detail: string;
}

function foundCorrupt(error: unknown): Found | null {
  if (!isAppError(error, 'RESULT_CORRUPT')) return null;
  const { task } = error.details;
  return typeof task === 'string' ? { task: task as TaskId, detail: error.message.slice(0, DETAIL_CHARS) } : null;
}

/**
 * Opens the next generation of a task. META moves first: a pass that was overtaken meanwhile finds that out by its fence, and not after it
 * has opened a task of a job that is over. Null when there is nothing to open, or not again.
 */
async function reopenTask(context: SendContext, meta: JobMeta, found: Found): Promise<JobMeta | null> {
  const { deps, job } = context;
  const { task } = found;
  const key = taskKey(job, task, meta.shards);
  const item = (await deps.state.get(key)) as TaskItem | null;
  const corruptions = (item?.corruptions ?? 0) + 1;
  if (item?.win === undefined || corruptions > MOST_CORRUPTIONS) return null;
  const running = await moveJob(deps.state, job, 'RUNNING', stamp(context));
  if (item.redo === true) await copyRedo(context, task, item.generation);
  await writeCorrupt(context, found, { ...item, win: item.win });
  await deps.state.write(
    key,
    {
      set: {
        state: 'PENDING',
        generation: item.generation + 1,
        charged: 0,
        attemptsBefore: item.attempts,
        corruptions,
        causeDetail: 'the committed result was corrupt',
      },
      remove: ['win', 'checkpoint', 'checkpointSeen', 'owner'],
    },
    {
      op: 'and',
      of: [
        { op: 'equals', path: 'state', value: 'DONE' },
        { op: 'equals', path: 'win.attempt', value: item.win.attempt },
        { op: 'equals', path: 'generation', value: item.generation },
      ],
    },
  );
  return running;
}

/** Before the task moves, so that `explain` knows of it; a task that does not move after all is still in that generation, and nothing is told. */
async function writeCorrupt(
  { deps, job }: SendContext,
  { task, detail }: Found,
  item: Pick<TaskItem, 'attempts' | 'generation'> & { readonly win: Win },
): Promise<void> {
  const { attempt, sha256, rows } = item.win;
  const { generation } = item;
  const record: CorruptRecord = {
    corrupt: true,
    attempt,
    generation,
    foundMs: deps.clock.nowMs(),
    detail,
    sha256,
    rows,
  };
  await deps.state.write(
    corruptKey(job, task, item),
    { set: record },
    { op: 'not', of: { op: 'present', path: 'never' } },
  );
}

/** What a retry left alone is left alone by the generation after it too. A record that is gone is no reason to stop: the task then runs whole. */
async function copyRedo({ deps, job }: SendContext, task: TaskId, generation: number): Promise<void> {
  const bytes = await deps.store.get(redoKey(job, generation, task));
  const found = bytes === null ? null : readRedoRecord(bytes, { job, task, generation });
  if (found === null || typeof found === 'string') return;
  const record: RedoRecord = {
    schema: MANIFEST_SCHEMAS.redo,
    job,
    task,
    generation: generation + 1,
    items: formatRanges(found.items),
    base: found.base,
  };
  await deps.store.put(redoKey(job, generation + 1, task), JSON.stringify(record));
}
