/**
 * CARRY: brings the copy of a job that lives in a spool up to the spool.
 *
 * What it does: compares the state items of both sides, sends the files behind those that differ, then the items; META and the index after
 * everything they speak of, the spool's META having been read first. Whoever looks at the copy sees a true, possibly older picture, and
 * nothing in it points at something absent. What was carried is known from the copied items alone, so no objects are listed.
 * What it never does: write into the spool, advance the job, move a copy back (see copied-item.ts).
 * Dying anywhere costs only what was under way; two at once do no harm.
 * Fails with: LEASE_LOST, STORE_*, STATE_*, MANIFEST_CORRUPT (of the output; a damaged task is reported instead).
 */
import { carryKey, CARRY_SORT, type CarryRecord } from '../domain/carry.ts';
import type { JobId, SubmissionId } from '../domain/ids.ts';
import { isBeingStored, type JobIndexItem, type JobMeta, type SubmissionItem } from '../domain/job-item.ts';
import { jobFileKey, jobManifestKey, jobRequestKey, scriptKey, waveKey } from '../domain/keys.ts';
import {
  BREAKER_PREFIX,
  EVENT_PREFIX,
  jobIndexKey,
  jobPartition,
  metaKey,
  nodesKey,
  rollupKey,
  SUBMISSION_PREFIX,
  type StateKey,
} from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { AppError } from '../errors/app-error.ts';
import type { StateItem } from '../ports/state-table.ts';
import { eachBounded } from './bounded.ts';
import { carryOutput } from './carry-output.ts';
import { carryTasks, type TaskTally } from './carry-tasks.ts';
import { isSameItem, seenOf, type Seen } from './copied-item.ts';
import { copyItem } from './copy-item.ts';
import { copyIfThere, putText, readSource } from './copy-object.ts';
import { IN_FLIGHT, type CarrierDeps } from './needs.ts';

export interface Carried {
  /** Null: there is nothing to carry yet, the job is still being stored. */
  readonly record: CarryRecord | null;
  /** One sentence a task that could not be carried because of its files in the spool. */
  readonly problems: readonly string[];
}

/** One carry. Repeating it is harmless, and cheap when nothing changed. */
export async function carryJob(deps: CarrierDeps, job: JobId): Promise<Carried> {
  const copy = await readCopy(deps, job);
  const asOfMs = deps.clock.nowMs();
  const truth = await readTruth(deps, job);
  if (truth === null) return { record: null, problems: [] };
  const { meta, index } = truth;
  await carryBeginnings(deps, job, { copied: copy.rows.get('META') ?? null, meta });
  const tasks = await carryTasks(deps, job, meta.shards);
  await carrySubmissions(deps, job, copy);
  await carryStory(deps, job, copy);
  const known = copy.record?.publications ?? [];
  const output = await carryOutput(deps, job, { named: meta.publication, known });
  if (truth.rollup !== null) await carryRow(deps, rowOf(copy, rollupKey(job)), truth.rollup);
  await carryRow(deps, rowOf(copy, metaKey(job)), meta as unknown as StateItem);
  const indexCopy: StateItem = { ...index, backends: { ...deps.backends }, spool: { ...deps.place } };
  await carryRow(deps, { key: jobIndexKey(job), seen: copy.index }, indexCopy);
  const complete = isFinalJobState(meta.state) && !index.live && tasks.problems.length === 0;
  const record: CarryRecord = { ...deps.place, ...summary(meta, tasks), ...output, asOfMs, complete };
  await carryRecord(deps, job, copy, record);
  return { record, problems: tasks.problems };
}

const summary = (meta: JobMeta, tasks: TaskTally) => ({
  tasks: tasks.final,
  total: Math.max(meta.tasks, tasks.total),
  updatedMs: meta.updatedMs,
});

interface Copy {
  /** The partition of the job without the history of its tasks, by sort key. */
  readonly rows: ReadonlyMap<string, Seen | null>;
  readonly index: Seen | null;
  readonly record: CarryRecord | null;
}

/** What became of attempts is left out: it goes with its task, and of it alone there can be hundreds of thousands of rows. */
async function readCopy({ to: { state } }: CarrierDeps, job: JobId): Promise<Copy> {
  const rows = new Map<string, Seen | null>();
  const one = async (key: StateKey): Promise<void> => void rows.set(key.sort, seenOf(await state.get(key)));
  const all = async (prefix: string): Promise<void> => {
    for await (const { sort, item } of state.query(jobPartition(job), prefix)) rows.set(sort, seenOf(item));
  };
  const index = seenOf(await state.get(jobIndexKey(job)));
  await Promise.all([
    ...[metaKey(job), rollupKey(job), carryKey(job), nodesKey(job)].map(one),
    ...[SUBMISSION_PREFIX, ...STORY].map(all),
  ]);
  return { rows, index, record: (rows.get(CARRY_SORT)?.item ?? null) as CarryRecord | null };
}

interface Truth {
  readonly meta: JobMeta;
  readonly index: JobIndexItem;
  readonly rollup: StateItem | null;
}

/** Null for a job whose tasks are not all stored yet, unless it has ended that way. The index first: nothing precedes its end. */
async function readTruth({ from }: CarrierDeps, job: JobId): Promise<Truth | null> {
  const index = (await from.state.get(jobIndexKey(job))) as JobIndexItem | null;
  const meta = (await from.state.get(metaKey(job))) as unknown as JobMeta | null;
  if (index === null || meta === null) return null;
  if (isBeingStored(meta) && !isFinalJobState(meta.state)) return null;
  return { meta, index, rollup: await from.state.get(rollupKey(job)) };
}

/** What was asked for, once; the task lists of later waves as they come. */
async function carryBeginnings(
  deps: CarrierDeps,
  job: JobId,
  { copied, meta }: { readonly copied: Seen | null; readonly meta: JobMeta },
): Promise<void> {
  if (copied === null) {
    // In this order a half-carried job is nobody's garbage: `gc` leaves a request of another state table alone.
    await copyIfThere(deps, jobFileKey(job));
    await putText(deps, jobRequestKey(job), await readSource(deps, jobRequestKey(job)));
    const there = await copyIfThere(deps, jobManifestKey(job));
    if (!there && !isBeingStored(meta)) await readSource(deps, jobManifestKey(job));
  }
  const carriedWave = Math.max(0, (copied?.item as unknown as JobMeta | undefined)?.wave ?? 0);
  for (let wave = carriedWave + 1; wave <= meta.wave; wave += 1) await copyIfThere(deps, waveKey(job, wave));
}

/** The outbox, each row after the script that was sent. */
async function carrySubmissions(deps: CarrierDeps, job: JobId, copy: Copy): Promise<void> {
  const partition = jobPartition(job);
  for await (const { sort, item } of deps.from.state.query(partition, SUBMISSION_PREFIX)) {
    const row = rowOf(copy, { partition, sort });
    const before = row.seen?.item as unknown as SubmissionItem | undefined;
    const sent = (item as unknown as SubmissionItem).sentMs;
    if (sent !== undefined && before?.sentMs === undefined)
      await copyIfThere(deps, scriptKey(job, sort.slice(SUBMISSION_PREFIX.length) as SubmissionId));
    await carryRow(deps, row, item);
  }
}

/** What people did, and what was learnt of failures. */
const STORY = [EVENT_PREFIX, BREAKER_PREFIX] as const;

/** With it, what was learnt of nodes: all that `explain` tells beside the attempts. */
async function carryStory(deps: CarrierDeps, job: JobId, copy: Copy): Promise<void> {
  const partition = jobPartition(job);
  const due: (Row & { readonly truth: StateItem })[] = [];
  const look = (row: Row, truth: StateItem): void => {
    if (!isSameItem(row.seen, truth)) due.push({ ...row, truth });
  };
  for (const prefix of STORY)
    for await (const { sort, item } of deps.from.state.query(partition, prefix))
      look(rowOf(copy, { partition, sort }), item);
  const nodes = await deps.from.state.get(nodesKey(job));
  if (nodes !== null) look(rowOf(copy, nodesKey(job)), nodes);
  await eachBounded(due, IN_FLIGHT, ({ truth, ...row }) => carryRow(deps, row, truth));
}

interface Row {
  readonly key: StateKey;
  readonly seen: Seen | null;
}

const rowOf = (copy: Copy, key: StateKey): Row => ({ key, seen: copy.rows.get(key.sort) ?? null });

/** These belong to the picture that this carry took, so they are not read again: whoever copied one of them meanwhile has a picture of his own. */
async function carryRow(deps: CarrierDeps, row: Row, truth: StateItem): Promise<void> {
  const overtaken = async (): Promise<never> => {
    throw new AppError('LEASE_LOST', {
      message: `another process wrote the copy of ${row.key.partition}/${row.key.sort}`,
    });
  };
  await copyItem(deps, { ...row, truth, again: overtaken });
}

/** Says last how far the copy is. A copy that has everything is not touched again. */
async function carryRecord(deps: CarrierDeps, job: JobId, copy: Copy, record: CarryRecord): Promise<void> {
  const seen = copy.rows.get(CARRY_SORT) ?? null;
  const truth = record as unknown as StateItem;
  const asBefore: StateItem = { ...truth, asOfMs: copy.record?.asOfMs ?? null };
  if (record.complete && isSameItem(seen, asBefore)) return;
  await carryRow(deps, { key: carryKey(job), seen }, truth);
}
