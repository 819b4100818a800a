/** The page of a job, kept beside its output by whatever passes over the job. */
import { readMeta } from '../coordinator/job-meta.ts';
import type { JobId } from '../domain/ids.ts';
import { isBeingStored, type JobMeta } from '../domain/job-item.ts';
import { dashboardKey } from '../domain/keys.ts';
import { metaKey } from '../domain/state-keys.ts';
import { isFinalJobState, JOB_STATES } from '../domain/states.ts';
import { wordsOfFailure } from '../errors/words-of-failure.ts';
import type { StateCondition } from '../ports/state-table.ts';
import type { CarryDocument } from './documents.ts';
import type { DashboardRequest } from './dashboard-document.ts';
import type { Drivers } from './job-backends.ts';
import { restAfterLook } from './look-again.ts';

/** The page of a job that lives is this old at least before there is another. */
export const PAGE_EVERY_MS = 10 * 60_000;
/** And so many times as old as making it took: pages take less than a twentieth of the time. */
const RESTS = 20;

/** A job, how a pass left it, and what the pass did. */
export interface PassedOver {
  readonly job: JobId;
  readonly meta: JobMeta;
  readonly steps: readonly string[];
  /** For a job that lives in a spool. */
  readonly seenFrom?: CarryDocument['seenFrom'];
}

/** Epoch ms from which a pass stores the page: at once when it ended the job, never when the job had ended before it. */
export function pageDueMs({ meta, steps }: Pick<PassedOver, 'meta' | 'steps'>): number {
  if (isFinalJobState(meta.state)) return steps.length > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (isBeingStored(meta)) return Number.POSITIVE_INFINITY;
  return meta.pageDueMs ?? meta.createdMs + PAGE_EVERY_MS;
}

/**
 * Stores the page when that is due; for the end of a pass, which has done its work whatever becomes of the page. What goes wrong is a sentence, and
 * `dashboard` makes the page at any time.
 */
export async function keepPage(drivers: Drivers, passed: PassedOver): Promise<readonly string[]> {
  const { job, meta, seenFrom } = passed;
  if (drivers.clock.nowMs() < pageDueMs(passed)) return [];
  return isFinalJobState(meta.state)
    ? storeLastPage(drivers, job, seenFrom)
    : quietly(() => storeNextPage(drivers, passed));
}

/** The page of a job that has ended. What goes wrong is a sentence. */
export const storeLastPage = (
  drivers: Drivers,
  job: JobId,
  seenFrom: CarryDocument['seenFrom'] | undefined,
): Promise<readonly string[]> => quietly(() => store(drivers, job, requestOf(seenFrom)));

async function storeNextPage(drivers: Drivers, { job, meta, seenFrom }: PassedOver): Promise<void> {
  const { state, clock } = drivers;
  if (!(await claim(drivers, job, meta))) return;
  const request = requestOf(seenFrom);
  const startedMs = clock.monotonicMs();
  try {
    await store(drivers, job, isNear(drivers, job) ? request : { ...request, kept: NOT_FETCHED });
    // The last page may have been stored while this one was made, and was replaced by it.
    const left = await readMeta(state, job);
    if (left !== null && isFinalJobState(left.state)) await store(drivers, job, request);
  } finally {
    const restMs = restAfterLook(clock.monotonicMs() - startedMs, PAGE_EVERY_MS, RESTS);
    if (restMs > PAGE_EVERY_MS) await setDue(drivers, job, { restMs, when: { op: 'item-present' } });
  }
}

/** Of passes that find the page due at once, one makes it. A process that dies while it makes it leaves the next one to a later pass. */
function claim(drivers: Drivers, job: JobId, { pageDueMs: seen }: JobMeta): Promise<boolean> {
  const unchanged: StateCondition =
    seen === undefined ? { op: 'absent', path: 'pageDueMs' } : { op: 'equals', path: 'pageDueMs', value: seen };
  const lives: StateCondition = { op: 'in', path: 'state', values: LIVE_STATES };
  return setDue(drivers, job, { restMs: PAGE_EVERY_MS, when: { op: 'and', of: [lives, unchanged] } });
}

const LIVE_STATES = JOB_STATES.filter((state) => !isFinalJobState(state));

async function setDue(
  { state, clock }: Drivers,
  job: JobId,
  { restMs, when }: { readonly restMs: number; readonly when: StateCondition },
): Promise<boolean> {
  return (await state.write(metaKey(job), { set: { pageDueMs: clock.nowMs() + restMs } }, when)).applied;
}

const requestOf = (seenFrom: CarryDocument['seenFrom'] | undefined): DashboardRequest =>
  seenFrom === undefined ? {} : { seenFrom };

const isNear = ({ store }: Drivers, job: JobId): boolean => store.localPath(dashboardKey(job)) !== null;

const FAR = {
  missing:
    'The page is kept in a store that is far away: while the job lives, results are not fetched for it. `slurmctl dashboard` makes a page with them.',
};
const NOT_FETCHED: NonNullable<DashboardRequest['kept']> = { itemTimes: FAR, errors: FAR };

/** Loads what makes a page when there is one to make: nearly no pass has. */
async function store(drivers: Drivers, job: JobId, request: DashboardRequest): Promise<void> {
  const { readDashboard } = await import('./dashboard-document.ts');
  const { pageAssets } = await import('./dashboard-page.ts');
  const { renderPage } = await import('../observe/dashboard/page.ts');
  const board = await readDashboard(drivers, job, request);
  await drivers.store.put(dashboardKey(job), renderPage(board, await pageAssets(), { live: false }));
}

/** A bug is a sentence, too: the pass has done its work, and what it did has to be told. */
async function quietly(work: () => Promise<void>): Promise<readonly string[]> {
  try {
    await work();
    return [];
  } catch (error) {
    return [`its page was not stored: ${wordsOfFailure(error)}`];
  }
}
