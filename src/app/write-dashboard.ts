/** `dashboard`: the page as a file of the user's. */
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeFailure, errnoOf, troubleOf } from '../backends/shared/fs-errno.ts';
import type { JobId } from '../domain/ids.ts';
import { AppError } from '../errors/app-error.ts';
import { renderPage } from '../observe/dashboard/page.ts';
import { readDashboard, type DashboardRequest } from './dashboard-document.ts';
import type { DashboardDocument } from './dashboard-documents.ts';
import { pageAssets } from './dashboard-page.ts';
import type { Drivers } from './job-backends.ts';

/** Creates or replaces the file in one step; `path` is absolute. @throws USAGE for a place where no file can be, SCRATCH_FULL */
export async function writeDashboard(
  drivers: Drivers,
  job: JobId,
  { path, ...request }: DashboardRequest & { readonly path: string },
): Promise<DashboardDocument> {
  await requireFilePlace(path);
  const page = renderPage(await readDashboard(drivers, job, request), await pageAssets(), { live: false });
  const beside = `${path}.${drivers.ids.token(8)}.tmp`;
  try {
    await writeFile(beside, page, { mode: 0o600, flag: 'wx' });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw asAppError(error, path);
  }
  return { schema: 'slurmctl.dashboard/1', jobId: job, path, bytes: Buffer.byteLength(page), url: null };
}

const HINT = 'Name a file in a directory that exists and that you may write: --out dashboard.html';

async function requireFilePlace(path: string): Promise<void> {
  const there = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw new AppError('USAGE', { message: `--out: ${describeFailure(error, path)}`, hint: HINT });
  });
  if (there !== null && !there.isFile())
    throw new AppError('USAGE', { message: `--out: ${path} is a directory or a device, expected a file`, hint: HINT });
  const above = await stat(dirname(path)).catch(() => null);
  if (above?.isDirectory() !== true)
    throw new AppError('USAGE', { message: `--out: ${dirname(path)} is no directory`, hint: HINT });
}

function asAppError(error: unknown, path: string): unknown {
  if (errnoOf(error) === undefined) return error;
  const message = describeFailure(error, path);
  if (troubleOf(error) !== 'full') return new AppError('USAGE', { message: `--out: ${message}`, hint: HINT });
  return new AppError('SCRATCH_FULL', {
    message,
    hint: 'Free space there or choose another place; a file that was there is unchanged',
    cause: error,
  });
}
