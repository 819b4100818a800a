/** Where jobs are kept and found: in one set of backends, or with a spool in two. */
import type { Settings } from '../config/settings.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobId } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import type { OnProgress } from './api.ts';
import type { SpoolSides } from './carry-spooled.ts';
import type { CarryDocument } from './documents.ts';
import { findJob, type KnownJob } from './find-job.ts';
import { createSurroundings, openDrivers, type Drivers, type Surroundings } from './job-backends.ts';
import { createDriversOf } from './job-drivers.ts';
import { once } from './late-backends.ts';
import { schedulerOf } from './scheduler-of.ts';
import { requireChangeable, spoolUrls } from './spool-places.ts';

export interface FoundJob {
  readonly job: JobId;
  readonly known: KnownJob;
  /** The job's own drivers. */
  readonly own: Drivers;
  /** For a job that lives in a spool: whether this is it, or its copy. */
  readonly seenFrom?: CarryDocument['seenFrom'];
}

export interface Places {
  readonly surroundings: Surroundings;
  /** Where jobs are submitted to. */
  readonly drivers: Drivers;
  /** Both sides; null without a spool. */
  readonly sides: SpoolSides | null;
  readonly find: (reference: string) => Promise<FoundJob>;
  /** @throws JOB_SPOOLED for a job that can be changed elsewhere only */
  readonly findToChange: (reference: string) => Promise<FoundJob>;
  /** The coordinator with the backends and the scheduler a job was submitted with. */
  readonly coordinatorOf: (found: Pick<FoundJob, 'job' | 'own'>, onProgress?: OnProgress) => Promise<CoordinatorDeps>;
  /** Carries what is new of a spooled job; nothing for any other. For the end of commands that change jobs. */
  readonly carryAfter: (
    found: Pick<FoundJob, 'job' | 'seenFrom'>,
    signal?: AbortSignal,
  ) => Promise<{ readonly carry?: CarryDocument }>;
}

export async function openPlaces(settings: Settings, env: NodeJS.ProcessEnv): Promise<Places> {
  const surroundings = createSurroundings(env);
  const openFar = once(() =>
    openDrivers(surroundings, {
      home: settings.home.value,
      store: settings.store.value,
      state: settings.state.value,
      queue: settings.queue.value,
    }),
  );
  const directory = settings.spool.value;
  const drivers =
    directory === null ? await openFar() : await openDrivers(surroundings, spoolUrls(settings.home.value, directory));
  const sides = directory === null ? null : { directory, spool: drivers, far: openFar };
  const find = createFind(drivers, sides);
  return {
    surroundings,
    drivers,
    sides,
    find,
    async findToChange(reference) {
      const found = await find(reference);
      if (found.seenFrom === 'copy') requireChangeable(found.known, directory === null ? undefined : directory);
      return found;
    },
    async coordinatorOf({ job, own }, onProgress) {
      const { createCoordinatorDeps } = await import('./coordinator-deps.ts');
      return createCoordinatorDeps(own, await schedulerOf(own, job), { pass: 'collect', onProgress });
    },
    async carryAfter({ job, seenFrom }, signal) {
      if (sides === null || seenFrom !== 'spool') return {};
      const { carrySpooled } = await import('./carry-spooled.ts');
      const carry = await carrySpooled(sides, job, signal === undefined ? {} : { signal });
      return carry === null ? {} : { carry };
    },
  };
}

/** The spool first: what it knows is the truth, and asks no service. */
function createFind(drivers: Drivers, sides: SpoolSides | null): Places['find'] {
  const driversOf = once(async () => createDriversOf(drivers));
  const farDriversOf = once(async () => createDriversOf((await sides?.far()) ?? drivers));
  const elsewhere = async (reference: string): Promise<FoundJob> => {
    const far = sides === null ? drivers : await sides.far();
    const known = await findJob(far.state, reference);
    const own = await (sides === null ? await driversOf() : await farDriversOf())(known);
    return { job: known.id, known, own, ...(known.spool === undefined ? {} : { seenFrom: 'copy' as const }) };
  };
  return async (reference) => {
    if (sides === null) return elsewhere(reference);
    try {
      const known = await findJob(sides.spool.state, reference);
      return { job: known.id, known, own: await (await driversOf())(known), seenFrom: 'spool' };
    } catch (error) {
      if (!isAppError(error, 'JOB_NOT_FOUND')) throw error;
    }
    return elsewhere(reference);
  };
}
