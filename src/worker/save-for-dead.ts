/**
 * Saves what a dead worker had finished since its last checkpoint, from the result file it left on the node. The file had one writer without any
 * sync, which is safe against the death of a process but for one thing: it may have died in the middle of a transaction. SQLite's own check and a look at every
 * row find that; then nothing is saved, and those items run again.
 */
import { segmentKey } from '../domain/keys.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { countFailed, decodeSegment, encodeSegment, type SegmentHeader } from '../domain/segment.ts';
import { isAppError } from '../errors/app-error.ts';
import type { BeaconTask } from '../ports/beacon.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ResultFiles } from '../ports/result-file.ts';
import type { WriteContext } from './needs.ts';
import { asTaskItem, moveCheckpoint } from './task-writes.ts';

export interface SaveContext extends Omit<WriteContext, 'attempt'> {
  readonly store: ObjectStore;
  readonly resultFiles: Pick<ResultFiles, 'openSealed'>;
}

/** More output than this is not worth the seconds in which the task waits for its release. */
const MOST_CHARS = 32 * 1024 ** 2;
const SEGMENT_ROWS = 5_000;

/** Items that the task's checkpoint holds more than before; 0 when there was nothing to save, or nothing that could be trusted. */
export async function saveForDead(context: SaveContext, task: BeaconTask): Promise<number> {
  const { attempt, key, results } = task;
  if (results === undefined) return 0;
  const item = await context.deps.state.get(key);
  if (item === null) return 0;
  const { state, owner, checkpoint } = asTaskItem(item);
  if (state !== 'RUNNING' || owner !== attempt) return 0;
  const rows = readRows(context.resultFiles, task);
  const before = checkpoint?.items ?? 0;
  if (rows === null || rows.length <= before) return 0;
  const seq = await storeSegments(context, task, { first: checkpoint?.attempt === attempt ? checkpoint.seq : 0, rows });
  if (seq === null) return 0;
  const failed = countFailed(rows);
  const moved = await moveCheckpoint({ ...context, attempt }, key, { attempt, seq, items: rows.length, failed });
  return moved ? rows.length - before : 0;
}

/**
 * Stores all rows under the next numbers of the attempt: those that earlier segments hold as well count once. A segment that the dead worker stored
 * without pointing at it keeps its number. Null: a segment before it cannot be read.
 */
async function storeSegments(
  { store }: SaveContext,
  { job, task, attempt, generation, results }: BeaconTask,
  { first, rows }: { readonly first: number; readonly rows: readonly ItemOutcome[] },
): Promise<number | null> {
  let seq = first;
  while ((await store.head(segmentKey(job, task, attempt, seq + 1))) !== null) seq += 1;
  const last = seq === 0 ? null : await store.get(segmentKey(job, task, attempt, seq));
  const known = last === null ? null : decodeSegment(last);
  if (typeof known === 'string' || (seq > 0 && known === null)) return null;
  const tries = known?.header.tries;
  for (let at = 0; at < rows.length; at += SEGMENT_ROWS) {
    seq += 1;
    const header: SegmentHeader = {
      task,
      attempt,
      seq,
      generation,
      batchSha256: results?.batchSha256 ?? '',
      ...(tries === undefined ? {} : { tries }),
    };
    const text = encodeSegment(header, rows.slice(at, at + SEGMENT_ROWS));
    if (typeof decodeSegment(new TextEncoder().encode(text)) === 'string') return null;
    await store.put(segmentKey(job, task, attempt, seq), text);
  }
  return seq;
}

/** Null: there is no file, or it cannot be trusted. */
function readRows(
  resultFiles: SaveContext['resultFiles'],
  { results, firstItem = 0 }: BeaconTask,
): ItemOutcome[] | null {
  if (results === undefined) return null;
  try {
    const file = resultFiles.openSealed(results.path);
    try {
      const rows: ItemOutcome[] = [];
      let chars = 0;
      for (const row of file.byIndex()) {
        chars += row.output?.length ?? 0;
        const isWithin = row.itemIndex >= firstItem && row.itemIndex < firstItem + results.items;
        if (chars > MOST_CHARS || !isWithin || !isWhole(row)) return null;
        rows.push(row);
      }
      return rows;
    } finally {
      file.close();
    }
  } catch (error) {
    if (isAppError(error, 'RESULT_CORRUPT')) return null;
    throw error;
  }
}

function isWhole({ status, output, errorMessage }: ItemOutcome): boolean {
  if (status === 'failed') return output === null && errorMessage?.includes('\0') !== true;
  if (output === null) return false;
  try {
    JSON.parse(output);
    return true;
  } catch {
    return false;
  }
}
