/**
 * Tasks that ask for more than the site gives. The batch system refuses elements of their size, for good as far as anybody can tell, so they run
 * with the largest size it did accept for this job; the budget of attempts decides how often that is tried.
 */
import { bySizeDescending, isBigEnough, isSameSize, sizeFor, type ElementSize } from '../domain/element-size.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { taskKey } from '../domain/state-keys.ts';
import { formatBytes, formatDuration } from '../domain/units.ts';
import type { GroupDemand } from './demand.ts';
import { stillPending } from './move-task.ts';
import type { SendContext } from './send.ts';
import type { Submission } from './submissions.ts';

/** The largest accepted size within the refused one; what the job file asks for when there is none, because that was accepted first. */
export function fallbackSize(refused: ElementSize, rows: readonly Submission[], resources: ElementSize): ElementSize {
  const accepted = rows
    .filter((row) => row.kind === 'array' && row.handle !== undefined)
    .map((row) => sizeFor(resources, row))
    .filter((size) => isBigEnough(refused, size) && !isSameSize(refused, size));
  return accepted.toSorted(bySizeDescending)[0] ?? sizeFor(resources, undefined);
}

/** Lets the tasks of a refused group ask for less; one that somebody claimed meanwhile is left alone. Returns what was done, in words. */
export async function fallBack(
  context: SendContext,
  meta: JobMeta,
  refusal: { readonly group: GroupDemand; readonly rows: readonly Submission[]; readonly reason: string },
): Promise<string[]> {
  const { deps, job, manifest } = context;
  const { resources } = manifest.spec;
  const { group, rows, reason } = refusal;
  const size = fallbackSize(group.size, rows, resources);
  const needs = isSameSize(size, resources) ? { remove: ['needs'] } : { set: { needs: { ...size } } };
  const said = `elements of ${inWords(group.size)} were refused, so it runs with ${inWords(size)}: ${reason}`;
  let moved = 0;
  for (const pending of group.pending) {
    const result = await deps.state.write(
      taskKey(job, pending.id, meta.shards),
      { ...needs, set: { ...needs.set, causeDetail: said.slice(0, 300) } },
      stillPending(pending),
    );
    if (result.applied) moved += 1;
  }
  return moved === 0 ? [] : [`${moved} tasks: ${said}`];
}

const inWords = ({ memoryBytes, timeMs }: ElementSize): string =>
  `${formatBytes(memoryBytes)} and ${formatDuration(timeMs)}`;
