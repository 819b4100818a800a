import { isAppError } from '../errors/app-error.ts';
import type { SpoolSides } from './carry-spooled.ts';
import type { ListDocument } from './documents.ts';
import { listDocument } from './list-document.ts';

/** The jobs of the spool, then those that are only at the services. Services that do not answer hide their own jobs and no others. */
export async function listBothSides(sides: SpoolSides, request: { readonly all: boolean }): Promise<ListDocument> {
  const near = await listDocument(sides.spool, request);
  try {
    const far = await listDocument(await sides.far(), request);
    const known = new Set(near.jobs.map((job) => job.id));
    const jobs = [...near.jobs, ...far.jobs.filter((job) => !known.has(job.id))];
    return { ...near, jobs: jobs.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1)) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { ...near, notes: [`only the jobs of the spool are listed: ${error.message} [${error.code}]`] };
  }
}
