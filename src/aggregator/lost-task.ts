import { CAUSES, type Cause } from '../domain/causes.ts';
import type { TaskId } from '../domain/ids.ts';
import { batchKey, segmentKey, taskManifestKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type TaskManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { decodeSegment, type SegmentHeader } from '../domain/segment.ts';
import { openBatch } from '../domain/task-batch.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { AppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { AggregatorDeps } from './deps.ts';
import type { LoadedJob } from './load-job.ts';
import { expectSame, readStored } from './read-stored.ts';
import { readRedoBase, type Saved } from './redo-base.ts';

/** A task that was given up or cancelled, and what its checkpoint saved. */
export interface LostTask {
  readonly task: TaskId;
  readonly item: TaskItem;
  readonly manifest: TaskManifest;
  /** With `output: infer`: kinds of what the checkpoint saved. */
  readonly observed: NonNullable<DoneManifest['observed']>;
}

type Given = Pick<LostTask, 'task' | 'item'>;
type Deps = Pick<AggregatorDeps, 'store' | 'log' | 'scratch' | 'resultFiles'>;

/** @throws MANIFEST_CORRUPT */
export async function readLostTask(deps: Deps, job: LoadedJob, given: Given): Promise<LostTask> {
  const { store } = deps;
  const { task, item } = given;
  const key = taskManifestKey(job.job, task);
  const where = { code: 'MANIFEST_CORRUPT', owner: `task ${task}` } as const;
  const manifest = await readStored<TaskManifest>(store, key, { ...where, schema: MANIFEST_SCHEMAS.task });
  if (manifest === null)
    throw new AppError('MANIFEST_CORRUPT', { message: `task ${task}: ${store.url(key)} is missing`, details: { key } });
  const check = (what: string, found: unknown, expected: unknown): void =>
    expectSame(store, key, where, { what, found, expected });
  check('task', manifest.task, task);
  check('batch.key', manifest.batch?.key, batchKey(job.job, task));
  check('items', manifest.items, item.items);
  const saved = await readSaved(deps, job, { ...given, manifest });
  return { task, item, manifest, observed: saved?.observed ?? [] };
}

/**
 * One outcome for every item: the checkpoint's where it has one, else failed with the task's cause. A record that never could be run keeps its own
 * cause. @throws MANIFEST_CORRUPT, STORE_CORRUPT, STORE_NOT_FOUND
 */
export async function outcomesOfLost(deps: Deps, job: LoadedJob, lost: LostTask): Promise<ItemOutcome[]> {
  const { task, item, manifest } = lost;
  const bytes = await readBatch(deps.store, manifest);
  const batch = openBatch(bytes, manifest, job.manifest.spec.input.id);
  const saved = (await readSaved(deps, job, lost))?.outcomes ?? new Map<number, ItemOutcome>();
  const cause: Cause = item.cause ?? (item.state === 'CANCELLED' ? 'cancelled-by-user' : 'unknown');
  const { explanation } = CAUSES[cause];
  const detail = item.causeDetail === undefined ? '' : `: ${item.causeDetail}`;
  deps.log.info('task has no committed result; its items become failed', {
    task,
    cause,
    items: manifest.items,
    saved: saved.size,
  });
  return Array.from({ length: manifest.items }, (_none, n) => {
    const known = saved.get(manifest.firstItem + n);
    if (known !== undefined) return known;
    const { itemId, itemIndex, problem } = batch.item(n);
    const why: Cause = problem === undefined ? cause : 'bad-input';
    return {
      itemId,
      itemIndex,
      status: 'failed',
      attempts: item.attempts,
      durationMs: 0,
      errorClass: why,
      errorMessage: problem ?? `${explanation}${detail}`,
      cause: why,
      output: null,
    };
  });
}

async function readBatch(store: ObjectStore, { batch }: TaskManifest): Promise<Uint8Array> {
  const bytes = await store.get(batch.key, { sha256: batch.sha256 });
  if (bytes === null)
    throw new AppError('STORE_NOT_FOUND', {
      message: `${store.url(batch.key)} is missing`,
      details: { key: batch.key },
    });
  return bytes;
}

/** What was saved of a task without a committed result: its checkpoint, or what a retry left alone. Null when nothing was, or nothing can be used. */
export async function readSaved(
  deps: Deps,
  job: LoadedJob,
  lost: Given & { readonly manifest: TaskManifest },
): Promise<Saved | null> {
  const saved = await readCheckpoint(deps, job, lost);
  return saved === null && lost.item.redo === true ? readRedoBase(deps, job, lost) : saved;
}

/** Null when there is no checkpoint, or none that can be trusted: its items then count as failed, and the log says so. */
async function readCheckpoint(
  deps: Deps,
  { job }: LoadedJob,
  lost: Given & { readonly manifest: TaskManifest },
): Promise<Saved | null> {
  const { task, item, manifest } = lost;
  const pointer = item.checkpoint;
  if (pointer === undefined) return null;
  const outcomes = new Map<number, ItemOutcome>();
  let observed: LostTask['observed'] = [];
  for (let seq = 1; seq <= pointer.seq; seq += 1) {
    const key = segmentKey(job, task, pointer.attempt, seq);
    const bytes = await deps.store.get(key);
    const segment = bytes === null ? 'it is missing' : decodeSegment(bytes);
    const problem =
      typeof segment === 'string'
        ? segment
        : misfit(segment.header, { seq, attempt: pointer.attempt, task, batchSha256: manifest.batch.sha256 });
    if (typeof segment === 'string' || problem !== null) {
      deps.log.warn('checkpoint not usable; the items it saved count as failed', { task, key, problem });
      return null;
    }
    for (const outcome of segment.outcomes) outcomes.set(outcome.itemIndex, outcome);
    observed = segment.header.observed ?? observed;
  }
  return { outcomes, observed };
}

function misfit(
  header: SegmentHeader,
  expected: Pick<SegmentHeader, 'task' | 'attempt' | 'seq' | 'batchSha256'>,
): string | null {
  for (const field of ['task', 'attempt', 'seq', 'batchSha256'] as const)
    if (header[field] !== expected[field]) return `its ${field} is ${header[field]}, expected ${expected[field]}`;
  return null;
}
