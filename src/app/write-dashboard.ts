/** `dashboard`: the page as a file of the user's. */
import type { JobId } from '../domain/ids.ts';
import { renderPage } from '../observe/dashboard/page.ts';
import { readDashboard, type DashboardRequest } from './dashboard-document.ts';
import type { DashboardDocument } from './dashboard-documents.ts';
import { pageAssets } from './dashboard-page.ts';
import type { Drivers } from './job-backends.ts';
import { requireFilePlace, writeWholeFile } from './write-whole-file.ts';

const EXAMPLE = '--out dashboard.html';

/** Creates or replaces the file in one step; `path` is absolute. @throws USAGE for a place where no file can be, SCRATCH_FULL */
export async function writeDashboard(
  drivers: Drivers,
  job: JobId,
  { path, ...request }: DashboardRequest & { readonly path: string },
): Promise<DashboardDocument> {
  await requireFilePlace(path, EXAMPLE);
  const page = renderPage(await readDashboard(drivers, job, request), await pageAssets(), { live: false });
  await writeWholeFile(drivers.ids, { path, text: page, mode: 0o600, example: EXAMPLE });
  return { schema: 'slurmctl.dashboard/1', jobId: job, path, bytes: Buffer.byteLength(page), url: null };
}
