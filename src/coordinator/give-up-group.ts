/** What becomes of claimable tasks that no element ever gets to. */
import type { Cause } from '../domain/causes.ts';
import { fingerprintOf } from '../domain/fingerprint.ts';
import type { AttemptRecord } from '../domain/history.ts';
import { elementIdOf } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { FailureFacts } from '../domain/retry-rules.ts';
import { taskKey, unclaimedKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
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
  const detail = `wave after wave of elements ended without claiming a task: ${how}`.slice(0, 300);
  const end: End = { size: group.size, cause, detail, fingerprint: fingerprintOf(factsOf(cause, ended)) };
  const steps: string[] = [];
  for (const task of group.pending)
    if (await bury(context, meta, task, end)) steps.push(`task ${task.id}: ${cause} (${detail}); given up`);
  return steps;
}

/** As of an attempt that ended like these elements. */
const factsOf = (cause: Cause, ended: ElementState | undefined): FailureFacts => ({
  cause,
  ...(ended?.exitCode === undefined ? {} : { exitCode: ended.exitCode }),
  ...(ended?.signal === undefined || ended.signal === 0 ? {} : { signal: ended.signal }),
});

interface End {
  readonly size: GroupDemand['size'];
  readonly cause: Cause;
  readonly detail: string;
  readonly fingerprint: string;
}

/** First the record, then the move, as for attempts; the record of a task that was claimed in that moment is taken back. */
async function bury({ deps, job }: SendContext, meta: JobMeta, task: PendingTask, end: End): Promise<boolean> {
  const key = taskKey(job, task.id, meta.shards);
  const item = (await deps.state.get(key)) as TaskItem | null;
  if (item?.state !== 'PENDING' || item.attempts !== task.attempts || item.generation !== task.generation) return false;
  const { size, cause, detail, fingerprint } = end;
  const record: AttemptRecord = {
    generation: task.generation,
    endedMs: deps.clock.nowMs(),
    cause,
    detail,
    fingerprint,
    savedItems: item.checkpoint?.items ?? 0,
    decision: 'give-up',
    rule: 'waves without a claim',
    why: 'given up: no element came to it, however often elements were sent',
    charged: false,
    ...size,
  };
  const recordKey = unclaimedKey(job, task.id, task);
  await deps.state.write(recordKey, { set: record }, { op: 'not', of: { op: 'present', path: 'never' } });
  const result = await deps.state.write(
    key,
    { set: { state: 'DEAD', cause, causeDetail: detail, fingerprint } },
    stillPending(task),
  );
  if (!result.applied) await deps.state.deleteItem(recordKey);
  return result.applied;
}
