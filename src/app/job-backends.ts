/** From where state lives to the drivers that reach it. Heavy drivers are imported when first asked for. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSystemClock } from '../backends/clock.ts';
import { createHost, ownUid } from '../backends/host.ts';
import { createSystemIds, createSystemRandom } from '../backends/random.ts';
import { createRequestMeter, type RequestMeter } from '../backends/shared/aws/meter.ts';
import { onState } from '../backends/state-table/fs-state-error.ts';
import type { LocalBatchSystem } from '../backends/batch-system/local/index.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import type { BatchSystem } from '../ports/batch-system.ts';
import type { Clock } from '../ports/clock.ts';
import type { Host } from '../ports/host.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Ids, Random } from '../ports/random.ts';
import type { RetryQueue } from '../ports/retry-queue.ts';
import type { Scratch } from '../ports/scratch.ts';
import type { SpillPlaces } from '../ports/spill.ts';
import type { StateTable } from '../ports/state-table.ts';
import { once } from './late-backends.ts';
import type { LimitedReads } from './limited-reads.ts';
import { openQueue, openState, openStore } from './open-backends.ts';
import { packageFile } from './package-files.ts';

/** What every process has, whatever its settings. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly host: Host;
  readonly env: NodeJS.ProcessEnv;
  /** Counts what all drivers of this process ask of AWS services. */
  readonly meter: RequestMeter;
  /** What is to be done before the process ends; each may be called once. */
  readonly closers: (() => Promise<void>)[];
}

/** Where state lives, without the choice of a scheduler. */
export type StateUrls = Omit<BackendUrls, 'scheduler'>;

export interface Drivers extends Surroundings {
  readonly urls: StateUrls;
  readonly store: ObjectStore;
  readonly state: StateTable;
  readonly queue: RetryQueue;
  /** The store as merges and `advance` read it. */
  limitedReads(): Promise<LimitedReads>;
  scratch(): Promise<Scratch>;
  /** Where finished work is kept that cannot be reported. */
  spills(): Promise<SpillPlaces>;
  batch(scheduler: BackendUrls['scheduler']): Promise<BatchSystem>;
  /** Removes what killed writers left half-written in the store before this moment (epoch ms); how many objects. */
  readonly removeHalfWritten: (beforeMs: number) => Promise<number>;
  /** Lets the local scheduler forget submissions that have ended. */
  forgetLocal(handles: readonly string[]): Promise<void>;
}

export function createSurroundings(env: NodeJS.ProcessEnv): Surroundings {
  const clock = createSystemClock();
  return {
    clock,
    random: createSystemRandom(),
    ids: createSystemIds(clock),
    host: createHost(),
    env,
    meter: createRequestMeter(),
    closers: [],
  };
}

/** Opens the drivers behind these URLs, in any mixture. Nothing is created, and no service asked, before the first use. */
export async function openDrivers(surroundings: Surroundings, urls: StateUrls): Promise<Drivers> {
  const [store, state, queue] = await Promise.all([
    openStore(urls.store, surroundings),
    openState(urls.state, surroundings),
    openQueue(urls.queue, surroundings),
  ]);
  return assembleDrivers(surroundings, urls, { ...store, state, queue });
}

/** Drivers out of backends that are open already. */
export function assembleDrivers(
  { clock, random, ids, host, env, meter, closers }: Surroundings,
  urls: StateUrls,
  backends: Pick<Drivers, 'store' | 'state' | 'queue' | 'removeHalfWritten'>,
): Drivers {
  const surroundings = { clock, random, ids, host, env, meter, closers };
  const reads = once(async () => {
    const { createLimitedReads } = await import('./limited-reads.ts');
    return createLimitedReads(surroundings, backends);
  });
  const opened = new Map<BackendUrls['scheduler'], Promise<BatchSystem>>();
  return {
    ...surroundings,
    ...backends,
    urls,
    limitedReads: reads,
    async forgetLocal(handles) {
      await (await openLocal(surroundings, urls)).prune(handles);
    },
    async scratch() {
      const { createScratch } = await import('../backends/scratch.ts');
      return createScratch({ env, ids, host });
    },
    async spills() {
      const { createSharedSpillPlace, createLocalSpillPlace } = await import('../backends/spill/places.ts');
      const { createFsObjectStore } = await import('../backends/object-store/fs.ts');
      const open = (root: string): ObjectStore => createFsObjectStore({ root, ids });
      return {
        shared: createSharedSpillPlace(urls.home, open),
        local: createLocalSpillPlace({ env, open, uid: ownUid() }),
      };
    },
    batch(scheduler) {
      const known = opened.get(scheduler) ?? openBatchSystem(surroundings, urls, scheduler);
      opened.set(scheduler, known);
      return known;
    },
  };
}

async function openBatchSystem(
  surroundings: Surroundings,
  urls: StateUrls,
  scheduler: BackendUrls['scheduler'],
): Promise<BatchSystem> {
  if (scheduler === 'local') return openLocal(surroundings, urls);
  const { clock, env } = surroundings;
  const { createSlurmBatchSystem } = await import('../backends/batch-system/slurm/index.ts');
  const { openQueueView } = await import('./open-queue-view.ts');
  const view = openQueueView(surroundings);
  return {
    ...createSlurmBatchSystem({ env, clock, template: await scriptTemplate() }),
    // The one question that is worth sharing with all processes of the user: it is about all of their jobs.
    queued: async () => [...(await view.queued())],
  };
}

const scriptTemplate = (): Promise<string> => readFile(packageFile('templates/sbatch/worker.sh'), 'utf8');

async function openLocal(surroundings: Surroundings, urls: StateUrls): Promise<LocalBatchSystem> {
  const { clock, ids, host, env } = surroundings;
  const { createLocalBatchSystem } = await import('../backends/batch-system/local/index.ts');
  const slots = Number(env['SLURMCTL_LOCAL_SLOTS']);
  return createLocalBatchSystem({
    root: join(urls.home, 'local'),
    ...(Number.isInteger(slots) && slots > 0 ? { slots } : {}),
    clock,
    ids,
    host,
    env,
    template: await scriptTemplate(),
  });
}

/** Directory for the raw output of a job's elements. */
export const elementLogDir = (home: string, job: string): string => join(home, 'elements', job);

/**
 * The same, made when missing; finalisers have a place of their own inside, because their output is not the job's.
 * @throws STATE_FULL, STATE_DENIED, STATE_UNAVAILABLE
 */
export async function makeElementLogDir(home: string, job: string, kind: 'array' | 'finaliser'): Promise<string> {
  const elements = elementLogDir(home, job);
  const directory = kind === 'array' ? elements : join(elements, 'advance');
  await onState(directory, mkdir(directory, { recursive: true, mode: 0o700 }));
  return directory;
}
