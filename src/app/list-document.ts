import { mapBounded } from '../aggregator/bounded.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { summariseJob } from '../coordinator/summarise.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ListDocument } from './documents.ts';
import { knownJobs, type KnownJob } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { cutTo, inOrder, mayBeListed, type ListRequest } from './list-request.ts';
import { isoTime, tellReason } from './status-document.ts';

/** Jobs that are read at once. */
const AT_ONCE = 16;

type Listed = ListDocument['jobs'][number];

/** The jobs that fit: what the index rules out is not read. Without a wish for states, no more are read than are listed by age. */
export async function listDocument(
  drivers: Pick<Drivers, 'state' | 'clock'>,
  request: ListRequest,
): Promise<ListDocument> {
  const { limit, sort, states } = request;
  const nowMs = drivers.clock.nowMs();
  const known = (await knownJobs(drivers.state)).filter((job) => mayBeListed(job, request, nowMs));
  const isByAge = sort === undefined || sort === 'created';
  const read = isByAge && states === undefined && limit !== undefined ? known.slice(0, limit) : known;
  const notes: string[] = [];
  const listed = await mapBounded(read, AT_ONCE, (job) => listedOrNoted(drivers, job, { states, notes }));
  const cut = cutTo(
    inOrder(
      listed.filter((job) => job !== null),
      sort,
    ),
    limit,
  );
  const more = cut.more + (known.length - read.length);
  return { schema: 'slurmctl.list/1', ...cut, more, ...(notes.length === 0 ? {} : { notes: notes.toSorted() }) };
}

/** One damaged item hides its own job and no other. */
async function listedOrNoted(
  drivers: Pick<Drivers, 'state' | 'clock'>,
  known: KnownJob,
  { states, notes }: { readonly states: ListRequest['states']; readonly notes: string[] },
): Promise<Listed | null> {
  try {
    return await listedJob(drivers, known, states);
  } catch (error) {
    if (!isAppError(error, 'STATE_CORRUPT')) throw error;
    notes.push(`job ${known.id} is not listed: ${error.message} [${error.code}]`);
    return null;
  }
}

/** Null for a job in another state than those. Its tasks are read only where it is listed. */
async function listedJob(
  drivers: Pick<Drivers, 'state' | 'clock'>,
  known: KnownJob,
  states: ListRequest['states'],
): Promise<Listed | null> {
  if (states !== undefined) {
    const state = (await readMeta(drivers.state, known.id))?.state ?? 'SUBMITTING';
    if (!states.includes(state)) return null;
  }
  return describeJob(drivers, known);
}

async function describeJob(drivers: Pick<Drivers, 'state'>, known: KnownJob): Promise<Listed> {
  const base = {
    id: known.id,
    name: known.name,
    createdAt: isoTime(known.createdMs),
    user: known.user ?? null,
  };
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
