/**
 * A job drives itself through Slurm: a small job that runs `advance` starts when the arrays have ended, or at the time of the next retry.
 * There is at most one such job waiting, and one more while something is due before the arrays end; the process that runs inside one does not
 * count itself.
 */
import { isAppError } from '../errors/app-error.ts';
import type { Submission } from './submissions.ts';
import { LEAST_TIME_MS } from './finaliser-resources.ts';
import { avoiding, sendRow, type FinaliserOptions, type SendContext } from './send.ts';
import { handleOf, writeIntent } from './submissions.ts';

export interface FinaliserNeed {
  /** Every submission that was accepted and is not known to have ended. */
  readonly accepted: readonly Submission[];
  /** Of these the arrays with elements that wait or run: their end starts the finaliser. */
  readonly arrays: readonly Submission[];
  /** Earliest moment anything is due without them, in ms from the present; null when only they can bring news. */
  readonly dueInMs: number | null;
  /** Of that, what must not wait for the end of the arrays: their elements are too small for the tasks it is about. */
  readonly urgentInMs: number | null;
}

/** Makes sure that a finaliser is queued for whatever comes next. Returns what was done, in words. */
export async function ensureFinaliser(
  context: SendContext,
  rows: readonly Submission[],
  need: FinaliserNeed,
): Promise<string[]> {
  const { deps } = context;
  const { accepted, arrays } = need;
  const waiting = accepted.filter((row) => row.kind === 'finaliser' && row.handle !== deps.ownBatchJobId);
  const timedInMs = arrays.length > 0 ? need.urgentInMs : need.dueInMs;
  const steps: string[] = [];
  if (arrays.length > 0 && !waiting.some((row) => row.beginMs === undefined))
    steps.push(...(await queueFinaliser(context, rows, { after: arrays.map(handleOf), isOnly: false })));
  const isTimed = (row: Submission): boolean => arrays.length === 0 || row.beginMs !== undefined;
  if (timedInMs !== null && !waiting.some(isTimed)) {
    const beginAfterSec = Math.max(1, Math.ceil(timedInMs / 1_000));
    steps.push(...(await queueFinaliser(context, rows, { beginAfterSec, isOnly: arrays.length === 0 })));
  }
  return steps;
}

async function queueFinaliser(
  context: SendContext,
  rows: readonly Submission[],
  { isOnly, ...when }: Pick<FinaliserOptions, 'after' | 'beginAfterSec'> & { readonly isOnly: boolean },
): Promise<string[]> {
  const { deps, job } = context;
  const finalisers = rows.filter((row) => row.kind === 'finaliser');
  const wave = Math.max(0, ...rows.map((row) => row.wave));
  // Asked once a wave: what a site refuses it refuses again, and the job is not worse off than without Slurm's help.
  if (finalisers.some((row) => row.state === 'REJECTED' && row.wave === wave)) return [];
  const isTimed = when.beginAfterSec !== undefined;
  const row =
    finalisers.find((one) => one.state === 'INTENT' && (isOnly || (one.beginMs !== undefined) === isTimed)) ??
    (await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], {
      kind: 'finaliser',
      wave,
      elements: 1,
      offset: 0,
      waveElements: 1,
      ...(isTimed ? { beginMs: deps.clock.nowMs() + (when.beginAfterSec as number) * 1_000 } : {}),
      ...avoiding(context),
      createdMs: deps.clock.nowMs(),
    }));
  try {
    const answer = await sendRow(context, row, { ...when, maxTimeMs: await longestTime(context) });
    if (answer.waitingFor !== null) return [`the finaliser is not queued yet: ${answer.waitingFor}`];
    return answer.row.state === 'SUBMITTED' ? [`queued the finaliser as ${answer.row.handle}`] : [];
  } catch (error) {
    if (!isAppError(error, 'BATCH_REFUSED')) throw error;
    return [`the finaliser was refused, so the job goes on only when slurmctl advance or tick runs: ${error.message}`];
  }
}

/** Asked only when the job's own time limit is shorter than a finaliser needs. */
async function longestTime({ deps, manifest }: SendContext): Promise<number | null> {
  const { resources, slurm } = manifest.spec;
  if (resources.timeMs >= LEAST_TIME_MS) return null;
  const partition = slurm.partition === undefined ? {} : { partition: slurm.partition };
  return (await deps.batch.limits({ ...partition, resources })).maxTimeMs;
}
