/** Which wave comes next, if any: for tasks that are claimable while too few elements are left to claim them. */
import type { Cause } from '../domain/causes.ts';
import { isAppError } from '../errors/app-error.ts';
import type { TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { taskKey } from '../domain/state-keys.ts';
import type { JobState } from '../domain/states.ts';
import type { ElementState } from '../ports/batch-system.ts';
import type { Observed } from './element-states.ts';
import { tidyUp } from './finish-job.ts';
import { moveJob, requireMeta, stamp, updateMeta } from './job-meta.ts';
import { describe } from './judge-running.ts';
import { judgeWave } from './judge-wave.ts';
import type { Reconciled } from './reconcile.ts';
import type { SendContext } from './send.ts';
import { planWave, sendWave, type WaveResult } from './submit-wave.ts';
import type { Submission } from './submissions.ts';

/** When nobody can vouch for an element or a running task yet, another look is due after this long. */
export const LOOK_AGAIN_MS = 60_000;

export interface Continued extends WaveResult {
  /** ms until the next wave may be sent; null when none is waiting for its time. */
  readonly waveInMs: number | null;
}

interface Seen {
  readonly reconciled: Reconciled;
  readonly observed: Observed;
  /** The outbox as it was when the batch system was asked. */
  readonly rows: readonly Submission[];
}

/** Submits the wave that is due, waits for its time, or gives up on tasks that no element ever gets to. */
export async function continueWaves(context: SendContext, meta: JobMeta, seen: Seen): Promise<Continued> {
  const { reconciled, observed } = seen;
  const quiet: Continued = { meta, steps: [], waitingFor: null, waveInMs: null };
  if (meta.state !== 'RUNNING' || reconciled.pending.length === 0) return quiet;
  const sinceMs = context.deps.clock.nowMs() - lastSentMs(seen.rows);
  if (observed.liveElements > 0) {
    const most = worthAdding(meta, seen, sinceMs);
    return most === 0 ? quiet : submit(context, meta, { seen, most, fruitlessWaves: 0 });
  }
  // Arrays of which nobody knows anything may still be alive; the batch system will tell, or forget them.
  if (observed.live.some((row) => row.kind === 'array')) return { ...quiet, waveInMs: LOOK_AGAIN_MS };
  const verdict = judgeWave(meta, reconciled.attempts, sinceMs);
  if (verdict.next === 'give-up') return giveUp(context, meta, seen);
  if (verdict.waitMs > 0) return { ...quiet, meta: await noteTrouble(context, meta, seen), waveInMs: verdict.waitMs };
  return submit(context, meta, { seen, fruitlessWaves: verdict.fruitlessWaves });
}

async function submit(
  context: SendContext,
  meta: JobMeta,
  wave: { readonly seen: Seen; readonly most?: number; readonly fruitlessWaves: number },
): Promise<Continued> {
  const { reconciled } = wave.seen;
  const planned = await planWave(context, meta, {
    wave: meta.wave + 1,
    tasks: reconciled.pending,
    ...(wave.most === undefined ? {} : { most: wave.most }),
    history: { attemptsAtWave: reconciled.attempts, fruitlessWaves: wave.fruitlessWaves },
  });
  return { ...(await sendOrFail(context, planned)), waveInMs: null };
}

/** Elements are added for retries at once, otherwise only this long after the last ones. */
const ADD_EVERY_MS = 10 * 60_000;

/**
 * Elements worth adding beside live ones, which keep claiming: the difference to the widest wave so far, once at most half of them are left, and
 * only if those sent last were good for anything.
 */
function worthAdding(meta: JobMeta, { reconciled, observed, rows }: Seen, sinceMs: number): number {
  if (reconciled.released === 0 && sinceMs < ADD_EVERY_MS) return 0;
  if (reconciled.attempts <= (meta.attemptsAtWave ?? 0)) return 0;
  const widest = Math.max(0, ...rows.filter((row) => row.kind === 'array').map((row) => row.waveElements));
  const wanted = Math.min(reconciled.pending.length, widest);
  return observed.liveElements * 2 <= wanted ? wanted - observed.liveElements : 0;
}

const lastSentMs = (rows: readonly Submission[]): number =>
  Math.max(0, ...rows.filter((row) => row.kind === 'array').map((row) => row.submittedMs ?? 0));

/** Why the elements of the last wave ended, as far as it is known. */
function howTheyEnded({ observed }: Seen): ElementState | undefined {
  return [...observed.elements.values()].find((element) => element.phase === 'ended' && element.cause !== null);
}

/** Causes that say by themselves why an element never got to its work; any other end on the way there is a failed launch. */
const KNOWN_ENDS: readonly Cause[] = [
  'cancelled-by-user',
  'cancelled-by-admin',
  'preempted',
  'node-fail',
  'time-limit',
];

async function noteTrouble(context: SendContext, meta: JobMeta, seen: Seen): Promise<JobMeta> {
  const how = howTheyEnded(seen);
  if (how === undefined) return meta;
  const waitingFor = `its elements ended without claiming a task (${describe(how)}); they are sent again soon. See: slurmctl logs ${context.job}`;
  return updateMeta(context.deps.state, context.job, [meta.state], { ...stamp(context), set: { waitingFor } });
}

async function giveUp(context: SendContext, meta: JobMeta, seen: Seen): Promise<Continued> {
  const { deps, job } = context;
  const ended = howTheyEnded(seen);
  const cause = KNOWN_ENDS.find((one) => one === ended?.cause) ?? 'launch-failed';
  const how = ended === undefined ? 'no reason is known' : describe(ended);
  const causeDetail = `wave after wave of elements ended without claiming a task: ${how}`.slice(0, 300);
  const steps: string[] = [];
  for (const task of seen.reconciled.pending)
    if (await bury(context, meta, { task, cause, causeDetail }))
      steps.push(`task ${task}: ${cause} (${causeDetail}); given up`);
  const after = await updateMeta(deps.state, job, [meta.state], { ...stamp(context), remove: ['waitingFor'] });
  return { meta: after, steps, waitingFor: null, waveInMs: 0 };
}

async function bury(
  { deps, job }: SendContext,
  meta: JobMeta,
  { task, cause, causeDetail }: { readonly task: TaskId; readonly cause: Cause; readonly causeDetail: string },
): Promise<boolean> {
  const result = await deps.state.write(
    taskKey(job, task, meta.shards),
    { set: { state: 'DEAD', cause, causeDetail } },
    { op: 'equals', path: 'state', value: 'PENDING' },
  );
  return result.applied;
}

const LIVE: readonly JobState[] = ['SUBMITTING', 'RUNNING'];

/** A submission that is refused before any array was ever accepted ends the job; later ones leave it waiting for a remedy. */
export async function sendOrFail(context: SendContext, meta: JobMeta): Promise<WaveResult> {
  try {
    return await sendWave(context, meta);
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { deps, job } = context;
    // A chunk before the one that was refused may have been accepted meanwhile.
    const { submittedWave } = await requireMeta(deps.state, job);
    if (error.code === 'BATCH_REFUSED' && submittedWave < 0) {
      const reason = `the batch system refused it: ${error.message}`;
      const failed = await moveJob(deps.state, job, 'FAILED', {
        ...stamp(context),
        set: { reason, finishedMs: deps.clock.nowMs() },
      });
      await tidyUp(deps, job, failed);
    } else if (error.code !== 'JOB_BAD_STATE' && error.code !== 'LEASE_LOST')
      await updateMeta(deps.state, job, LIVE, { ...stamp(context), set: { waitingFor: error.message } });
    throw error;
  }
}
