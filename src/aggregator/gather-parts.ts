import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import type { MergeColumn } from '../ports/columnar.ts';
import type { ScratchDir } from '../ports/scratch.ts';
import { mapBounded } from './bounded.ts';
import type { AggregatorDeps } from './deps.ts';
import type { LoadedJob } from './load-job.ts';
import { outcomesOfLost } from './lost-task.ts';
import type { PlannedPart } from './plan-merge.ts';
import { fetchPart } from './winner.ts';

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

export interface Gathering {
  readonly scratch: ScratchDir;
  readonly progress: () => void;
}

/** Local, verified files of a group's parts: a winner's own, or one written for a task without a result. @throws RESULT_CORRUPT, RESULT_INCOMPLETE */
export async function gatherParts(
  context: MergeContext,
  parts: readonly PlannedPart[],
  { scratch, progress }: Gathering,
): Promise<MergeInput[]> {
  const { deps, job } = context;
  const inputs = await mapBounded(parts, READS, async (part): Promise<MergeInput> => {
    const { task, firstItem, items } = part;
    const fetched =
      part.done === null
        ? await writeLost(context, part, scratch)
        : { path: await fetchPart(deps.store, part.done, scratch.path), failed: part.done.failed };
    progress();
    return { ...fetched, firstItem, items, name: `task ${task}` };
  });
  const shapes = await deps.columnar.inspect(inputs.map(({ path }) => path));
  shapes.forEach(({ rows, path }, at) => {
    const { name, items } = inputs[at] as MergeInput;
    if (rows !== items)
      throw new AppError('RESULT_INCOMPLETE', {
        message: `job ${job.job}: ${name}: found ${rows} rows in ${path}, expected ${items}`,
        details: { path },
      });
  });
  return inputs;
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
