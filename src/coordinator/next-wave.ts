/** Which wave comes next, if any: for tasks that are claimable while too few elements are left to claim them. */
import { isAppError } from '../errors/app-error.ts';
import type { TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { taskKey } from '../domain/state-keys.ts';
import type { Observed } from './element-states.ts';
import { tidyUp } from './finish-job.ts';
import { moveJob, updateMeta } from './job-meta.ts';
import { describe } from './judge-running.ts';
import { judgeWave } from './judge-wave.ts';
import { planElements } from './plan-array.ts';
import type { Reconciled } from './reconcile.ts';
import type { SendContext } from './send.ts';
import { planWave, sendWave, type WaveResult } from './submit-wave.ts';
import { readSubmissions } from './submissions.ts';

export interface Continued extends WaveResult {
  /** ms until the next wave may be sent; null when none is waiting for its time. */
  readonly waveInMs: number | null;
}

interface Seen {
  readonly reconciled: Reconciled;
  readonly observed: Observed;
}

/** Submits the wave that is due, waits for its time, or gives up on tasks that no element ever gets to. */
export async function continueWaves(context: SendContext, meta: JobMeta, seen: Seen): Promise<Continued> {
  const { reconciled, observed } = seen;
  const quiet: Continued = { meta, steps: [], waitingFor: null, waveInMs: null };
  if (meta.state !== 'RUNNING' || reconciled.pending.length === 0) return quiet;
  const missing = missingElements(context, {
    pending: reconciled.pending.length,
    released: reconciled.released,
    live: observed.liveElements,
  });
  if (missing === 0) return quiet;
  if (observed.liveElements > 0) return submit(context, meta, { seen, most: missing, fruitlessWaves: 0 });
  // Arrays of which nobody knows anything may still be alive; the batch system will tell, or forget them.
  if (observed.live.some((row) => row.kind === 'array')) return { ...quiet, waveInMs: LOOK_AGAIN_MS };
  const verdict = judgeWave(meta, reconciled.attempts, await sinceLastWave(context));
  if (verdict.next === 'give-up') return giveUp(context, meta, seen);
  if (verdict.waitMs > 0) return { ...quiet, meta: await noteTrouble(context, meta, seen), waveInMs: verdict.waitMs };
  return submit(context, meta, { seen, most: missing, fruitlessWaves: verdict.fruitlessWaves });
}

const LOOK_AGAIN_MS = 60_000;

async function submit(
  context: SendContext,
  meta: JobMeta,
  wave: { readonly seen: Seen; readonly most: number; readonly fruitlessWaves: number },
): Promise<Continued> {
  const { reconciled } = wave.seen;
  const planned = await planWave(context, meta, {
    wave: meta.wave + 1,
    tasks: reconciled.pending,
    most: wave.most,
    history: { attemptsAtWave: reconciled.attempts, fruitlessWaves: wave.fruitlessWaves },
  });
  return { ...(await sendOrFail(context, planned)), waveInMs: null };
}

/**
 * Elements worth adding: all that are wanted when none is left, the difference when retries came back to a wave that is mostly over.
 * Live elements keep claiming, so a few of them are left to finish a few tasks.
 */
function missingElements(
  context: SendContext,
  seen: { readonly pending: number; readonly released: number; readonly live: number },
): number {
  const wanted = planElements(context.manifest.spec.slurm, seen.pending, null).elements;
  if (seen.live === 0) return wanted;
  return seen.released > 0 && seen.live * 2 <= wanted ? wanted - seen.live : 0;
}

async function sinceLastWave({ deps, job }: SendContext): Promise<number> {
  const sent = (await readSubmissions(deps.state, job))
    .filter((row) => row.kind === 'array')
    .map((row) => row.submittedMs ?? 0);
  return deps.clock.nowMs() - Math.max(0, ...sent);
}

/** Why the elements of the last wave ended, as far as it is known. */
function howTheyEnded({ observed }: Seen): string | null {
  const ended = [...observed.elements.values()].find((element) => element.phase === 'ended' && element.cause !== null);
  return ended === undefined ? null : describe(ended);
}

const stamp = (context: SendContext) => ({ fence: context.lease.fence, nowMs: context.deps.clock.nowMs() });

async function noteTrouble(context: SendContext, meta: JobMeta, seen: Seen): Promise<JobMeta> {
  const how = howTheyEnded(seen);
  if (how === null) return meta;
  const waitingFor = `its elements ended without claiming a task (${how}); they are sent again soon. See: slurmctl logs ${context.job}`;
  return updateMeta(context.deps.state, context.job, [meta.state], { ...stamp(context), set: { waitingFor } });
}

async function giveUp(context: SendContext, meta: JobMeta, seen: Seen): Promise<Continued> {
  const { deps, job } = context;
  const how = howTheyEnded(seen) ?? meta.waitingFor ?? 'no reason is known';
  const causeDetail = `wave after wave of elements ended without claiming a task: ${how}`.slice(0, 300);
  const steps: string[] = [];
  for (const task of seen.reconciled.pending)
    if (await bury(context, meta, { task, causeDetail }))
      steps.push(`task ${task}: launch-failed (${causeDetail}); given up`);
  const after = await updateMeta(deps.state, job, [meta.state], { ...stamp(context), remove: ['waitingFor'] });
  return { meta: after, steps, waitingFor: null, waveInMs: 0 };
}

async function bury(
  { deps, job }: SendContext,
  meta: JobMeta,
  { task, causeDetail }: { readonly task: TaskId; readonly causeDetail: string },
): Promise<boolean> {
  const result = await deps.state.write(
    taskKey(job, task, meta.shards),
    { set: { state: 'DEAD', cause: 'launch-failed', causeDetail } },
    { op: 'equals', path: 'state', value: 'PENDING' },
  );
  return result.applied;
}

/** A submission that is refused before any array was ever accepted ends the job; later ones leave it waiting for a remedy. */
export async function sendOrFail(context: SendContext, meta: JobMeta): Promise<WaveResult> {
  try {
    return await sendWave(context, meta);
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { deps, job } = context;
    if (error.code === 'BATCH_REFUSED' && meta.submittedWave < 0) {
      const reason = `the batch system refused it: ${error.message}`;
      const failed = await moveJob(deps.state, job, 'FAILED', {
        ...stamp(context),
        set: { reason, finishedMs: deps.clock.nowMs() },
      });
      await tidyUp(deps, job, failed);
    } else if (error.code !== 'JOB_BAD_STATE' && error.code !== 'LEASE_LOST')
      await updateMeta(deps.state, job, [meta.state], { ...stamp(context), set: { waitingFor: error.message } });
    throw error;
  }
}
