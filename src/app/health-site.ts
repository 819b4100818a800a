/** What is wrong beside the jobs: in home directories, and on the disks that jobs write to. */
import { fileURLToPath } from 'node:url';
import type { HealthFinding } from '../domain/health.ts';
import { isAppError } from '../errors/app-error.ts';
import { judgeGrowth, type SpaceSeen } from '../observe/health/judge-growth.ts';
import { judgeKept, judgeSpace } from '../observe/health/judge-site.ts';
import { recentOf, withPoint } from '../observe/health/space-trend.ts';
import type { SpaceMemory } from '../ports/space-memory.ts';
import type { KnownJob } from './find-job.ts';
import { freeSpace, type FreeSpaceOf } from './free-space.ts';
import type { Drivers } from './job-backends.ts';
import type { DriversOf } from './job-drivers.ts';
import { countKept } from './kept-results.ts';
import { openSpaceMemory } from './open-space-memory.ts';

export async function siteFindings(
  drivers: Drivers,
  known: readonly KnownJob[],
  driversOf: DriversOf,
): Promise<HealthFinding[]> {
  const free = await freeSpace(await directoriesOf(drivers, known, driversOf));
  return [
    ...judgeKept(await keptOf(drivers, known)),
    ...judgeSpace(free),
    ...judgeGrowth(await lookAgainstHistory(openSpaceMemory(drivers), free, drivers.clock.nowMs())),
  ];
}

/** File systems that earlier looks saw and this one did not, of settings or jobs elsewhere, stay remembered until their points are old. */
async function lookAgainstHistory(
  memory: SpaceMemory,
  free: readonly FreeSpaceOf[],
  nowMs: number,
): Promise<SpaceSeen[]> {
  const history = new Map([...(await memory.recall())].filter(([, points]) => recentOf(points, nowMs).length > 0));
  const seen = free.map(({ path, mount, freeBytes, freeInodes }) => {
    const now = { atMs: nowMs, freeBytes, freeInodes };
    const before = recentOf(history.get(mount) ?? [], nowMs);
    history.set(mount, withPoint(before, now));
    return { path, points: [...before, now] };
  });
  await memory.remember(history);
  return seen;
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

/** Those of this host: what the settings name, and what live jobs write to. */
async function directoriesOf(
  drivers: Drivers,
  known: readonly KnownJob[],
  driversOf: DriversOf,
): Promise<readonly string[]> {
  const places = new Set([drivers.urls.home, drivers.urls.store, drivers.urls.state]);
  for (const job of known) {
    if (!job.live || job.spool !== undefined) continue;
    const urls = await urlsOf(job, driversOf);
    for (const place of urls === null ? [] : [urls.home, urls.store, urls.state]) places.add(place);
  }
  return [...places].flatMap((place) => {
    if (place.startsWith('/')) return [place];
    return place.startsWith('file:') ? [fileURLToPath(place)] : [];
  });
}

/** Null of a job whose record cannot be read: that is a finding of its own. */
async function urlsOf(job: KnownJob, driversOf: DriversOf): Promise<Drivers['urls'] | null> {
  try {
    return (await driversOf(job)).urls;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}
