/** `results --download`: the published Parquet file as a file of the user's, from wherever the store is. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { copyOutput } from '../aggregator/read-output.ts';
import { describeFailure, errnoOf } from '../backends/shared/fs-errno.ts';
import type { JobId } from '../domain/ids.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { ResultsDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { documentOf, published } from './read-results.ts';

/**
 * Creates or replaces the file in one step, hashed on the way. `path` is absolute.
 * @throws USAGE for a place where no file can be, SCRATCH_FULL, and what reading the output throws
 */
export async function downloadResults(
  drivers: Drivers,
  job: JobId,
  request: { readonly path: string; readonly signal?: AbortSignal },
): Promise<ResultsDocument> {
  const { path, signal } = request;
  await requireFilePlace(path);
  const copy = { path, ...(signal === undefined ? {} : { signal }) };
  try {
    const manifest = await published(drivers, job, () => copyOutput(drivers.store, job, copy));
    return { ...documentOf(drivers, manifest), path };
  } catch (error) {
    throw isAppError(error, 'SCRATCH_FULL')
      ? new AppError('SCRATCH_FULL', {
          message: error.message,
          hint: 'Free space there or choose another place; a file that was there is unchanged',
          cause: error,
        })
      : error;
  }
}

async function requireFilePlace(path: string): Promise<void> {
  const refuse = (found: string): AppError =>
    new AppError('USAGE', {
      message: `--download: ${found}`,
      hint: 'Name a file in a directory that exists and that you may write: --download results.parquet',
    });
  const there = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw refuse(describeFailure(error, path));
  });
  if (there !== null && !there.isFile()) throw refuse(`${path} is a directory or a device, expected a file`);
  const parent = dirname(path);
  const above = await stat(parent).catch((error: unknown) => {
    throw refuse(describeFailure(error, parent));
  });
  if (!above.isDirectory()) throw refuse(`${parent} is no directory`);
}
