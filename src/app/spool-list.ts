import { isAppError } from '../errors/app-error.ts';
import type { SpoolSides } from './carry-spooled.ts';
import type { ListDocument } from './documents.ts';
import { listDocument } from './list-document.ts';
import { cutTo, inOrder, type ListRequest } from './list-request.ts';

/** The jobs of the spool, then those that are only at the services. Services that do not answer hide their own jobs and no others. */
export async function listBothSides(sides: SpoolSides, request: ListRequest): Promise<ListDocument> {
  // What is in both would be counted twice if either side were cut.
  const { limit, ...every } = request;
  const near = await listDocument(sides.spool, every);
  try {
    const far = await listDocument(await sides.far(), every);
    const known = new Set(near.jobs.map((job) => job.id));
    const jobs = [...near.jobs, ...far.jobs.filter((job) => !known.has(job.id))];
    const notes = [...new Set([...(near.notes ?? []), ...(far.notes ?? [])])];
    return { ...near, ...cutTo(inOrder(jobs, request.sort), limit), ...(notes.length === 0 ? {} : { notes }) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    const own = `only the jobs of the spool are listed: ${error.message} [${error.code}]`;
    const notes = [...(near.notes ?? []), own];
    return { ...near, ...cutTo(near.jobs, limit), notes };
  }
}
