/** Finished work that its elements could not report: what waits in the job's home directory, and how it gets its place in the job. */
import { join } from 'node:path';
import type { JobId } from '../domain/ids.ts';
import {
  decodeSpill,
  spillJobPrefix,
  spillKey,
  spillOfRecord,
  spillPrefix,
  type SpillRecord,
} from '../domain/spill.ts';
import type { SpillPlace } from '../ports/spill.ts';
import { adoptSpills, listSpills, type Adopted, type AdoptRequest } from '../worker/adopt-spills.ts';
import type { Drivers } from './job-backends.ts';
import { createQuietLog } from './quiet-log.ts';

/** Stores and commits what waits of a job; what it did is in its steps. @throws STORE_*, STATE_* of the job's store and state table */
export async function adoptKept(drivers: Drivers, request: AdoptRequest): Promise<Adopted> {
  const { shared } = await drivers.spills();
  return adoptSpills({ store: drivers.store, state: drivers.state, place: shared, log: createQuietLog() }, request);
}

/** A finished result that waits to be stored and committed. */
export interface KeptResult extends Pick<SpillRecord, 'task' | 'attempt' | 'node' | 'keptMs' | 'reason'> {
  /** Its directory. */
  readonly path: string;
}

/** What waits of a job, in the order of its tasks; `slurmctl advance JOB` (or `aggregate`, once the job is final) takes it up. */
export async function keptResults(drivers: Drivers, job: JobId): Promise<KeptResult[]> {
  const { shared } = await drivers.spills();
  const found: KeptResult[] = [];
  for (const id of await listSpills(shared, job)) {
    const bytes = await shared.store.get(spillKey(id, 'spill.json'));
    const record = bytes === null ? null : decodeSpill(bytes, id);
    if (record === null || typeof record === 'string') continue;
    const { task, attempt, node, keptMs, reason } = record;
    found.push({ task, attempt, node, keptMs, reason, path: join(shared.path, spillPrefix(id).slice(0, -1)) });
  }
  return found;
}

/** How many finished results wait in a place, and of which jobs. */
export async function countKept(
  place: SpillPlace,
): Promise<{ readonly results: number; readonly jobs: readonly JobId[] }> {
  if (!place.isThere()) return { results: 0, jobs: [] };
  const jobs = new Set<JobId>();
  let results = 0;
  for await (const { key } of place.store.list('')) {
    const id = spillOfRecord(key);
    if (id === null) continue;
    results += 1;
    jobs.add(id.job);
  }
  return { results, jobs: [...jobs] };
}

/** How much lies in the home directory for a job, whole results or parts of them; removed unless this is a rehearsal. */
export async function removeKept(
  drivers: Drivers,
  job: JobId,
  { dryRun }: { readonly dryRun: boolean },
): Promise<{ readonly objects: number; readonly bytes: number }> {
  const { shared } = await drivers.spills();
  const sum = { objects: 0, bytes: 0 };
  if (!shared.isThere()) return sum;
  for await (const { bytes } of shared.store.list(spillJobPrefix(job))) {
    sum.objects += 1;
    sum.bytes += bytes;
  }
  if (sum.objects > 0 && !dryRun) await shared.store.deletePrefix(spillJobPrefix(job));
  return sum;
}
