import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { LEASE_MS } from '../../src/coordinator/lease.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { StateKey } from '../../src/domain/state-keys.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createFreezer, type SeenCall } from '../support/freezer.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 0, patienceMs: 0 });

type Start = (root: string) => Promise<{ readonly rig: Rig; readonly job: JobId }>;

async function submitted(root: string) {
  const rig = createRig(root, { items: 2, batchItems: 1 });
  const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
  return { rig, job };
}
const finished: Start = async (root) => {
  const { rig, job } = await submitted(root);
  await rig.work(job);
  rig.batch.endAll();
  return { rig, job };
};
const failed: Start = async (root) => {
  const { rig, job } = await submitted(root);
  await rig.work(job, ({ id }) => id !== '000000');
  rig.batch.endAll({ cause: 'node-fail' });
  return { rig, job };
};
const due: Start = async (root) => {
  const { rig, job } = await failed(root);
  await advanceJob(rig.process(), pass(job));
  rig.clock.skip(15 * 60_000);
  return { rig, job };
};

/** Everything that a stale pass could spoil. */
async function lookAt(rig: Rig, job: JobId) {
  const { state } = rig.process();
  return {
    meta: await readMeta(state, job),
    tasks: await rig.tasks(job),
    // A row that was never sent is a note of something that did not happen.
    rows: (await readSubmissions(state, job)).filter(({ sentMs }) => sentMs !== undefined),
    aggregated: rig.aggregated.length,
  };
}

const liveSubmissions = ({ batch }: Rig): number => batch.accepted.length - batch.cancelled.size;

/** Drives the job to its end with new processes. */
async function finish(rig: Rig, job: JobId): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    rig.clock.skip(2 * LEASE_MS);
    const { meta } = await advanceJob(rig.process(), { ...pass(job), waitLeaseMs: 2 * LEASE_MS });
    if (meta.state === 'COMPLETED') return;
    await rig.work(job);
    rig.batch.endAll();
  }
  throw new Error('the job does not come to its end');
}

const isOfTheJob = ({ method, args }: SeenCall): boolean => method === 'write' && (args[0] as StateKey).sort !== 'LOCK';

describe('an advance that is stopped in front of any of its writes and whose lease is stolen', () => {
  it.each<[string, Start, number]>([
    ['are all done', finished, 3],
    ['have failed with the cluster', failed, 2],
    ['are to be retried', due, 3],
  ])('changes nothing any more after others have brought the job to its end; its tasks %s', (_name, start, least) =>
    withTempDir(async (root) => {
      let stopped = 0;
      for (let nth = 1; ; nth += 1) {
        const { rig, job } = await start(`${root}/${nth}`);
        let writes = 0;
        const freezer = createFreezer((call) => {
          if (isOfTheJob(call)) writes += 1;
          return writes === nth;
        });
        const stale = rig.process();
        const running = advanceJob({ ...stale, state: freezer.wrap(stale.state) }, pass(job)).catch(
          (error: unknown) => error,
        );
        const isStopped = await Promise.race([freezer.frozen.then(() => true), running.then(() => false)]);
        if (!isStopped) break;
        stopped += 1;
        await finish(rig, job);
        const before = await lookAt(rig, job);
        const accepted = liveSubmissions(rig);
        expect(before).toMatchObject({ meta: { state: 'COMPLETED' } });
        freezer.thaw();
        const end = await running;
        if (end instanceof Error) expect(isAppError(end), String(end)).toBe(true);
        expect(await lookAt(rig, job)).toEqual(before);
        // It may have found out only by its own record that it came second, and cancels what it sent.
        expect(liveSubmissions(rig)).toBeLessThanOrEqual(accepted);
      }
      expect(stopped).toBeGreaterThanOrEqual(least);
    }),
  );
});
