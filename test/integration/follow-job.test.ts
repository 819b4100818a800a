import { describe, expect, it } from 'vitest';
import { followJob } from '../../src/app/follow-job.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { BatchSystem } from '../../src/ports/batch-system.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { openSpillPlaces } from '../support/spill-places.ts';
import { withTempDir } from '../support/temp-dir.ts';

const MINUTE = 60_000;

/** A job whose elements run, and whoever follows it. */
async function running(root: string, kind: BatchSystem['kind']) {
  const rig = createRig(root);
  const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
  for (const { request, handle } of rig.batch.accepted)
    if (request.array !== undefined) rig.batch.run(handle.id, request.array.count);
  const process = rig.process();
  const asked: number[] = [];
  const batch: BatchSystem = {
    ...rig.batch,
    kind,
    states: (handles) => {
      asked.push(rig.clock.monotonicMs());
      return rig.batch.states(handles);
    },
  };
  const deps = { ...process, batch };
  const drivers = { ...deps, spills: async () => openSpillPlaces(root, deps.ids) } as unknown as Drivers;
  const finish = async (): Promise<void> => {
    await rig.work(job);
    rig.batch.endAll();
  };
  return { rig, job, asked, deps, drivers, finish };
}

/** A promise, and who ends it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('following a job', () => {
  it('asks Slurm every two minutes at most while items finish, and at once when all tasks have', () =>
    withTempDir(async (root) => {
      const { rig, job, asked, deps, drivers, finish } = await running(root, 'slurm');
      const owner = `${rig.batch.accepted[0]?.handle.id}_0.0`;
      const beginMs = rig.clock.monotonicMs();
      const endMs = beginMs + 10 * MINUTE;
      let looks = 0;
      let writing: Promise<unknown> = Promise.resolve();
      let finishedMs = 0;
      const progress = async (): Promise<void> => {
        if (rig.clock.monotonicMs() < endMs)
          await deps.state.write(
            taskKey(job, taskIdOf(0), 1),
            { set: { state: 'RUNNING', owner, progress: looks % 5, heartbeatMs: rig.clock.nowMs() } },
            { op: 'item-present' },
          );
        else if (finishedMs === 0) {
          finishedMs = rig.clock.monotonicMs();
          await deps.state.write(taskKey(job, taskIdOf(0), 1), { set: { state: 'PENDING' } }, { op: 'item-present' });
          await finish();
        }
      };
      const slow = { ...rig.clock, sleep: async (ms: number) => (await writing, rig.clock.sleep(ms)) };
      const status = await followJob(
        drivers,
        { ...deps, clock: slow },
        {
          job,
          onStatus: () => {
            looks += 1;
            writing = progress();
          },
        },
      );
      expect(status.job.state).toBe('COMPLETED');
      expect(looks).toBeGreaterThan(250);
      expect(asked.length).toBeLessThan(17);
      // One rest for the look that sees it; the pass is then due at once.
      expect(rig.clock.monotonicMs() - finishedMs).toBeLessThanOrEqual(2_000);
    }));

  it('goes on while somebody is told and a page is made, one after the other, and ends when both are done', () =>
    withTempDir(async (root) => {
      const { job, deps, drivers, finish } = await running(root, 'local');
      const { opened, open } = gate();
      const order: string[] = [];
      let looks = 0;
      let atWork = 0;
      const work = async (name: string): Promise<void> => {
        expect((atWork += 1)).toBe(1);
        await opened;
        await deps.state.query('JOBS')[Symbol.asyncIterator]().next();
        order.push(name);
        atWork -= 1;
      };
      let finishing: Promise<void> = Promise.resolve();
      const sleep: typeof deps.clock.sleep = async (ms, signal) => (await finishing, deps.clock.sleep(ms, signal));
      const status = await followJob(
        drivers,
        { ...deps, clock: { ...deps.clock, sleep } },
        {
          job,
          onStatus: ({ job: { state } }) => {
            looks += 1;
            if (looks === 3) finishing = finish();
            if (state === 'COMPLETED') open();
          },
          onPassed: () => work('told'),
          afterPass: ({ meta }) => work(`page of ${meta.state}`),
        },
      );
      expect(status.job.state).toBe('COMPLETED');
      expect(order).toEqual(['told', 'page of RUNNING', 'told', 'page of COMPLETED']);
    }));

  it('that is interrupted waits for nobody who is being told', () =>
    withTempDir(async (root) => {
      const { job, deps, drivers } = await running(root, 'local');
      const stop = new AbortController();
      const following = followJob(drivers, deps, {
        job,
        signal: stop.signal,
        onStatus: () => stop.abort(new Error('Ctrl-C')),
        onPassed: () => new Promise<void>(() => undefined),
      });
      await expect(following).rejects.toThrow('Ctrl-C');
    }));
});
