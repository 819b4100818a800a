/** Attached ways to look at a job: `follow` drives it, `watch` only looks. */
import { advanceJob, type AdvanceResult } from '../coordinator/advance.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { createLeaseWatch, type LeaseWatch } from '../coordinator/lease.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { QueueView } from '../ports/queue-view.ts';
import { isFinalJobState } from '../domain/states.ts';
import { createBeside } from './beside.ts';
import type { CarryDocument, StatusDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { lookAgain, restAfterLook } from './look-again.ts';
import { createSparingPace, type Seen } from './pass-pace.ts';
import { statusDocument } from './status-document.ts';

/** Pause between two looks at what is stored. A local scheduler is asked at each of them. */
const PACE_MS = {
  local: { first: 250, most: 2_000 },
  slurm: { first: 2_000, most: 30_000 },
} as const;
const PATIENCE_MS = 60_000;

interface Pass {
  readonly meta: JobMeta;
  readonly steps: readonly string[];
}

interface FollowRequest {
  readonly job: JobId;
  readonly onStatus?: (status: StatusDocument) => void;
  readonly signal?: AbortSignal;
  /** After its own passes, with how the last one left the job and what it did. */
  readonly afterPass?: (pass: Pass) => Promise<void>;
  /** Something happened, or it is time again to look whether something should have. */
  readonly onPassed?: () => Promise<void>;
  /** For a job that lives in a spool: carries what is new. */
  readonly carry?: () => Promise<CarryDocument | null>;
}

/** Advances the job whenever something is due, until it is final and everybody is told. Neither messages nor pages keep it from its passes. */
export async function followJob(
  drivers: Drivers,
  deps: CoordinatorDeps,
  request: FollowRequest,
): Promise<StatusDocument> {
  const after = followsPasses(deps, request);
  try {
    const status = await drive(drivers, deps, { ...request, onLook: after.onLook });
    await after.settled();
    return status;
  } catch (error) {
    // Who was asked to stop stops at once; anything else lets what was begun be brought to its end.
    if (request.signal?.aborted !== true) await after.settled();
    throw error;
  }
}

async function drive(
  drivers: Drivers,
  deps: CoordinatorDeps,
  request: FollowRequest & { readonly onLook: (pass: Pass | null, isOver: boolean) => void },
): Promise<StatusDocument> {
  const { clock } = deps;
  const pace = PACE_MS[deps.batch.kind];
  const sparing = deps.batch.kind === 'slurm' ? createSparingPace() : null;
  let pauseMs: number = pace.first;
  let before = '';
  const leaseWatch = createLeaseWatch();
  const carry = carriesNowAndThen(deps, request.carry);
  for (;;) {
    const startedMs = clock.monotonicMs();
    let pass: AdvanceResult | null = null;
    if (sparing === null || sparing.dueInMs(startedMs) === 0) {
      pass = await advanceIfFree(deps, { ...request, leaseWatch });
      sparing?.passed(clock.monotonicMs(), pass);
    }
    const seen = await statusDocument(drivers, request.job);
    const over = isFinalJobState(seen.job.state);
    request.onLook(pass, over);
    const status = { ...seen, ...(await carry(over)) };
    request.onStatus?.(status);
    if (over) return status;
    sparing?.see(seenOf(status));
    const counts = JSON.stringify([status.items, status.tasks]);
    pauseMs = counts === before ? Math.min(pauseMs * 1.5, pace.most) : pace.first;
    before = counts;
    const nowMs = clock.monotonicMs();
    const dueInMs = sparing?.dueInMs(nowMs) ?? Number.POSITIVE_INFINITY;
    await clock.sleep(restAfterLook(nowMs - startedMs, Math.min(pauseMs, dueInMs)), request.signal);
  }
}

function seenOf({ tasks, retries }: StatusDocument): Seen {
  return {
    isAllFinal: tasks.total > 0 && tasks.done + tasks.dead + tasks.cancelled === tasks.total,
    undecided: retries.reduce((sum, { undecided }) => sum + undecided, 0),
  };
}

/** Between two looks at who is to be told. */
const TELL_EVERY_MS = 30_000;

/** Who is to be told, and the page: beside the loop, in this order, and one after the other. */
function followsPasses(
  { clock }: Pick<CoordinatorDeps, 'clock'>,
  { onPassed, afterPass }: Pick<FollowRequest, 'onPassed' | 'afterPass'>,
): { readonly onLook: (pass: Pass | null, isOver: boolean) => void; readonly settled: () => Promise<void> } {
  const beside = createBeside<{ readonly tells: boolean; readonly pass: Pass | null }>(
    async ({ tells, pass }) => {
      if (tells) await onPassed?.();
      if (pass !== null) await afterPass?.(pass);
    },
    (earlier, later) => ({ tells: earlier.tells || later.tells, pass: later.pass ?? earlier.pass }),
  );
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    onLook(pass, isOver) {
      const tells = isOver || clock.monotonicMs() - toldMs >= TELL_EVERY_MS;
      if (tells) toldMs = clock.monotonicMs();
      if (tells || pass !== null) beside.ask({ tells, pass });
    },
    settled: () => beside.settled(),
  };
}

/** Between two carries of a job that runs. */
const CARRY_EVERY_MS = 30_000;

/** Every so often, and at the end; what the last carry said stays true until the next. */
function carriesNowAndThen(
  { clock }: Pick<CoordinatorDeps, 'clock'>,
  carry: (() => Promise<CarryDocument | null>) | undefined,
): (over: boolean) => Promise<{ readonly carry?: CarryDocument }> {
  let said: { readonly carry?: CarryDocument } = {};
  let lastMs = Number.NEGATIVE_INFINITY;
  return async (over) => {
    if (carry === undefined || (!over && clock.monotonicMs() - lastMs < CARRY_EVERY_MS)) return said;
    const document = await carry();
    lastMs = clock.monotonicMs();
    said = document === null ? {} : { carry: document };
    return said;
  };
}

/** Somebody else advancing the job is as good as doing it (null); an outside that does not answer is asked again. */
async function advanceIfFree(
  deps: CoordinatorDeps,
  request: { readonly job: JobId; readonly leaseWatch: LeaseWatch; readonly signal?: AbortSignal },
): Promise<AdvanceResult | null> {
  const { job, leaseWatch, signal } = request;
  try {
    return await advanceJob(deps, {
      job,
      waitLeaseMs: 0,
      leaseWatch,
      patienceMs: PATIENCE_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (isAppError(error, 'JOB_BAD_STATE') && (await isOver(deps, job))) return null;
    if (!isAppError(error) || !error.retryable || NEEDS_SOMEBODY.includes(error.code)) throw error;
    return null;
  }
}

/** A pass that a cancel overtakes ends with an error that says nothing but that. */
async function isOver({ state }: CoordinatorDeps, job: JobId): Promise<boolean> {
  const meta = await readMeta(state, job);
  return meta !== null && isFinalJobState(meta.state);
}

/** Worth another try, but not by itself: whoever waits in front of this has to act. */
const NEEDS_SOMEBODY: readonly ErrorCode[] = ['INTERRUPTED', 'STORE_FULL', 'STATE_FULL', 'SCRATCH_FULL'];

/** Statuses at most once a second, until the job is final. */
export const watchJob = (
  drivers: Drivers,
  request: {
    readonly job: JobId;
    readonly signal?: AbortSignal;
    readonly seenFrom?: CarryDocument['seenFrom'];
    readonly queue?: QueueView;
  },
): AsyncGenerator<StatusDocument> =>
  lookAgain(drivers.clock, () => statusDocument(drivers, request.job, request.seenFrom, request.queue), {
    signal: request.signal,
    isLast: ({ job }) => isFinalJobState(job.state),
  });
