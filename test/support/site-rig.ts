import type { Drivers } from '../../src/app/job-backends.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { taskIdOf, type JobId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { TaskWaiting } from '../../src/domain/task-item.ts';
import { createRig, type Rig } from './coordinator-rig.ts';
import { withTempDir } from './temp-dir.ts';

/** How much the table's clock is ahead of the host's. */
export const AHEAD_MS = 3_600_000;

export interface Site {
  readonly rig: Rig;
  readonly deps: CoordinatorDeps;
  /** As commands have them. */
  readonly drivers: Drivers;
  /** Epoch ms of the table. */
  readonly tableMs: () => number;
}

/** A site on files with a job of four tasks, whose table has a clock of its own. */
export const withSite = (spec: Partial<JobSpec>, work: (site: Site) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 4, batchItems: 1, spec });
    const deps = rig.process();
    const tableMs = (): number => rig.clock.nowMs() + AHEAD_MS;
    const sharedTime = { now: () => ({ nowMs: tableMs(), errorMs: 1 }), sharpen: async () => undefined };
    const urls = rig.wanted.backends;
    const drivers = { ...deps, urls, state: { ...deps.state, sharedTime } } as unknown as Drivers;
    await work({ rig, deps, drivers, tableMs });
  });

/** Lets the tasks of a job run and wait, the first for the first, and so on. */
export async function runWaiting(
  { state }: CoordinatorDeps,
  { job, shards }: { readonly job: JobId; readonly shards: number },
  waits: readonly TaskWaiting[],
): Promise<void> {
  for (const [number, waiting] of waits.entries()) {
    const set = { state: 'RUNNING', waiting };
    await state.write(taskKey(job, taskIdOf(number), shards), { set }, { op: 'item-present' });
  }
}
