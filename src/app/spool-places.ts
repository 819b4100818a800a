/** Where a job can be changed, for settings with a spool and for those without. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '../errors/app-error.ts';
import type { KnownJob } from './find-job.ts';
import type { StateUrls } from './job-backends.ts';

/** URLs of everything a spooled job consists of; its home, and with it the output of its elements, stays where it is. */
export function spoolUrls(home: string, directory: string): StateUrls {
  const within = (name: string): string => pathToFileURL(join(directory, name)).href;
  return { home, store: within('objects'), state: within('state'), queue: within('queue') };
}

/** A job that was found by its copy can be looked at, and changed only where its spool is. `here`: this command's own spool. @throws JOB_SPOOLED */
export function requireChangeable({ id, spool }: KnownJob, here?: string): void {
  if (spool === undefined) return;
  const gone = here === spool.directory;
  throw new AppError('JOB_SPOOLED', {
    message: gone
      ? `job ${id} lives in the spool ${spool.directory}, but nothing of it is there; what is stored elsewhere is a copy`
      : `job ${id} lives in the spool ${spool.directory}, seen last by host ${spool.host}; what is stored here is a copy of it`,
    hint: gone
      ? `Restore the spool; or look at the copy with slurmctl status ${id}, and remove it with slurmctl gc ${id} --purge`
      : `Run the same command on ${spool.host}, with: --spool ${spool.directory}`,
    details: { jobId: id, host: spool.host, directory: spool.directory },
  });
}
