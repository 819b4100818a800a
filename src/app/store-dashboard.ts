/** The page of a job that has just ended, kept beside its output. */
import type { JobId } from '../domain/ids.ts';
import { dashboardKey } from '../domain/keys.ts';
import { isAppError } from '../errors/app-error.ts';
import { renderPage } from '../observe/dashboard/page.ts';
import type { CarryDocument } from './documents.ts';
import { readDashboard } from './dashboard-document.ts';
import { pageAssets } from './dashboard-page.ts';
import type { Drivers } from './job-backends.ts';

/**
 * Stores the page where that costs nothing but a little time: where the store is a directory. The job has ended whatever becomes of it, so that a
 * failure is a sentence, and `dashboard` makes the page at any time.
 */
export async function storeDashboard(
  drivers: Drivers,
  job: JobId,
  seenFrom: CarryDocument['seenFrom'] | undefined,
): Promise<readonly string[]> {
  const key = dashboardKey(job);
  if (drivers.store.localPath(key) === null) return [];
  try {
    const board = await readDashboard(drivers, job, seenFrom === undefined ? {} : { seenFrom });
    await drivers.store.put(key, renderPage(board, await pageAssets(), { live: false }));
    return [];
  } catch (error) {
    if (!isAppError(error)) throw error;
    return [`its page was not stored: ${error.message} [${error.code}]`];
  }
}
