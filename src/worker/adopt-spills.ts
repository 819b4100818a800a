/**
 * Does for finished work that is kept in a spill place what its worker could not do: stores its files under the attempt's keys and makes the
 * commit. The commit is the worker's, with its condition, so adopting twice, at once, or being killed in the middle of it is harmless; the
 * spill goes when the task has a winner, whoever that is.
 */
import type { JobId } from '../domain/ids.ts';
import { attemptLogKey, doneKey, partKey, resultsKey } from '../domain/keys.ts';
import {
  decodeSpill,
  spillJobPrefix,
  spillKey,
  spillOfRecord,
  spillPrefix,
  type SpillFile,
  type SpillId,
  type SpillRecord,
} from '../domain/spill.ts';
import { taskKey, type StateKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { Log } from '../ports/log.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { SpillPlace } from '../ports/spill.ts';
import type { StateTable } from '../ports/state-table.ts';
import { asTaskItem, commitOf } from './task-writes.ts';

export interface AdoptDeps {
  readonly store: ObjectStore;
  readonly state: StateTable;
  readonly place: SpillPlace;
  readonly log: Log;
}

export interface AdoptRequest {
  readonly job: JobId;
  readonly shards: number;
  /** Aborted: the spills that are left are left. */
  readonly signal?: AbortSignal;
}

export interface Adopted {
  /** Tasks that got their winner. */
  readonly tasks: number;
  /** One sentence for each spill that is gone or could not be used. */
  readonly steps: readonly string[];
}

/**
 * Adopts what the place holds of a job. A spill that cannot be read just now is left, and said; one that lies is removed.
 * @throws STORE_*, STATE_* of the job's own store and state table: nothing is decided about the task then
 */
export async function adoptSpills(deps: AdoptDeps, request: AdoptRequest): Promise<Adopted> {
  const steps: string[] = [];
  let tasks = 0;
  for (const id of await listOrSay(deps.place, request.job, steps)) {
    if (request.signal?.aborted === true) break;
    const end = await adoptOne(deps, request, id);
    if (end === null) continue;
    if (end.won) tasks += 1;
    const step = `task ${id.task}: ${end.step}`;
    steps.push(step);
    deps.log.info(step, { attempt: id.attempt });
  }
  return { tasks, steps };
}

/** A place that is out of order must not stop a job whose store and state are well. */
async function listOrSay(place: SpillPlace, job: JobId, steps: string[]): Promise<SpillId[]> {
  try {
    return await listSpills(place, job);
  } catch (error) {
    if (!isAppError(error)) throw error;
    steps.push(`kept results in ${place.path} cannot be looked at (${error.message})`);
    return [];
  }
}

/** Whole spills of a job. @throws STORE_* */
export async function listSpills(place: SpillPlace, job: JobId): Promise<SpillId[]> {
  if (!place.isThere()) return [];
  const found: SpillId[] = [];
  for await (const { key } of place.store.list(spillJobPrefix(job))) {
    const id = spillOfRecord(key);
    if (id !== null && id.job === job) found.push(id);
  }
  return found;
}

interface End {
  readonly step: string;
  readonly won: boolean;
}

const gone = (step: string): End => ({ step, won: false });

/** Null: somebody else has just dealt with it. */
async function adoptOne(deps: AdoptDeps, { job, shards }: AdoptRequest, id: SpillId): Promise<End | null> {
  const key = taskKey(job, id.task, shards);
  const checked = await check(deps, key, id);
  if (checked === null || 'step' in checked) return checked;
  if ('obsolete' in checked) {
    const trouble = await removeSpill(deps.place, id);
    return gone(`removed the kept result of attempt ${id.attempt}: ${checked.obsolete}${trouble}`);
  }
  await storeFiles(deps, id, checked.record);
  const current = await commit(deps.state, key, checked.record);
  const won = current?.win?.attempt === id.attempt;
  if (!won && current?.win === undefined && current?.generation === checked.record.generation)
    throw new AppError('STATE_UNCERTAIN', { message: `task ${id.task} of ${job} took no commit and names no winner` });
  const trouble = await removeSpill(deps.place, id);
  return won
    ? {
        step: `adopted the result that attempt ${id.attempt} could not report (${checked.record.reason})${trouble}`,
        won,
      }
    : gone(`removed the kept result of attempt ${id.attempt}: another attempt was committed${trouble}`);
}

type Checked = { readonly record: SpillRecord } | { readonly obsolete: string };

/** Is there still a use for it, and is it what it says? */
async function check(deps: AdoptDeps, key: StateKey, id: SpillId): Promise<Checked | End | null> {
  const { store } = deps.place;
  const task = (await deps.state.get(key)) as TaskItem | null;
  if (task === null) return gone(`the kept result of attempt ${id.attempt} is of no task of this state table; left`);
  const winner = winnerOf(task, id);
  if (winner !== null) return { obsolete: winner };
  try {
    const bytes = await store.get(spillKey(id, 'spill.json'));
    if (bytes === null) return null;
    const record = decodeSpill(bytes, id);
    if (typeof record === 'string') return { obsolete: record };
    if (record.generation < task.generation) return { obsolete: 'it belongs to an earlier generation of the task' };
    if (record.generation > task.generation)
      return gone(`the kept result of attempt ${id.attempt} is of a later generation of the task; left`);
    for (const file of filesOf(id, record)) await readWhole(store, spillKey(id, file.name), file.sha256);
    return { record };
  } catch (error) {
    if (!isAppError(error)) throw error;
    const lies = error.code === 'STORE_CORRUPT' || error.code === 'STORE_NOT_FOUND';
    if (!lies) return gone(`the kept result of attempt ${id.attempt} cannot be read (${error.message}); left`);
    // Whoever adopted it in the meantime is removing it just now.
    const now = (await deps.state.get(key)) as TaskItem | null;
    return { obsolete: (now === null ? null : winnerOf(now, id)) ?? `it is damaged (${error.message})` };
  }
}

function winnerOf({ win }: TaskItem, { attempt }: SpillId): string | null {
  if (win === undefined) return null;
  return win.attempt === attempt ? 'it was committed after all' : 'another attempt was committed';
}

interface KeptFile {
  readonly name: SpillFile;
  /** Key in the job's store. */
  readonly key: string;
  readonly sha256: string;
}

/** In the order in which they are stored: done.json speaks of the others. */
function filesOf({ job, task, attempt }: SpillId, { files, win }: SpillRecord): KeptFile[] {
  return [
    { name: 'results.sqlite', key: resultsKey(job, task, attempt), sha256: files.results.sha256 },
    { name: 'part.parquet', key: partKey(job, task, attempt), sha256: files.part.sha256 },
    ...(files.log === null
      ? []
      : [{ name: 'log.jsonl', key: attemptLogKey(job, task, attempt), sha256: files.log.sha256 } as const]),
    { name: 'done.json', key: doneKey(job, task, attempt), sha256: win.sha256 },
  ];
}

async function readWhole(store: ObjectStore, key: string, sha256: string): Promise<void> {
  for await (const _chunk of store.stream(key, { sha256 }));
}

async function storeFiles({ store, place }: AdoptDeps, id: SpillId, record: SpillRecord): Promise<void> {
  for (const { name, key, sha256 } of filesOf(id, record)) {
    const from = spillKey(id, name);
    const path = place.store.localPath(from);
    const stored = await (path === null
      ? store.put(key, place.store.stream(from, { sha256 }))
      : store.putFile(key, path));
    if (stored.sha256 !== sha256)
      throw new AppError('STORE_CORRUPT', {
        message: `${store.url(key)}: found sha-256 ${stored.sha256} after storing it, expected ${sha256}`,
      });
  }
}

/** The task as it is afterwards. */
async function commit(state: StateTable, key: StateKey, { generation, win }: SpillRecord): Promise<TaskItem | null> {
  const { change, when } = commitOf(generation, win);
  try {
    const result = await state.write(key, change, when);
    const item = result.applied ? result.item : result.current;
    return item === null ? null : asTaskItem(item);
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return (await state.get(key)) as TaskItem | null;
  }
}

/** The record last: a removal that was killed or refused is seen, and ended, by whoever looks next. What to add to the step; mostly nothing. */
async function removeSpill({ store }: SpillPlace, id: SpillId): Promise<string> {
  const files = ['results.sqlite', 'part.parquet', 'log.jsonl', 'done.json'] as const;
  try {
    await store.delete(files.map((file) => spillKey(id, file)));
    await store.deletePrefix(spillPrefix(id));
    return '';
  } catch (error) {
    if (!isAppError(error)) throw error;
    return `; its files could not be removed (${error.message})`;
  }
}
