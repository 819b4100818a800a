/**
 * A job drives itself through Slurm: a small job that runs `advance` starts when the arrays have ended, or at the time of the next retry.
 * There is at most one such job waiting; the process that runs inside one does not count itself.
 */
import type { Submission } from './submissions.ts';
import { sendRow, type SendContext } from './send.ts';
import { handleOf, writeIntent } from './submissions.ts';

export interface FinaliserNeed {
  /** Accepted submissions whose elements have not all ended. */
  readonly live: readonly Submission[];
  /** Earliest moment anything is due without them, in ms from the present; null when only they can bring news. */
  readonly dueInMs: number | null;
}

/** Makes sure a finaliser is queued. Returns what was done, in words. */
export async function ensureFinaliser(
  context: SendContext,
  rows: readonly Submission[],
  need: FinaliserNeed,
): Promise<string[]> {
  const { deps, job } = context;
  const arrays = need.live.filter((row) => row.kind === 'array');
  const waiting = need.live.some((row) => row.kind === 'finaliser' && row.handle !== deps.ownBatchJobId);
  if (waiting || (arrays.length === 0 && need.dueInMs === null)) return [];
  const unsent = rows.find((row) => row.kind === 'finaliser' && row.state === 'INTENT');
  const row =
    unsent ??
    (await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], {
      kind: 'finaliser',
      wave: Math.max(0, ...arrays.map((array) => array.wave)),
      elements: 1,
      offset: 0,
      waveElements: 1,
      createdMs: deps.clock.nowMs(),
    }));
  const when =
    arrays.length > 0
      ? { after: arrays.map(handleOf) }
      : { beginAfterSec: Math.max(1, Math.ceil((need.dueInMs as number) / 1_000)) };
  const answer = await sendRow(context, row, when);
  if (answer.waitingFor !== null) return [`the finaliser is not queued yet: ${answer.waitingFor}`];
  return answer.row.state === 'SUBMITTED' ? [`queued the finaliser as ${answer.row.handle}`] : [];
}
