/**
 * A job drives itself through Slurm: a small job that runs `advance` starts when the arrays have ended, or at the time of the next retry.
 * There is at most one such job waiting, and one more while something is due before the arrays end; of those with a time the earliest stays. The
 * process that runs inside one does not count itself.
 */
import { isAppError } from '../errors/app-error.ts';
import type { Submission } from './submissions.ts';
import { LEAST_TIME_MS } from './finaliser-resources.ts';
import { avoiding, sendRow, type FinaliserOptions, type SendContext } from './send.ts';
import { handleOf, moveSubmission, writeIntent } from './submissions.ts';

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

/** What is due while arrays live may come this much later: most often their own elements see to it, and each look is a job of its own. */
const BESIDE_ARRAYS_MS = 10 * 60_000;
/** A finaliser that begins at most this long after something is due is early enough for it. */
const LATE_MS = 60_000;

/** Makes sure that a finaliser is queued for whatever comes next. Returns what was done, in words. */
export async function ensureFinaliser(
  context: SendContext,
  outbox: readonly Submission[],
  need: FinaliserNeed,
): Promise<string[]> {
  const { deps } = context;
  const { arrays } = need;
  // What woke the job for its turn waited for other jobs.
  const rows = outbox.filter(isOfThisJob);
  const accepted = need.accepted.filter(isOfThisJob);
  const waiting = accepted.filter((row) => row.kind === 'finaliser' && row.handle !== deps.ownBatchJobId);
  const steps: string[] = [];
  if (arrays.length > 0 && !waiting.some((row) => row.beginMs === undefined))
    steps.push(...(await queueFinaliser(context, rows, { after: arrays.map(handleOf), isOnly: false })).steps);
  const timedInMs = timedIn(need);
  const timed = waiting.filter((row) => arrays.length === 0 || row.beginMs !== undefined);
  if (timedInMs !== null && !timed.some((row) => (row.beginMs ?? 0) <= deps.clock.nowMs() + timedInMs + LATE_MS)) {
    const beginAfterSec = Math.max(1, Math.ceil(timedInMs / 1_000));
    const queued = await queueFinaliser(context, rows, { beginAfterSec, isOnly: arrays.length === 0 });
    steps.push(...queued.steps);
    if (queued.row !== null) timed.push(queued.row);
  }
  await cancelLater(context, timed);
  return steps;
}

const isOfThisJob = ({ turn }: Submission): boolean => turn === undefined;

function timedIn({ arrays, dueInMs, urgentInMs }: FinaliserNeed): number | null {
  if (arrays.length === 0 || dueInMs === null) return arrays.length === 0 ? dueInMs : urgentInMs;
  return Math.min(Math.max(dueInMs, BESIDE_ARRAYS_MS), urgentInMs ?? Infinity);
}

/** Of several that wait for their time the first sees to everything, and queues the next. One that cannot be cancelled is tried again by the next pass. */
async function cancelLater({ deps, job }: SendContext, timed: readonly Submission[]): Promise<void> {
  const begins = timed.flatMap((row) => (row.beginMs === undefined ? [] : [{ row, beginMs: row.beginMs }]));
  const [, ...later] = begins.toSorted((a, b) => a.beginMs - b.beginMs);
  for (const { row, beginMs } of later) {
    if (beginMs <= deps.clock.nowMs()) continue;
    try {
      await deps.batch.cancel(handleOf(row));
    } catch (error) {
      if (!isAppError(error)) throw error;
      deps.log.warn('finaliser that is not needed not cancelled', { job, handle: row.handle, error: error.message });
      continue;
    }
    await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set: { state: 'ENDED' } });
  }
}

interface Queued {
  /** Null: not accepted. */
  readonly row: Submission | null;
  readonly steps: string[];
}

async function queueFinaliser(
  context: SendContext,
  rows: readonly Submission[],
  { isOnly, ...when }: Pick<FinaliserOptions, 'after' | 'beginAfterSec'> & { readonly isOnly: boolean },
): Promise<Queued> {
  const { deps, job } = context;
  const finalisers = rows.filter((row) => row.kind === 'finaliser');
  const wave = Math.max(0, ...rows.map((row) => row.wave));
  // Asked once a wave: what a site refuses it refuses again, and the job is not worse off than without Slurm's help.
  if (finalisers.some((row) => row.state === 'REJECTED' && row.wave === wave)) return { row: null, steps: [] };
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
    const { row: sent, waitingFor } = await sendRow(context, row, { ...when, maxTimeMs: await longestTime(context) });
    if (waitingFor !== null) return { row: null, steps: [`the finaliser is not queued yet: ${waitingFor}`] };
    return sent.state === 'SUBMITTED'
      ? { row: sent, steps: [`queued the finaliser as ${sent.handle}`] }
      : { row: null, steps: [] };
  } catch (error) {
    if (!isAppError(error, 'BATCH_REFUSED')) throw error;
    const how = `the finaliser was refused, so the job goes on only when slurmctl advance or tick runs: ${error.message}`;
    return { row: null, steps: [how] };
  }
}

/** Asked only when the job's own time limit is shorter than a finaliser needs. */
export async function longestTime({ deps, manifest }: SendContext): Promise<number | null> {
  const { resources, slurm } = manifest.spec;
  if (resources.timeMs >= LEAST_TIME_MS) return null;
  const partition = slurm.partition === undefined ? {} : { partition: slurm.partition };
  return (await deps.batch.limits({ ...partition, resources })).maxTimeMs;
}
