/** What is wrong beside the jobs: in home directories, and on the disks that jobs write to. */
import { fileURLToPath } from 'node:url';
import type { HealthFinding } from '../domain/health.ts';
import { isAppError } from '../errors/app-error.ts';
import { judgeKept, judgeSpace } from '../observe/health/judge-site.ts';
import type { KnownJob } from './find-job.ts';
import { freeSpace } from './free-space.ts';
import type { Drivers } from './job-backends.ts';
import type { DriversOf } from './job-drivers.ts';
import { countKept } from './kept-results.ts';

export async function siteFindings(
  drivers: Drivers,
  known: readonly KnownJob[],
  driversOf: DriversOf,
): Promise<HealthFinding[]> {
  return [
    ...judgeKept(await keptOf(drivers, known)),
    ...judgeSpace(await freeSpace(await directoriesOf(drivers, known, driversOf))),
  ];
}

/** A home directory that cannot be read holds nothing that could be taken up from here. */
async function keptOf(drivers: Drivers, known: readonly KnownJob[]): Promise<Parameters<typeof judgeKept>[0]> {
  try {
    const { results, jobs } = await countKept((await drivers.spills()).shared);
    const isOver = (job: string): boolean | null => {
      const found = known.find(({ id }) => id === job);
      return found === undefined ? null : !found.live;
    };
    return { results, jobs: jobs.map((job) => ({ job, isOver: isOver(job) })) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { results: 0, jobs: [] };
  }
}

/** Those of this host: the home of the settings, and what live jobs write to. */
async function directoriesOf(
  drivers: Drivers,
  known: readonly KnownJob[],
  driversOf: DriversOf,
): Promise<readonly string[]> {
  const places = new Set([drivers.urls.home]);
  for (const job of known) {
    if (!job.live || job.spool !== undefined) continue;
    const { urls } = await driversOf(job);
    for (const place of [urls.home, urls.store, urls.state]) places.add(place);
  }
  return [...places].flatMap((place) => {
    if (place.startsWith('/')) return [place];
    return place.startsWith('file:') ? [fileURLToPath(place)] : [];
  });
}
