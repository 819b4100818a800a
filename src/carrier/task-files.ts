/** What a task's state points at, and carrying it. */
import type { AttemptId, JobId, TaskId } from '../domain/ids.ts';
import {
  attemptLogKey,
  batchKey,
  doneKey,
  partKey,
  redoBaseKey,
  redoKey,
  resultsKey,
  segmentKey,
  taskManifestKey,
} from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type TaskManifest } from '../domain/manifest.ts';
import type { RedoRecord } from '../domain/redo.ts';
import type { CheckpointPointer, TaskItem, Win } from '../domain/task-item.ts';
import { isFinalTaskState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateItem } from '../ports/state-table.ts';
import { copyFile, parseManifest, putText, readSource, requireKey } from './copy-object.ts';
import type { CarrierDeps } from './needs.ts';

/**
 * The task as it is copied. A checkpoint is worth its files only once the task is given up: the output is then made of it. Before, the pointer is
 * left out, because its files stay where the workers are.
 */
export function copiedTask(item: StateItem): StateItem {
  const { checkpoint, ...rest } = item;
  const { state } = item as unknown as TaskItem;
  return checkpoint !== undefined && (state === 'DEAD' || state === 'CANCELLED') ? item : rest;
}

export interface TaskFiles {
  /** Batch and manifest of the task itself. */
  readonly task: boolean;
  readonly winner: Win | null;
  readonly checkpoint: CheckpointPointer | null;
  /**
   * Generations that a retry opened, of a task that is over: their records tell who retried it and what that replaced, and where the rest of its
   * outcomes are if the retry came to nothing.
   */
  readonly redo: readonly number[];
}

/** What has to be carried before `truth` may be written over `seen`; pure. */
export function filesBehind(seen: StateItem | null, truth: StateItem): TaskFiles {
  const before = seen as unknown as TaskItem | null;
  const { win, checkpoint } = truth as unknown as TaskItem;
  const sameWin = win === undefined || (before?.win?.attempt === win.attempt && before.win.sha256 === win.sha256);
  const known = before?.checkpoint;
  const sameCheckpoint =
    checkpoint === undefined || (known?.attempt === checkpoint.attempt && known.seq === checkpoint.seq);
  return {
    task: seen === null,
    winner: sameWin ? null : win,
    checkpoint: sameCheckpoint ? null : checkpoint,
    redo: redoBehind(before, truth as unknown as TaskItem),
  };
}

function redoBehind(before: TaskItem | null, { state, generation, redo }: TaskItem): number[] {
  if (redo !== true || !isFinalTaskState(state)) return [];
  const carried = before === null ? 0 : before.state === state ? before.generation : before.generation - 1;
  const first = Math.max(1, carried + 1);
  return Array.from({ length: Math.max(0, generation - first + 1) }, (_, at) => first + at);
}

interface OfTask {
  readonly job: JobId;
  readonly task: TaskId;
}

/** @throws STORE_CORRUPT, STORE_NOT_FOUND, MANIFEST_CORRUPT when the spool's own files are not what they should be */
export async function carryTaskFiles(deps: CarrierDeps, of: OfTask, files: TaskFiles): Promise<void> {
  if (files.task) await carryBatch(deps, of);
  if (files.checkpoint !== null) await carrySegments(deps, of, files.checkpoint);
  const last = files.redo.at(-1);
  for (const generation of files.redo) await carryRedo(deps, of, { generation, isLast: generation === last });
  if (files.winner !== null) await carryWinner(deps, of, files.winner);
}

async function carryBatch(deps: CarrierDeps, { job, task }: OfTask): Promise<void> {
  const key = taskManifestKey(job, task);
  const bytes = await readSource(deps, key);
  const { batch } = parseManifest<TaskManifest>(bytes, key, MANIFEST_SCHEMAS.task);
  requireKey(key, batch?.key, batchKey(job, task));
  await copyFile(deps, batch);
  await putText(deps, key, bytes);
}

async function carryWinner(deps: CarrierDeps, of: OfTask, win: Pick<Win, 'attempt' | 'sha256'>): Promise<void> {
  const { job, task } = of;
  const key = doneKey(job, task, win.attempt);
  const bytes = await readSource(deps, key, win.sha256);
  const { files } = parseManifest<DoneManifest>(bytes, key, MANIFEST_SCHEMAS.done);
  const expected = expectedKeys(of, win.attempt);
  for (const name of ['results', 'part', 'log'] as const) {
    const file = files[name];
    if (file === null) continue;
    requireKey(key, file.key, expected[name]);
    await copyFile(deps, file);
  }
  // The seal goes last: where it is, everything it names is.
  await putText(deps, key, bytes);
}

/**
 * What a retry left alone, and who retried. The record goes last, as a seal does. Where the record or a file that it names is gone nothing points at
 * it: whoever needs it then takes the task whole, so the task is carried all the same.
 */
async function carryRedo(
  deps: CarrierDeps,
  of: OfTask,
  { generation, isLast }: { readonly generation: number; readonly isLast: boolean },
): Promise<void> {
  try {
    await carryRecord(deps, of, redoKey(of.job, generation, of.task));
  } catch (error) {
    if (!isAppError(error, 'STORE_NOT_FOUND')) throw error;
    // A generation before may have been opened for another reason.
    if (isLast) deps.log.warn('what a retry left alone is not carried', { ...of, generation, error: error.message });
  }
}

async function carryRecord(deps: CarrierDeps, of: OfTask, key: string): Promise<void> {
  const { job, task } = of;
  const bytes = await readSource(deps, key);
  const { base } = parseManifest<RedoRecord>(bytes, key, MANIFEST_SCHEMAS.redo);
  // Mostly the winner was carried when it won. Its seal went last.
  if (base?.kind === 'winner' && (await deps.to.store.head(doneKey(job, task, base.attempt))) === null)
    await carryWinner(deps, of, base);
  if (base?.kind === 'segments')
    for (let seq = 1; seq <= base.segments; seq += 1) {
      const segment = redoBaseKey(job, task, base, seq);
      await putText(deps, segment, await readSource(deps, segment));
    }
  await putText(deps, key, bytes);
}

const expectedKeys = ({ job, task }: OfTask, attempt: AttemptId) => ({
  results: resultsKey(job, task, attempt),
  part: partKey(job, task, attempt),
  log: attemptLogKey(job, task, attempt),
});

async function carrySegments(deps: CarrierDeps, { job, task }: OfTask, pointer: CheckpointPointer): Promise<void> {
  for (let seq = 1; seq <= pointer.seq; seq += 1) {
    const key = segmentKey(job, task, pointer.attempt, seq);
    await putText(deps, key, await readSource(deps, key));
  }
}
