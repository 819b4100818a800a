/**
 * A job drives itself through Slurm: a small job that runs `advance` starts when the arrays have ended, or at the time of the next retry.
 * There is at most one such job waiting; the process that runs inside one does not count itself.
 */
import { isAppError } from '../errors/app-error.ts';
import type { Submission } from './submissions.ts';
import { LEAST_TIME_MS } from './finaliser-resources.ts';
import { sendRow, type SendContext } from './send.ts';
import { handleOf, writeIntent } from './submissions.ts';

export interface FinaliserNeed {
  /** Every submission that was accepted and is not known to have ended. */
  readonly accepted: readonly Submission[];
  /** Of these the arrays with elements that wait or run: their end starts the finaliser. */
  readonly arrays: readonly Submission[];
  /** Earliest moment anything is due without them, in ms from the present; null when only they can bring news. */
  readonly dueInMs: number | null;
}

/** Makes sure a finaliser is queued. Returns what was done, in words. */
export async function ensureFinaliser(
  context: SendContext,
  rows: readonly Submission[],
  { accepted, arrays, dueInMs }: FinaliserNeed,
): Promise<string[]> {
  const { deps, job } = context;
  const waiting = accepted.some((row) => row.kind === 'finaliser' && row.handle !== deps.ownBatchJobId);
  if (waiting || (arrays.length === 0 && dueInMs === null)) return [];
  const finalisers = rows.filter((row) => row.kind === 'finaliser');
  const wave = Math.max(0, ...rows.map((row) => row.wave));
  // Asked once a wave: what a site refuses it refuses again, and the job is not worse off than without Slurm's help.
  if (finalisers.some((row) => row.state === 'REJECTED' && row.wave === wave)) return [];
  const row =
    finalisers.find((one) => one.state === 'INTENT') ??
    (await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], {
      kind: 'finaliser',
      wave,
      elements: 1,
      offset: 0,
      waveElements: 1,
      createdMs: deps.clock.nowMs(),
    }));
  const when =
    arrays.length > 0
      ? { after: arrays.map(handleOf) }
      : { beginAfterSec: Math.max(1, Math.ceil((dueInMs as number) / 1_000)) };
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
