import { access, constants, mkdir } from 'node:fs/promises';
import { describeFailure } from '../backends/shared/fs-errno.ts';
import { isCarried, type SpoolSides } from './carry-spooled.ts';
import type { DoctorDocument } from './documents.ts';
import { knownJobs } from './find-job.ts';

type Check = DoctorDocument['checks'][number];

/** Can jobs be kept in the spool, and has everything in it been carried? */
export async function checkSpool(sides: SpoolSides): Promise<Check> {
  const { directory, spool } = sides;
  const name = 'spool';
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const remedy = 'Choose a directory that you may write and that compute nodes see, with --spool or SLURMCTL_SPOOL';
    return { name, verdict: 'fail', found: describeFailure(error, directory), remedy };
  }
  const jobs = await knownJobs(spool.state);
  let behind = 0;
  for (const { id, live } of jobs) if (!live && !(await isCarried(sides, id))) behind += 1;
  const found = `${directory} can be written; ${jobs.length} jobs in it`;
  if (behind === 0) return { name, verdict: 'ok', found, remedy: null };
  return {
    name,
    verdict: 'warn',
    found: `${found}, of which ${behind} are over and not carried in full`,
    remedy: 'Carry them with: slurmctl tick',
  };
}
