import { summariseJob } from '../coordinator/summarise.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ListDocument } from './documents.ts';
import { knownJobs, type KnownJob } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { isoTime, tellReason } from './status-document.ts';

/** Finished jobs older than this are left out unless all are asked for. */
const RECENT_MS = 14 * 86_400_000;

/** Live jobs and recent ones, newest first; every job with `all`. */
export async function listDocument(drivers: Drivers, request: { readonly all: boolean }): Promise<ListDocument> {
  const jobs: ListDocument['jobs'][number][] = [];
  for (const known of await knownJobs(drivers.state)) {
    const old = drivers.clock.nowMs() - known.createdMs > RECENT_MS;
    if (old && !known.live && !request.all) continue;
    jobs.push(await listed(drivers, known));
  }
  return { schema: 'slurmctl.list/1', jobs };
}

async function listed(drivers: Drivers, known: KnownJob): Promise<ListDocument['jobs'][number]> {
  const base = { id: known.id, name: known.name, createdAt: isoTime(known.createdMs) };
  try {
    const { meta, items } = await summariseJob(drivers.state, known.id);
    const asleep = meta.state === 'SUBMITTING' ? `not submitted yet; go on with: slurmctl advance ${known.id}` : null;
    const reason = (await tellReason(drivers.state, known.id, meta)) ?? (isFinalJobState(meta.state) ? null : asleep);
    return { ...base, state: meta.state, reason, items };
  } catch (error) {
    if (!isAppError(error, 'JOB_NOT_FOUND')) throw error;
    const items = { total: 0, succeeded: 0, failed: 0, pending: 0 };
    return {
      ...base,
      state: 'SUBMITTING',
      reason: `its submit died at once; go on, or clear it away, with: slurmctl advance ${known.id}`,
      items,
    };
  }
}
