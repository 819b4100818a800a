import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import type { MergedFile, MergeRequest } from '../ports/columnar.ts';
import type { ScratchDir } from '../ports/scratch.ts';
import { gatherParts, type MergeContext, type MergeInput } from './gather-parts.ts';
import type { PlannedPart } from './plan-merge.ts';

export interface MergedOutput {
  readonly results: MergedFile & { readonly path: string };
  readonly errors: MergedFile & { readonly path: string };
}

/**
 * More files in one merge make its plan slow and its footers big; fewer make more levels, each of which writes every row once more. Two levels
 * are enough for a million tasks.
 */
const PARTS_PER_MERGE = 1_024;

/**
 * Verifies every part and merges them into results and errors files in `target`, in levels when there are many.
 * @throws RESULT_CORRUPT, RESULT_INCOMPLETE naming the task; nothing is published by this
 */
export async function mergeParts(
  context: MergeContext,
  parts: readonly PlannedPart[],
  target: ScratchDir,
): Promise<MergedOutput> {
  const most = context.deps.partsPerMerge ?? PARTS_PER_MERGE;
  const from = context.job.manifest.spec.output.mode;
  const groups = chunks(parts, most);
  const progress = progressOf(context, parts.length);
  if (groups.length === 1)
    return withScratch(context, 'parts', async (scratch) =>
      finish(context, { inputs: await gatherParts(context, parts, { scratch, progress }), from, target }),
    );
  return withScratch(context, 'level', async (level) => {
    const inputs: MergeInput[] = [];
    for (const group of groups)
      inputs.push(
        await withScratch(context, 'parts', async (scratch) => {
          const gathered = await gatherParts(context, group, { scratch, progress });
          return intermediate(context, { inputs: gathered, from, target: level, number: inputs.length });
        }),
      );
    return mergeLevels(context, inputs, { most, target });
  });
}

/** Merges intermediate files, `most` at a time, until one merge is left. Every level has a scratch directory of its own. */
async function mergeLevels(
  context: MergeContext,
  inputs: readonly MergeInput[],
  options: { readonly most: number; readonly target: ScratchDir },
): Promise<MergedOutput> {
  if (inputs.length <= options.most) return finish(context, { inputs, from: 'merged', target: options.target });
  return withScratch(context, 'level', async (level) => {
    const merged: MergeInput[] = [];
    for (const group of chunks(inputs, options.most))
      merged.push(await intermediate(context, { inputs: group, from: 'merged', target: level, number: merged.length }));
    return mergeLevels(context, merged, options);
  });
}

interface Step {
  readonly inputs: readonly MergeInput[];
  readonly from: MergeRequest['from'];
  readonly target: ScratchDir;
}

async function intermediate(context: MergeContext, step: Step & { readonly number: number }): Promise<MergeInput> {
  const path = join(step.target.path, `${step.number}.parquet`);
  const merged = await merge(context, step, { to: 'merged', path });
  const { firstItem } = step.inputs[0] as MergeInput;
  return { path, firstItem, items: merged.rows, failed: merged.failed, name: `the items from ${firstItem} on` };
}

/** Both at once: each takes one thread of DuckDB, and the second is a fraction of the first. */
async function finish(context: MergeContext, step: Step): Promise<MergedOutput> {
  // Only files with failures are read for it; one without gives an empty file its columns.
  const failing = step.inputs.filter(({ failed }) => failed > 0);
  const errorsStep = { ...step, inputs: failing.length > 0 ? failing : step.inputs.slice(0, 1) };
  const [results, errors] = await Promise.allSettled([
    merge(context, step, { to: 'results', path: join(step.target.path, 'results.parquet') }),
    merge(context, errorsStep, { to: 'errors', path: join(step.target.path, 'errors.parquet') }),
  ]);
  if (results.status === 'rejected') throw results.reason;
  if (errors.status === 'rejected') throw errors.reason;
  return { results: results.value, errors: errors.value };
}

async function merge(
  context: MergeContext,
  { inputs, from, target }: Step,
  output: { readonly to: MergeRequest['to']; readonly path: string },
): Promise<MergedFile & { readonly path: string }> {
  const { deps, columns } = context;
  const request = { from, columns, scratch: target.path };
  const merged = await deps.columnar.merge({
    ...request,
    inputs: inputs.map(({ path }) => path),
    output: output.path,
    to: output.to,
  });
  if (!holds(merged, inputs, output.to)) throw await findDisagreement(context, { inputs, from, target }, output.to);
  return { ...merged, path: output.path };
}

/** Does the file hold every item of the inputs once, and as many failures as they promised? */
function holds(merged: MergedFile, inputs: readonly MergeInput[], to: MergeRequest['to']): boolean {
  const items = inputs.reduce((sum, input) => sum + input.items, 0);
  const failed = inputs.reduce((sum, input) => sum + input.failed, 0);
  if (merged.failed !== failed) return false;
  return to === 'errors' || (merged.contiguous && merged.rows === items && merged.firstItem === inputs[0]?.firstItem);
}

/** Merges the inputs one by one to find the one that does not hold the items it must. Slow, but only when all is lost already. */
async function findDisagreement(context: MergeContext, { inputs, from, target }: Step, to: string): Promise<AppError> {
  const { job } = context.job;
  for (const input of inputs) {
    const { path, name, items, failed, firstItem } = input;
    const alone = await context.deps.columnar.merge({
      inputs: [path],
      output: join(target.path, `alone-${to}.parquet`),
      from,
      to: 'merged',
      columns: context.columns,
      scratch: target.path,
    });
    if (holds(alone, [input], 'merged')) continue;
    const found = `${alone.rows} rows (${alone.failed} failed) from item ${alone.firstItem} on${alone.contiguous ? '' : ', not every item once'}`;
    return new AppError('RESULT_INCOMPLETE', {
      message: `job ${job}: ${name}: found ${found}, expected ${items} rows (${failed} failed) from item ${firstItem} on`,
      details: { path },
    });
  }
  return new AppError('RESULT_INCOMPLETE', {
    message: `job ${job}: the parts do not add up to consecutive items, though each for itself does`,
  });
}

async function withScratch<T>(
  { deps }: MergeContext,
  purpose: string,
  fn: (scratch: ScratchDir) => Promise<T>,
): Promise<T> {
  const scratch = await deps.scratch.open(purpose);
  try {
    return await fn(scratch);
  } finally {
    await scratch.dispose();
  }
}

function progressOf({ deps }: MergeContext, total: number): () => void {
  let done = 0;
  return () => {
    done += 1;
    deps.onProgress?.({ phase: 'verify', done, total });
  };
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_none, at) => items.slice(at * size, (at + 1) * size));
