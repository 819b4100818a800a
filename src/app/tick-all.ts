/** `tick`: one reconcile pass over every live job; what cron runs. One job's trouble does not keep the others waiting. */
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobId } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import { advanceDocument } from './advance-document.ts';
import type { TickDocument } from './documents.ts';
import { knownJobs } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { summariseJob } from '../coordinator/summarise.ts';

/** Per job: a tick comes back soon, so it does not sit out submit limits. */
const PATIENCE_MS = 5_000;
/** Hints taken from the retry queue in one tick. */
const MOST_HINTS = 100;
const HINT_VISIBILITY_MS = 60_000;

export async function tickAll(
  drivers: Drivers,
  coordinatorOf: (job: JobId) => Promise<CoordinatorDeps>,
): Promise<TickDocument> {
  const live = (await knownJobs(drivers.state)).filter((job) => job.live).map((job) => job.id);
  const hints = await drivers.queue.receive({ max: MOST_HINTS, visibilityMs: HINT_VISIBILITY_MS });
  const hinted = new Set(hints.map((hint) => hint.message.job));
  // Jobs with a retry that has come due go first; every live job gets its pass all the same.
  const order = [...live.filter((job) => hinted.has(job)), ...live.filter((job) => !hinted.has(job))];
  const jobs: TickDocument['jobs'][number][] = [];
  for (const job of order) jobs.push(await tickOne(drivers, coordinatorOf, job));
  await drivers.queue.ack(hints.map((hint) => hint.receipt));
  return { schema: 'slurmctl.tick/1', jobs };
}

async function tickOne(
  drivers: Drivers,
  coordinatorOf: (job: JobId) => Promise<CoordinatorDeps>,
  job: JobId,
): Promise<TickDocument['jobs'][number]> {
  try {
    const { schema: _, ...pass } = await advanceDocument(await coordinatorOf(job), {
      job,
      waitLeaseMs: 0,
      patienceMs: PATIENCE_MS,
    });
    return { ...pass, error: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    const state = await summariseJob(drivers.state, job).then(
      ({ meta }) => meta.state,
      () => 'SUBMITTING' as const,
    );
    return { jobId: job, state, steps: [], nextDueMs: null, error: `${error.message} [${error.code}]` };
  }
}
