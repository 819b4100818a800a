/** A person who pauses jobs and resumes them some time later, until it worked. */
import { pauseJob } from '../../src/coordinator/pause.ts';
import { resumeJob } from '../../src/coordinator/resume.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import type { Chance } from './core/chance.ts';
import type { SimProcess } from './core/processes.ts';
import type { VirtualTime } from './core/virtual-time.ts';

export type PauseIncident = {
  readonly atMs: number;
  readonly kind: 'pause-job';
  readonly now: boolean;
  readonly forMs: number;
};

const MINUTE = 60_000;

/** In one plan of three, up to four pauses, most of them in the first minutes. */
export function drawPauses(chance: Chance, untilMs: number): PauseIncident[] {
  if (!chance.one(0.33)) return [];
  return Array.from({ length: chance.whole(1, 4) }, () => ({
    atMs: chance.next() * chance.pick([MINUTE, 2 * MINUTE, 5 * MINUTE, untilMs]),
    kind: 'pause-job' as const,
    now: chance.one(0.4),
    forMs: chance.pick([chance.between(100, 5_000), chance.between(5_000, 120_000), chance.between(120_000, 900_000)]),
  }));
}

/** A job that has ended meanwhile, or merges, is no reason to complain. */
const unlessOver = async (act: () => Promise<unknown>): Promise<number> => {
  try {
    await act();
    return 0;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return 1;
  }
};

export const runPause = (deps: CoordinatorDeps, job: JobId, now: boolean): Promise<number> =>
  unlessOver(() => pauseJob(deps, job, { now }));

export const runResume = (deps: CoordinatorDeps, job: JobId): Promise<number> =>
  unlessOver(() => resumeJob(deps, { job, waitLeaseMs: MINUTE, patienceMs: MINUTE }));

/** Pauses, and after `forMs` resumes for as long as the job is paused. */
export function pauseForAWhile(
  people: {
    readonly time: VirtualTime;
    readonly metaOf: (job: JobId) => JobMeta | null;
    readonly spawn: (kind: 'pause' | 'pause-now' | 'resume', job: JobId) => SimProcess;
  },
  job: JobId,
  { now, forMs }: PauseIncident,
): void {
  const { time, metaOf, spawn } = people;
  const resume = (): void => {
    if (metaOf(job)?.state !== 'PAUSED') return;
    spawn('resume', job).onEnd.push(() => time.after(MINUTE, true, resume));
  };
  // A pause may come late, or be applied after its process has died.
  spawn(now ? 'pause-now' : 'pause', job).onEnd.push(() => {
    time.after(forMs, true, resume);
    time.after(forMs + 10 * MINUTE, true, resume);
  });
}
