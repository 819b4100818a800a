import { segmentKey } from '../domain/keys.ts';
import type { TaskManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import type { ElementContext } from './needs.ts';
import type { Observed } from './observe-columns.ts';
import { patiently } from './patience.ts';
import { readRedoBase } from './redo-base.ts';
import { decodeSegment, type SegmentHeader } from '../domain/segment.ts';
import type { ClaimedTask } from './task-writes.ts';

export interface Resumed {
  readonly outcomes: readonly ItemOutcome[];
  readonly observed: readonly Observed[];
  /** Failed tries at items that have no outcome yet: [number in the task, tries]. */
  readonly tries?: NonNullable<SegmentHeader['tries']>;
}

const NOTHING: Resumed = { outcomes: [], observed: [] };

/**
 * What the task's checkpoint pointer names. Segments that are missing or do not fit are not an error: the task is then run from its
 * beginning, which is slower and still right; the log says so. The beginning of a task that a `retry` opened is what the retry left alone.
 */
export async function readCheckpoint(
  context: ElementContext,
  claimed: ClaimedTask,
  manifest: TaskManifest,
): Promise<Resumed> {
  const saved = await readSaved(context, claimed, manifest);
  if (saved !== null) return saved;
  return claimed.item.redo === true ? readRedoBase(context, claimed, manifest) : NOTHING;
}

/** Null when there is no checkpoint, or none that can be used. */
async function readSaved(
  context: ElementContext,
  claimed: ClaimedTask,
  manifest: TaskManifest,
): Promise<Resumed | null> {
  const pointer = claimed.item.checkpoint;
  if (pointer === undefined) return null;
  const { deps, input } = context;
  const outcomes = new Map<number, ItemOutcome>();
  let observed: readonly Observed[] = [];
  let tries: NonNullable<SegmentHeader['tries']> = [];
  for (let seq = 1; seq <= pointer.seq; seq += 1) {
    const key = segmentKey(input.assignment.job, claimed.task, pointer.attempt, seq);
    const bytes = await patiently(context, () => deps.store.get(key));
    const segment = bytes === null ? 'it is missing' : decodeSegment(bytes);
    const problem =
      typeof segment === 'string'
        ? segment
        : misfit(segment.header, {
            ...pointer,
            seq,
            task: claimed.task,
            generation: claimed.item.generation,
            manifest,
          });
    if (typeof segment === 'string' || problem !== null) {
      deps.log.warn('checkpoint not usable, running the task from its beginning', { task: claimed.task, key, problem });
      return null;
    }
    for (const outcome of segment.outcomes) if (isWithin(outcome, manifest)) outcomes.set(outcome.itemIndex, outcome);
    observed = segment.header.observed ?? observed;
    tries = segment.header.tries ?? [];
  }
  if (outcomes.size !== pointer.items) {
    const problem = `found ${outcomes.size} items, the pointer says ${pointer.items}`;
    deps.log.warn('checkpoint not usable, running the task from its beginning', { task: claimed.task, problem });
    return null;
  }
  return { outcomes: [...outcomes.values()], observed, tries };
}

const isWithin = (outcome: ItemOutcome, manifest: TaskManifest): boolean =>
  outcome.itemIndex >= manifest.firstItem && outcome.itemIndex < manifest.firstItem + manifest.items;

function misfit(
  header: SegmentHeader,
  expected: Pick<SegmentHeader, 'task' | 'attempt' | 'seq' | 'generation'> & { readonly manifest: TaskManifest },
): string | null {
  for (const field of ['task', 'attempt', 'seq', 'generation'] as const)
    if (header[field] !== expected[field]) return `its ${field} is ${header[field]}, expected ${expected[field]}`;
  return header.batchSha256 === expected.manifest.batch.sha256 ? null : 'it belongs to another batch';
}
