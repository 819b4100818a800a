import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { eventually } from '../support/live-processes.ts';
import { withTempDir } from '../support/temp-dir.ts';

const HOUR_MS = 3_600_000;

async function merging(root: string) {
  const rig = createRig(root);
  const deps = rig.process();
  const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
  await rig.work(job);
  rig.batch.endAll();
  const advance = (by: CoordinatorDeps) => advanceJob(by, { job, waitLeaseMs: 0, patienceMs: 0 });
  return { rig, deps, job, advance };
}

describe('a merge whose store is limited', () => {
  it('is begun anew by itself when the quota goes on that it has used up', () =>
    withTempDir(async (root) => {
      const { rig, deps, job, advance } = await merging(root);
      const untilMs = rig.clock.nowMs() + 5 * HOUR_MS;
      const message = 'limit store: daily 30 requests used up; goes on at 2023-11-15 00:00 UTC';
      const spent = new AppError('LIMIT_SPENT', { message, details: { limit: 'store', untilMs } });
      const passed = await advance({ ...deps, aggregate: async () => Promise.reject(spent) });
      expect(passed.meta).toMatchObject({ state: 'AGGREGATING', waitingFor: `aggregation failed: ${message}` });
      expect(passed.steps).toContain(`not merged yet: ${message}`);
      const finaliser = rig.batch.accepted.at(-1)?.request;
      expect(finaliser?.array).toBeUndefined();
      expect((finaliser?.beginAfterSec ?? 0) * 1_000).toBeGreaterThan(4.9 * HOUR_MS);
      expect(passed.nextDueMs).toBeLessThanOrEqual(5 * HOUR_MS);
      rig.clock.skip(5 * HOUR_MS);
      expect((await advance(deps)).meta.state).toBe('COMPLETED');
      expect((await readMeta(deps.state, job))?.waitingFor).toBeUndefined();
    }));

  it('says what it waits for while it does, and nothing of it when it has ended', () =>
    withTempDir(async (root) => {
      const { deps, job, advance } = await merging(root);
      const waiting: CoordinatorDeps = {
        ...deps,
        async aggregate(request) {
          request.onWait('8 reads wait for limit store');
          await eventually(
            'the wait is told',
            async () => (await readMeta(deps.state, job))?.waitingFor === '8 reads wait for limit store',
          );
          request.onWait(null);
          request.onWait('2 reads wait for limit store');
          return deps.aggregate(request);
        },
      };
      expect((await advance(waiting)).meta.state).toBe('COMPLETED');
      expect((await readMeta(deps.state, job))?.waitingFor).toBeUndefined();
    }));
});
