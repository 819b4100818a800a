import type { ErrorGroups } from '../domain/error-groups.ts';
import type { JobId } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Panel } from '../observe/dashboard/document.ts';
import { analyzeErrors } from './analyze-errors.ts';
import type { CarryDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';

/** The failures of a job in groups, as `analyze-errors` has them. */
export async function errorPanel(
  drivers: Drivers,
  job: JobId,
  seenFrom: CarryDocument['seenFrom'] | undefined,
): Promise<Panel<ErrorGroups>> {
  try {
    return await analyzeErrors(drivers, { job, by: 'fingerprint', ...(seenFrom === undefined ? {} : { seenFrom }) });
  } catch (error) {
    // A result that is damaged is said by `advance` and `results`; the rest of the picture stands without it.
    if (!isAppError(error)) throw error;
    return { missing: `The failures could not be read: ${error.message}` };
  }
}
