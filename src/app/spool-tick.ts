import { isAppError } from '../errors/app-error.ts';
import { carrySpooled, isCarried, type SpoolSides } from './carry-spooled.ts';
import type { TickDocument } from './documents.ts';
import { knownJobs } from './find-job.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import type { Drivers } from './job-backends.ts';

type Row = TickDocument['jobs'][number];

/** `tick` with a spool: every live job of both sides, then whatever of the spool has not been carried, jobs that are over included. */
export async function tickBothSides(
  sides: SpoolSides,
  tick: (drivers: Drivers) => Promise<TickDocument>,
): Promise<TickDocument> {
  const near = await tick(sides.spool);
  const rows = new Map<string, Row>(near.jobs.map((row) => [row.jobId, row]));
  for (const { id } of await knownJobs(sides.spool.state)) {
    if (await isCarried(sides, id)) continue;
    const carry = await carrySpooled(sides, id);
    if (carry === null) continue;
    const meta = await readMeta(sides.spool.state, id);
    const row = rows.get(id) ?? {
      jobId: id,
      state: meta?.state ?? 'SUBMITTING',
      steps: [],
      nextDueMs: null,
      error: null,
    };
    rows.set(id, { ...row, carry });
  }
  try {
    const far = await tick(await sides.far());
    const notes = [...(near.notes ?? []), ...(far.notes ?? [])];
    return { ...near, jobs: [...rows.values(), ...far.jobs], ...(notes.length === 0 ? {} : { notes }) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    const notes = [`only the jobs of the spool were advanced: ${error.message} [${error.code}]`];
    return { ...near, jobs: [...rows.values()], notes };
  }
}
