/** `tick`: one reconcile pass over every live job; what cron runs. One job's trouble does not keep the others waiting. */
import { createLeaseWatch, LEASE_MS, type LeaseWatch } from '../coordinator/lease.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isAppError } from '../errors/app-error.ts';
import { advanceDocument } from './advance-document.ts';
import type { TickDocument } from './documents.ts';
import { knownJobs, type KnownJob } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { summariseJob } from '../coordinator/summarise.ts';

/** Per job: a tick comes back soon, so it does not sit out submit limits. */
const PATIENCE_MS = 5_000;
/** Hints taken from the retry queue in one tick. */
const MOST_HINTS = 100;
const HINT_VISIBILITY_MS = 60_000;
/** How often held leases are looked at, and how long in all: longer than a dead holder's lasts. */
const HELD_AGAIN_MS = 5_000;
const HELD_MOST_MS = LEASE_MS + 2 * HELD_AGAIN_MS;

type Row = TickDocument['jobs'][number];
type CoordinatorOf = (job: KnownJob) => Promise<CoordinatorDeps>;
type OnPassed = (job: JobId, meta: JobMeta) => void;

/** `onPassed` is told how each pass left its job. @throws what is a bug in one job's pass, after the other jobs had theirs */
export async function tickAll(
  drivers: Drivers,
  coordinatorOf: CoordinatorOf,
  onPassed: OnPassed = () => undefined,
): Promise<TickDocument> {
  // The copy of a job that lives in a spool is brought forward by carrying it, and by nothing else.
  const live = (await knownJobs(drivers.state)).filter((job) => job.live && job.spool === undefined);
  const notes: string[] = [];
  const { queue } = drivers;
  const hints = await queue.receive({ max: MOST_HINTS, visibilityMs: HINT_VISIBILITY_MS }).catch(noted(notes, []));
  const hinted = new Set(hints.map((hint) => hint.message.job));
  // Jobs with a retry that has come due go first; every live job gets its pass all the same.
  const order = [...live.filter((job) => hinted.has(job.id)), ...live.filter((job) => !hinted.has(job.id))];
  const tick: Tick = { drivers, coordinatorOf, onPassed, rows: new Map(), watches: new Map(), bugs: [] };
  for (const job of order) await tickOne(tick, job);
  await outwaitDeadHolders(tick);
  await queue.ack(hints.map((hint) => hint.receipt)).catch(noted(notes, undefined));
  if (tick.bugs.length > 0) throw tick.bugs[0];
  const jobs = order.flatMap((job) => tick.rows.get(job.id) ?? []);
  return { schema: 'slurmctl.tick/1', jobs, ...(notes.length === 0 ? {} : { notes }) };
}

/** Hints only say which jobs go first: without a queue every job gets its pass all the same. */
const noted =
  <T>(notes: string[], instead: T) =>
  (error: unknown): T => {
    if (!isAppError(error)) throw error;
    notes.push(`the retry queue was left out: ${error.message} [${error.code}]`);
    return instead;
  };

interface Tick {
  readonly drivers: Drivers;
  readonly coordinatorOf: CoordinatorOf;
  readonly onPassed: OnPassed;
  readonly rows: Map<JobId, Row>;
  /** Jobs whose lease somebody holds, and what was seen of the holder. */
  readonly watches: Map<KnownJob, LeaseWatch>;
  readonly bugs: unknown[];
}

/**
 * A process that died on another host holds its lease until somebody has watched it for a whole lease. Each tick is a new process, so it has to
 * stay for that long, for all such jobs at once; a holder that shows a sign of life is left alone.
 */
async function outwaitDeadHolders(tick: Tick): Promise<void> {
  const { clock } = tick.drivers;
  const sinceMs = clock.monotonicMs();
  while (tick.watches.size > 0 && clock.monotonicMs() - sinceMs < HELD_MOST_MS) {
    await clock.sleep(HELD_AGAIN_MS);
    const held = [...tick.watches.keys()];
    for (const job of held) await tickOne(tick, job);
  }
}

async function tickOne(tick: Tick, known: KnownJob): Promise<void> {
  const { drivers, coordinatorOf, onPassed, rows, watches, bugs } = tick;
  const { id: job } = known;
  const leaseWatch = watches.get(known) ?? createLeaseWatch();
  watches.delete(known);
  try {
    const request = { job, waitLeaseMs: 0, leaseWatch, patienceMs: PATIENCE_MS };
    const deps = await coordinatorOf(known);
    const { schema: _, ...pass } = await advanceDocument(deps, request, (meta) => onPassed(job, meta));
    rows.set(job, { ...pass, error: null });
  } catch (error) {
    if (!isAppError(error)) {
      bugs.push(error);
      return;
    }
    if (error.code === 'JOB_NOT_FOUND') {
      // Gone meanwhile, or a submit that died before there was a job: nothing that cron should mail about.
      rows.set(job, { jobId: job, state: 'FAILED', steps: [error.message], nextDueMs: null, error: null });
      return;
    }
    const held = error.code === 'LEASE_HELD';
    if (held && !leaseWatch.sawLife) watches.set(known, leaseWatch);
    const state = await summariseJob(drivers.state, job).then(
      ({ meta }) => meta.state,
      () => 'SUBMITTING' as const,
    );
    // A job that somebody else is advancing has nothing wrong with it.
    const isAlive = held && leaseWatch.sawLife;
    const trouble = { steps: [], error: `${error.message} [${error.code}]` };
    rows.set(job, {
      jobId: job,
      state,
      nextDueMs: null,
      ...(isAlive ? { steps: [error.message], error: null } : trouble),
    });
  }
}
