/** Attached ways to look at a job: `follow` drives it, `watch` only looks. */
import { advanceJob } from '../coordinator/advance.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { createLeaseWatch, type LeaseWatch } from '../coordinator/lease.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { QueueView } from '../ports/queue-view.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { CarryDocument, StatusDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { lookAgain, restAfterLook } from './look-again.ts';
import { statusDocument } from './status-document.ts';

/** Pause between two passes. A local scheduler may be asked often; a controller serves many people. */
const PACE_MS = {
  local: { first: 250, most: 2_000 },
  slurm: { first: 2_000, most: 30_000 },
} as const;
const PATIENCE_MS = 60_000;

interface Pass {
  readonly meta: JobMeta;
  readonly steps: readonly string[];
}

/** Advances the job whenever something is due, until it is final. */
export async function followJob(
  drivers: Drivers,
  deps: CoordinatorDeps,
  request: {
    readonly job: JobId;
    readonly onStatus?: (status: StatusDocument) => void;
    readonly signal?: AbortSignal;
    /** After each of its own passes, with how that left the job and what it did; works while the next pass is waited for. */
    readonly afterPass?: (pass: Pass) => Promise<void>;
    /** Something happened, or it is time again to look whether something should have. */
    readonly onPassed?: () => Promise<void>;
    /** For a job that lives in a spool: carries what is new. */
    readonly carry?: () => Promise<CarryDocument | null>;
  },
): Promise<StatusDocument> {
  const pace = PACE_MS[deps.batch.kind];
  let pauseMs: number = pace.first;
  let before = '';
  const leaseWatch = createLeaseWatch();
  const carry = carriesNowAndThen(deps, request.carry);
  const told = tellsNowAndThen(deps, request.onPassed);
  for (;;) {
    const startedMs = deps.clock.monotonicMs();
    const pass = await advanceIfFree(deps, { ...request, leaseWatch });
    const seen = await statusDocument(drivers, request.job);
    const over = isFinalJobState(seen.job.state);
    await told(over);
    const status = { ...seen, ...(await carry(over)) };
    request.onStatus?.(status);
    const after = pass === null ? undefined : request.afterPass?.(pass);
    if (over) {
      await after;
      return status;
    }
    const counts = JSON.stringify([status.items, status.tasks]);
    pauseMs = counts === before ? Math.min(pauseMs * 1.5, pace.most) : pace.first;
    before = counts;
    const restMs = restAfterLook(deps.clock.monotonicMs() - startedMs, pauseMs);
    await Promise.all([deps.clock.sleep(restMs, request.signal), after]);
  }
}

/** Between two looks at who is to be told. */
const TELL_EVERY_MS = 30_000;

function tellsNowAndThen(
  { clock }: Pick<CoordinatorDeps, 'clock'>,
  onPassed: (() => Promise<void>) | undefined,
): (over: boolean) => Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return async (over) => {
    if (onPassed === undefined || (!over && clock.monotonicMs() - lastMs < TELL_EVERY_MS)) return;
    await onPassed();
    lastMs = clock.monotonicMs();
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
): Promise<Pass | null> {
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
