import { freeNames, inferColumns } from '../domain/infer-columns.ts';
import type { TaskId } from '../domain/ids.ts';
import type { DoneManifest } from '../domain/manifest.ts';
import type { OutputSpec } from '../domain/output-columns.ts';
import { AppError } from '../errors/app-error.ts';
import type { MergeColumn } from '../ports/columnar.ts';
import { mapBounded } from './bounded.ts';
import type { AggregatorDeps } from './deps.ts';
import type { FinalTask } from './final-tasks.ts';
import type { LoadedJob } from './load-job.ts';
import { readLostTask, type LostTask } from './lost-task.ts';
import { readDone } from './winner.ts';

/** A task's place in the output and where its rows come from. */
export type PlannedPart = {
  readonly task: TaskId;
  readonly firstItem: number;
  readonly items: number;
} & ({ readonly done: DoneManifest; readonly lost: null } | { readonly done: null; readonly lost: LostTask });

/** Small files read at once. */
const READS = 16;

/** Reads what every task says of itself and checks that together they are the job. @throws RESULT_CORRUPT, RESULT_INCOMPLETE */
export async function planParts(
  deps: AggregatorDeps,
  job: LoadedJob,
  tasks: readonly FinalTask[],
): Promise<PlannedPart[]> {
  const parts = await mapBounded(tasks, READS, async (task): Promise<PlannedPart> => {
    if (task.win === null) {
      const lost = await readLostTask(deps, job, task);
      return { task: task.task, firstItem: lost.manifest.firstItem, items: lost.manifest.items, done: null, lost };
    }
    const done = await readDone(deps.store, job, task);
    return { task: task.task, firstItem: done.firstItem, items: done.rows, done, lost: null };
  });
  checkRanges(job, parts);
  return parts;
}

/** Tasks named in an error; more would not be read. */
const NAMED = 5;

function checkRanges({ job, manifest }: LoadedJob, parts: readonly PlannedPart[]): void {
  const odd: string[] = [];
  let next = 0;
  for (const { task, firstItem, items } of parts) {
    if (firstItem !== next) odd.push(`task ${task} starts at item ${firstItem}, expected ${next}`);
    next = firstItem + items;
  }
  const total = parts.reduce((sum, { items }) => sum + items, 0);
  if (total !== manifest.counts.items) odd.push(`the tasks have ${total} items, the job has ${manifest.counts.items}`);
  if (odd.length === 0) return;
  const more = odd.length > NAMED ? ` and ${odd.length - NAMED} more` : '';
  throw new AppError('RESULT_INCOMPLETE', {
    message: `job ${job}: ${odd.slice(0, NAMED).join('; ')}${more}`,
    details: { disagreements: odd.length },
  });
}

/** The output columns after the fixed ones. */
export function outputColumns(spec: OutputSpec, parts: readonly PlannedPart[]): MergeColumn[] {
  if (spec.mode === 'json') return [{ name: 'output', type: 'json' }];
  if (spec.mode === 'infer') return inferColumns(parts.map(({ done, lost }) => done?.observed ?? lost?.observed ?? []));
  const names = freeNames(Object.keys(spec.columns));
  return Object.values(spec.columns).map((type, at) => ({ name: names[at] as string, type }));
}
