/** Checks what the coordinator decides about attempts that ended without a commit, at the moment at which the task moves. */
import { CAUSES } from '../../../src/domain/causes.ts';
import { countIn, includes, parseRanges, type ItemRange } from '../../../src/domain/item-ranges.ts';
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import { taskManifestKey } from '../../../src/domain/keys.ts';
import type { TaskManifest } from '../../../src/domain/manifest.ts';
import type { ResourceSpec } from '../../../src/domain/job-spec.ts';
import { historyKey } from '../../../src/domain/state-keys.ts';
import { MAX_IDLE_ATTEMPTS, type TaskItem } from '../../../src/domain/task-item.ts';
import type { Watched } from './report.ts';

export interface DecisionWatch {
  /** A write of the coordinator that took `before` to `after`. */
  onMove(job: string, task: string, before: TaskItem, after: TaskItem): void;
}

export interface DecisionContext extends Watched {
  /** Did the batch system kill this attempt for reasons of its own, while it worked? */
  readonly diedOfInfra: (attempt: string) => boolean;
  /** What the element of this attempt has asked for. */
  readonly resourcesOf: (attempt: string) => ResourceSpec | undefined;
  /** Is the process of this attempt dead, however it died? */
  readonly isDead: (attempt: string) => boolean;
}

export function createDecisionWatch(context: DecisionContext): DecisionWatch {
  const { state, violate } = context;
  /** Decisions in a row, as this watch counts them, that brought a task no nearer to its end. */
  const idle = new Map<string, number>();

  const checkCharge = (where: string, before: TaskItem, after: TaskItem): void => {
    const byCause = after.cause !== undefined && CAUSES[after.cause].payer === 'infra';
    const byTruth = before.state === 'RUNNING' && before.owner !== undefined && context.diedOfInfra(before.owner);
    if ((byCause || byTruth) && after.charged !== before.charged - 1)
      violate(
        'budget',
        `${where}: ${before.owner ?? 'nobody'} ended for ${byTruth ? 'reasons of the batch system' : after.cause}, but the user pays (${before.charged} → ${after.charged}, ${after.cause})`,
      );
  };
  const checkIdle = (where: string, before: TaskItem, after: TaskItem): void => {
    const progressed =
      (after.checkpointSeen ?? 0) > (before.checkpointSeen ?? 0) ||
      after.quarantined?.items !== before.quarantined?.items ||
      (after.suspects !== undefined && sizeOf(after.suspects, after) < sizeOf(before.suspects, before));
    const name = `${where} generation ${before.generation}`;
    const count = progressed ? 0 : (idle.get(name) ?? 0) + 1;
    idle.set(name, count);
    if (after.state === 'WAIT' && count >= MAX_IDLE_ATTEMPTS)
      violate('budget', `${where}: goes on after ${count} attempts in a row that brought it no nearer to its end`);
  };
  const checkQuarantine = (job: string, task: string, before: TaskItem, after: TaskItem): void => {
    const known = rangesIn(before.quarantined?.items);
    for (const item of numbersOf(rangesIn(after.quarantined?.items))) {
      // A worker may die between saying what it tries next and trying it.
      if (includes(known, item) || includes(rangesIn(before.trying), item)) continue;
      const deaths = deathsWith(context, job, task, item);
      if (deaths === 0)
        violate('quarantine', `${job}/${task}: item ${item} is put aside, though no worker died while it ran`);
    }
  };

  return {
    onMove(job, task, before, after) {
      const where = `${job}/${task}`;
      if (!isDecision(before, after)) return;
      if (state.peek(historyKey(job as JobId, task as TaskId, before.attempts)) === null)
        violate('history', `${where}: attempt ${before.attempts} is decided (${after.cause}) without a record of it`);
      checkCharge(where, before, after);
      checkIdle(where, before, after);
      checkQuarantine(job, task, before, after);
    },
  };
}

/** RUNNING, or WAIT that nobody has decided about, to WAIT with a time or DEAD. */
function isDecision(before: TaskItem, after: TaskItem): boolean {
  const wasOpen = before.state === 'RUNNING' || (before.state === 'WAIT' && before.notBeforeMs === undefined);
  return wasOpen && (after.state === 'DEAD' || (after.state === 'WAIT' && after.notBeforeMs !== undefined));
}

const rangesIn = (text: string | undefined): readonly ItemRange[] =>
  text === undefined ? [] : (parseRanges(text) ?? []);

const numbersOf = (ranges: readonly ItemRange[]): number[] =>
  ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, at) => from + at));

const sizeOf = (suspects: string | undefined, { items }: TaskItem): number =>
  suspects === undefined ? items : countIn(rangesIn(suspects));

/** Attempts that died in the middle of this item (0-based within the task). */
function deathsWith({ store, runs, isDead }: DecisionContext, job: string, task: string, item: number): number {
  const bytes = store.peek(taskManifestKey(job as JobId, task as TaskId));
  const { firstItem } = JSON.parse(Buffer.from(bytes ?? new Uint8Array()).toString()) as TaskManifest;
  return runs.filter(
    (run) => run.item === firstItem + item && run.task === task && run.ended === 'running' && isDead(run.attempt),
  ).length;
}
