import { segmentKey } from '../domain/keys.ts';
import type { TaskManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import type { ResultFile } from '../ports/result-file.ts';
import type { ElementContext } from './needs.ts';
import type { OutputNormaliser } from './normalise-output.ts';
import { patiently } from './patience.ts';
import { countFailed, encodeSegment, MAX_CARRIED_TRIES } from '../domain/segment.ts';
import { moveCheckpoint, type ClaimedTask } from './task-writes.ts';

/** Saves finished items while a task runs: an immutable segment, then the pointer. */
export interface Checkpointer {
  /** Saves what is new since the last call; `fenced` when the attempt no longer owns the task. One call comes after the other. */
  save(): Promise<'saved' | 'nothing-new' | 'fenced'>;
  /** How many segments this attempt has stored. */
  segments(): number;
}

export interface CheckpointerOptions {
  readonly claimed: ClaimedTask;
  readonly manifest: TaskManifest;
  readonly results: ResultFile;
  readonly normaliser: OutputNormaliser;
  /** Puts buffered outcomes into the result file. */
  readonly flush: () => void;
  /** Failed tries by item, of items without an outcome; kept up to date while the items run. */
  readonly tries: ReadonlyMap<number, number>;
}

/** Output in one segment: what a checkpoint holds in memory at once, and far below the longest string there can be. */
const SEGMENT_CHARS = 8 * 1024 ** 2;

/**
 * Items taken over from an earlier attempt are the first rows of the result file, so this attempt's first segment holds them too: the pointer
 * always names one attempt only.
 */
export function createCheckpointer(context: ElementContext, options: CheckpointerOptions): Checkpointer {
  const { deps, input, attempt } = context;
  const { claimed, manifest, results, normaliser, tries } = options;
  const { job } = input.assignment;
  let saved = 0;
  let failed = 0;
  let seq = 0;
  let pointed = 0;
  /** Tries at unfinished items that the last segment, or the checkpoint before this attempt, tells of. */
  let triesSaved = JSON.stringify(carried(tries));
  const more = (): ItemOutcome[] => results.rowsSince(saved, SEGMENT_CHARS);

  /** A segment whose upload failed, which may still arrive: what is sent again under its number must be the same bytes. */
  let begun: { readonly body: string; readonly rows: number; readonly failed: number; readonly tries: string } | null =
    null;

  /** The segment keeps its number whatever happens to the pointer afterwards. */
  const putSegment = async (rows: readonly ItemOutcome[]): Promise<void> => {
    const sent = (begun ??= {
      body: encode(rows),
      rows: rows.length,
      failed: countFailed(rows),
      tries: JSON.stringify(carried(tries)),
    });
    await patiently(context, () => deps.store.put(segmentKey(job, claimed.task, attempt, seq + 1), sent.body));
    begun = null;
    seq += 1;
    saved += sent.rows;
    failed += sent.failed;
    triesSaved = sent.tries;
  };
  const encode = (rows: readonly ItemOutcome[]): string => {
    const observed = normaliser.observed();
    const unfinished = carried(tries);
    const header = {
      task: claimed.task,
      attempt,
      seq: seq + 1,
      generation: claimed.item.generation,
      batchSha256: manifest.batch.sha256,
      ...(observed === null ? {} : { observed }),
      ...(unfinished.length === 0 ? {} : { tries: unfinished }),
    };
    return encodeSegment(header, rows);
  };
  const saveNow = async (): Promise<'saved' | 'nothing-new' | 'fenced'> => {
    options.flush();
    for (let rows = more(); rows.length > 0; rows = more()) await putSegment(rows);
    if (JSON.stringify(carried(tries)) !== triesSaved) await putSegment([]);
    if (pointed === seq) return 'nothing-new';
    const moved = await moveCheckpoint(context, claimed.key, { attempt, seq, items: saved, failed });
    if (moved) pointed = seq;
    return moved ? 'saved' : 'fenced';
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    save() {
      const mine = last.then(saveNow);
      last = mine.catch(() => undefined);
      return mine;
    },
    segments: () => seq,
  };
}

/** In order, so that equal tries are equal text. */
const carried = (tries: ReadonlyMap<number, number>): (readonly [number, number])[] =>
  [...tries].toSorted(([a], [b]) => a - b).slice(0, MAX_CARRIED_TRIES);
