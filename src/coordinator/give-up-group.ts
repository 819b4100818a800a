/** What becomes of claimable tasks that no element ever gets to. */
import type { Cause } from '../domain/causes.ts';
import { elementIdOf } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { taskKey } from '../domain/state-keys.ts';
import type { ElementState } from '../ports/batch-system.ts';
import type { GroupDemand, PendingTask } from './demand.ts';
import type { Observed } from './element-states.ts';
import { describe } from './judge-running.ts';
import { stillPending } from './move-task.ts';
import type { SendContext } from './send.ts';
import type { Submission } from './submissions.ts';

/** Why an element of these arrays ended, as far as it is known. */
export function howTheyEnded({ elements }: Observed, rows: readonly Submission[]): ElementState | undefined {
  for (const { handle, elements: count } of rows) {
    if (handle === undefined) continue;
    for (let index = 0; index < count; index += 1) {
      const element = elements.get(elementIdOf(handle, index));
      if (element?.phase === 'ended' && element.cause !== null) return element;
    }
  }
  return undefined;
}

/** Causes that say by themselves why an element never got to its work; any other end on the way there is a failed launch. */
const KNOWN_ENDS: readonly Cause[] = [
  'cancelled-by-user',
  'cancelled-by-admin',
  'preempted',
  'node-fail',
  'time-limit',
];

/** Moves the tasks of a group to DEAD; one that somebody claimed meanwhile is left to them. Returns one sentence a task. */
export async function giveUpGroup(
  context: SendContext,
  meta: JobMeta,
  { group, ended }: { readonly group: GroupDemand; readonly ended: ElementState | undefined },
): Promise<string[]> {
  const cause = KNOWN_ENDS.find((one) => one === ended?.cause) ?? 'launch-failed';
  const how = ended === undefined ? 'no reason is known' : describe(ended);
  const causeDetail = `wave after wave of elements ended without claiming a task: ${how}`.slice(0, 300);
  const steps: string[] = [];
  for (const task of group.pending)
    if (await bury(context, meta, { task, cause, causeDetail }))
      steps.push(`task ${task.id}: ${cause} (${causeDetail}); given up`);
  return steps;
}

async function bury(
  { deps, job }: SendContext,
  meta: JobMeta,
  { task, cause, causeDetail }: { readonly task: PendingTask; readonly cause: Cause; readonly causeDetail: string },
): Promise<boolean> {
  const result = await deps.state.write(
    taskKey(job, task.id, meta.shards),
    { set: { state: 'DEAD', cause, causeDetail } },
    stillPending(task),
  );
  return result.applied;
}
