import { join } from 'node:path';
import type { MergeColumn } from '../ports/columnar.ts';
import type { ScratchDir } from '../ports/scratch.ts';
import { mapBounded } from './bounded.ts';
import type { AggregatorDeps } from './deps.ts';
import type { LoadedJob } from './load-job.ts';
import { outcomesOfLost } from './lost-task.ts';
import type { PlannedPart } from './plan-merge.ts';
import { fetchPart, verifyFile } from './winner.ts';

export interface MergeContext {
  readonly deps: AggregatorDeps;
  readonly job: LoadedJob;
  readonly columns: readonly MergeColumn[];
}

/** A file on the way to the output, and the items it must hold. */
export interface MergeInput {
  readonly path: string;
  readonly firstItem: number;
  readonly items: number;
  readonly failed: number;
  /** For messages. */
  readonly name: string;
}

/** Parts read at once while verifying. */
const READS = 8;
/** Fewer, because the merge waits for the parts and nothing waits for these. */
const BACKGROUND_READS = 2;

export interface Gathering {
  readonly scratch: ScratchDir;
  readonly progress: () => void;
}

/** Local, verified files of a group's parts: a winner's own, or one written for a task without a result. @throws RESULT_CORRUPT */
export async function gatherParts(
  context: MergeContext,
  parts: readonly PlannedPart[],
  { scratch, progress }: Gathering,
): Promise<MergeInput[]> {
  return mapBounded(parts, READS, async (part): Promise<MergeInput> => {
    const { task, firstItem, items } = part;
    const fetched =
      part.done === null
        ? await writeLost(context, part, scratch)
        : { path: await fetchPart(context.deps.store, part.done, scratch.path), failed: part.done.failed };
    progress();
    return { ...fetched, firstItem, items, name: `task ${task}` };
  });
}

/**
 * Verifies the SQLite file of every winner. It is not merged, but it is the per-item truth that somebody will want to look at, and nothing is
 * published while it lies. @throws RESULT_CORRUPT
 */
export async function verifyResultFiles({ store }: AggregatorDeps, parts: readonly PlannedPart[]): Promise<void> {
  await mapBounded(parts, BACKGROUND_READS, async ({ task, done }) => {
    if (done !== null) await verifyFile(store, task, done.files.results);
  });
}

async function writeLost(
  context: MergeContext,
  part: PlannedPart & { readonly done: null },
  scratch: ScratchDir,
): Promise<Pick<MergeInput, 'path' | 'failed'>> {
  const { deps, job } = context;
  const outcomes = await outcomesOfLost(deps, job, part.lost);
  const path = join(scratch.path, `${part.task}.parquet`);
  await deps.leafParts.write(path, outcomes, job.manifest.spec.output);
  return { path, failed: outcomes.filter(({ status }) => status === 'failed').length };
}
