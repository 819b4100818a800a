/** Which wave comes next, if any: for tasks that are claimable while too few elements are left that could claim them. */
import { bySizeDescending, isSameSize, sizeFor } from '../domain/element-size.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobState } from '../domain/states.ts';
import { isAppError, type AppError } from '../errors/app-error.ts';
import { arrayLives, type ArrayLife } from './array-life.ts';
import type { GroupDemand, SpentQuota } from './demand.ts';
import type { Observed } from './element-states.ts';
import { fallBack } from './fall-back.ts';
import { tidyUp } from './finish-job.ts';
import { giveUpGroup, howTheyEnded } from './give-up-group.ts';
import { moveJob, requireMeta, stamp, updateMeta } from './job-meta.ts';
import { judgeGroup, type GroupVerdict } from './judge-group.ts';
import { describe } from './judge-running.ts';
import { fedNow, type FedElements } from './limit-feed.ts';
import { chunkThrottle, planElements, shareRoom } from './plan-array.ts';
import type { Reconciled } from './reconcile.ts';
import type { SendContext } from './send.ts';
import { limitsFor, planWave, sendWave, type PlannedGroup, type WaveResult } from './submit-wave.ts';
import { readSubmissions, type Submission } from './submissions.ts';

/** When nobody can vouch for an element or a running task yet, another look is due after this long. */
export const LOOK_AGAIN_MS = 60_000;

export interface Continued {
  readonly meta: JobMeta;
  readonly steps: readonly string[];
  readonly waitingFor: string | null;
  /** ms until the next wave may be sent; null when none is waiting for its time. */
  readonly waveInMs: number | null;
  /** ms until something is due that must not wait for the end of live arrays, whose elements are too small for it; null when there is none. */
  readonly urgentInMs: number | null;
}

export interface Seen {
  readonly reconciled: Reconciled;
  readonly observed: Observed;
  /** The outbox as it was when the batch system was asked. */
  readonly rows: readonly Submission[];
}

interface Judged {
  readonly group: GroupDemand;
  readonly isEscalated: boolean;
  readonly verdict: GroupVerdict;
}

/** What one pass does for the groups, added up. */
interface Progress {
  meta: JobMeta;
  steps: string[];
  waitingFor: string | null;
  /** ms until a group is to be looked at again, and whether that may wait for live arrays. */
  due: { readonly inMs: number; readonly isUrgent: boolean }[];
}

/** Submits the wave that is due, waits for its time, or gives up on tasks that no element ever gets to; each group of tasks for itself. */
export async function continueWaves(context: SendContext, meta: JobMeta, seen: Seen): Promise<Continued> {
  const { demand } = seen.reconciled;
  const progress: Progress = { meta, steps: [], waitingFor: null, due: [] };
  if (meta.state === 'RUNNING') {
    const { resources } = context.manifest.spec;
    const lives = arrayLives(seen.rows, resources, { observed: seen.observed, busy: demand.busy });
    const judged = judgeGroups(context, meta, { seen, lives });
    for (const one of judged) await settle(context, seen, one, progress);
    const due = judged.filter(({ verdict }) => verdict.next === 'submit');
    if (demand.spent !== null) await awaitQuota(context, demand.spent, progress);
    else if (due.length > 0) await submit(context, { seen, lives, due }, progress);
    if (demand.nextEscalatedMs !== null)
      progress.due.push({ inMs: Math.max(0, demand.nextEscalatedMs - context.deps.clock.nowMs()), isUrgent: true });
  }
  const { due, ...done } = progress;
  return {
    ...done,
    waveInMs: leastOf(due.map(({ inMs }) => inMs)),
    urgentInMs: leastOf(due.filter(({ isUrgent }) => isUrgent).map(({ inMs }) => inMs)),
  };
}

const leastOf = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.min(...values));

function judgeGroups(
  context: SendContext,
  meta: JobMeta,
  { seen, lives }: { readonly seen: Seen; readonly lives: readonly ArrayLife[] },
): Judged[] {
  const { deps, manifest } = context;
  const { resources, slurm } = manifest.spec;
  return seen.reconciled.demand.groups
    .toSorted((a, b) => bySizeDescending(a.size, b.size))
    .map((group) => {
      const isEscalated = !isSameSize(group.size, resources);
      const verdict = judgeGroup({
        group,
        isEscalated,
        lives,
        generation: meta.generation,
        pull: slurm.elements !== 'tasks',
        nowMs: deps.clock.nowMs(),
      });
      return { group, isEscalated, verdict };
    });
}

/** Everything a verdict asks for short of submitting. */
async function settle(context: SendContext, seen: Seen, judged: Judged, progress: Progress): Promise<void> {
  const { deps, job } = context;
  const { verdict, group, isEscalated } = judged;
  const ended = howTheyEnded(seen.observed, rowsOf(context, seen.rows, group));
  if (verdict.next === 'look-again') progress.due.push({ inMs: LOOK_AGAIN_MS, isUrgent: isEscalated });
  if (verdict.next === 'wait') {
    progress.due.push({ inMs: verdict.waitMs, isUrgent: isEscalated });
    if (ended === undefined) return;
    const waitingFor = `its elements ended without claiming a task (${describe(ended)}); they are sent again soon. See: slurmctl logs ${job}`;
    progress.meta = await updateMeta(deps.state, job, [progress.meta.state], {
      ...stamp(context),
      set: { waitingFor },
    });
  }
  if (verdict.next === 'give-up') {
    progress.steps.push(...(await giveUpGroup(context, progress.meta, { group, ended })));
    progress.meta = await updateMeta(deps.state, job, [progress.meta.state], {
      ...stamp(context),
      remove: ['waitingFor'],
    });
    progress.due.push({ inMs: 0, isUrgent: false });
  }
}

/** Elements would only meet what those before them have met; whoever is at work goes on. */
async function awaitQuota(context: SendContext, { untilMs, why }: SpentQuota, progress: Progress): Promise<void> {
  progress.due.push({ inMs: Math.max(0, untilMs - context.deps.clock.nowMs()), isUrgent: false });
  progress.meta = await updateMeta(context.deps.state, context.job, [progress.meta.state], {
    ...stamp(context),
    set: { waitingFor: why },
  });
}

const rowsOf = ({ manifest }: SendContext, rows: readonly Submission[], { size }: GroupDemand): Submission[] =>
  rows.filter((row) => row.kind === 'array' && isSameSize(sizeFor(manifest.spec.resources, row), size));

/** Sends one wave for all groups that are due; one that is refused falls back, and holds up no other. */
async function submit(
  context: SendContext,
  { seen, lives, due }: { readonly seen: Seen; readonly lives: readonly ArrayLife[]; readonly due: readonly Judged[] },
  progress: Progress,
): Promise<void> {
  const { groups, refused, failure } = await planGroups(context, due, roomBeside(context, lives, due.length));
  if (groups.length > 0) {
    const wave = 1 + Math.max(progress.meta.wave, ...seen.rows.map((row) => row.wave));
    progress.meta = await planWave(context, progress.meta, { wave, groups });
    const sent = await sendOrFail(context, progress.meta);
    progress.meta = sent.meta;
    progress.steps.push(...sent.steps);
    progress.waitingFor = sent.waitingFor;
    refused.push(...(sent.refused.length === 0 ? [] : await refusedIn(context, wave, due)));
  }
  for (const { group, reason } of refused) {
    const rows = await readSubmissions(context.deps.state, context.job);
    progress.steps.push(...(await fallBack(context, progress.meta, { group, rows, reason })));
    progress.due.push({ inMs: 0, isUrgent: true });
  }
  if (failure === null) return;
  progress.meta = await updateMeta(context.deps.state, context.job, [progress.meta.state], {
    ...stamp(context),
    set: { waitingFor: failure.message },
  });
  throw failure;
}

interface Refused {
  readonly group: GroupDemand;
  readonly reason: string;
}

/** Elements for each group, as many as help. A group whose size no node has is refused without being asked for. */
async function planGroups(
  context: SendContext,
  due: readonly Judged[],
  room: number,
): Promise<{ readonly groups: PlannedGroup[]; readonly refused: Refused[]; readonly failure: AppError | null }> {
  const groups: PlannedGroup[] = [];
  const refused: Refused[] = [];
  let failure: AppError | null = null;
  const fed = await fedNow(context.deps.state, context.manifest.spec, feedingNow(context));
  for (const judged of due) {
    try {
      groups.push(await planGroup(context, judged, fed));
    } catch (error) {
      if (!isAppError(error, 'BATCH_REFUSED')) throw error;
      if (judged.isEscalated) refused.push({ group: judged.group, reason: error.message });
      else failure = error;
    }
  }
  const shares = shareRoom(
    groups.map(({ elements }) => elements),
    room,
  );
  const fitting = groups.map((group, at) => ({ ...group, elements: shares[at] as number }));
  return { groups: fitting.filter(({ elements }) => elements > 0), refused, failure };
}

async function planGroup(
  context: SendContext,
  { group, verdict }: Judged,
  fed: FedElements | null,
): Promise<PlannedGroup> {
  const { size, pending, attempts } = group;
  const { maxArraySize, slots, exclude } = await limitsFor(context, size);
  const planned = planElements(context.manifest.spec.slurm, pending.length, slots, fed).elements;
  const most = verdict.next === 'submit' ? (verdict.most ?? planned) : 0;
  return {
    size,
    tasks: pending.map(({ id }) => id),
    elements: Math.max(1, Math.min(planned, most)),
    maxArraySize,
    ...(exclude === undefined ? {} : { exclude }),
    history: {
      attemptsBefore: attempts,
      fruitlessBefore: verdict.next === 'submit' ? verdict.fruitlessWaves : 0,
    },
  };
}

const feedingNow = ({ deps, tries }: SendContext) => ({
  nowMs: deps.clock.nowMs(),
  ...(tries === undefined ? {} : { tries }),
});

/** Elements that may be added without breaking `slurm.throttle`, which speaks of all arrays of the job together. */
function roomBeside({ manifest }: SendContext, lives: readonly ArrayLife[], groups: number): number {
  const { throttle } = manifest.spec.slurm;
  if (throttle === undefined) return Infinity;
  const taken = lives.reduce((sum, { row, alive, isSilent }) => {
    const most = isSilent ? row.elements : alive;
    return sum + Math.min(most, chunkThrottle(row, row.waveElements, throttle) ?? most);
  }, 0);
  // One array alone keeps the throttle by itself.
  return taken === 0 && groups === 1 ? Infinity : throttle - taken;
}

/** The groups of which the batch system took nothing. */
async function refusedIn(
  { deps, job, manifest }: SendContext,
  wave: number,
  due: readonly Judged[],
): Promise<Refused[]> {
  const rows = (await readSubmissions(deps.state, job)).filter((row) => row.kind === 'array' && row.wave === wave);
  return due.flatMap(({ group, isEscalated }) => {
    const own = rows.filter((row) => isSameSize(sizeFor(manifest.spec.resources, row), group.size));
    const isRefused = isEscalated && own.length > 0 && own.every((row) => row.state === 'REJECTED');
    return isRefused ? [{ group, reason: own[0]?.reason ?? 'no reason is known' }] : [];
  });
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
