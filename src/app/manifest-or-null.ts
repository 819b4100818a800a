import { readManifest } from '../coordinator/manifests.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobManifest } from '../domain/manifest.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

/** Null while the input is being split. A job is shown all the same when its manifest is damaged: `advance` and `doctor` say so. */
export async function manifestOrNull(
  { store }: Pick<Drivers, 'store'>,
  job: JobId,
  meta: JobMeta,
): Promise<JobManifest | null> {
  try {
    return await readManifest(store, job, meta);
  } catch (error) {
    if (!isAppError(error, 'STORE_NOT_FOUND') && !isAppError(error, 'MANIFEST_CORRUPT')) throw error;
    return null;
  }
}
