import { describe, expect, it } from 'vitest';
import { explainAttempts } from '../../src/app/explain-attempts.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { readMeta, requireMeta } from '../../src/coordinator/job-meta.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const OPTIONS = { patienceMs: 0 };
const BAD = taskIdOf(2);

/** An aggregator that finds the result of one task corrupt, `times` times. */
function finding(rig: Rig, times: number): CoordinatorDeps {
  const deps = rig.process();
  let left = times;
  return {
    ...deps,
    async aggregate(request) {
      if (left === 0) return deps.aggregate(request);
      left -= 1;
      throw new AppError('RESULT_CORRUPT', {
        message: `task ${BAD}: part.parquet: found other bytes`,
        details: { task: BAD },
      });
    },
  };
}

describe('a committed result that is found corrupt', () => {
  it('is opened again and sent out by the same pass, while the other tasks stay as they are', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const deps = finding(rig, 1);
      const pass = (job: Awaited<ReturnType<typeof submitJob>>['job']) => ({ job, waitLeaseMs: 0, patienceMs: 0 });
      const { job } = await submitJob(deps, rig.wanted, OPTIONS);
      await rig.work(job);
      rig.batch.endAll();
      const sent = rig.batch.accepted.length;
      const healing = await advanceJob(deps, pass(job));
      expect(healing.meta.state).toBe('RUNNING');
      expect(healing.steps[0]).toBe(`task ${BAD}: its committed result is corrupt, it runs again`);
      expect(rig.batch.accepted.length).toBeGreaterThan(sent);
      const reopened = (await rig.tasks(job)).filter((task) => task.state === 'PENDING');
      expect(reopened.map(({ id, generation }) => ({ id, generation }))).toEqual([{ id: BAD, generation: 1 }]);
      await rig.work(job);
      rig.batch.endAll();
      expect((await advanceJob(deps, pass(job))).meta.state).toBe('COMPLETED');
      const item = (await rig.tasks(job)).find(({ id }) => id === BAD) as TaskItem;
      expect(item).toMatchObject({ attempts: 2, attemptsBefore: 1 });
      const meta = await requireMeta(deps.state, job);
      expect(await explainAttempts(deps, job, { id: BAD, item, meta })).toMatchObject([
        { number: 1, generation: 0, end: 'corrupt', detail: `task ${BAD}: part.parquet: found other bytes` },
        { number: 2, generation: 1, end: 'committed' },
      ]);
    }));

  it('time after time is the fault of the storage: advance says so, nothing is published, cancel ends the job', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const deps = finding(rig, Number.POSITIVE_INFINITY);
      const { job } = await submitJob(deps, rig.wanted, OPTIONS);
      let passes = 0;
      const untilRefused = async (): Promise<void> => {
        for (; passes < 20; passes += 1) {
          await rig.work(job);
          rig.batch.endAll();
          await advanceJob(deps, { job, waitLeaseMs: 0, patienceMs: 0 });
        }
      };
      await expect(untilRefused()).rejects.toMatchObject({ code: 'RESULT_CORRUPT' });
      expect(passes).toBe(3);
      expect(rig.aggregated).toEqual([]);
      expect(await readMeta(deps.state, job)).toMatchObject({
        state: 'AGGREGATING',
        waitingFor: `aggregation failed: task ${BAD}: part.parquet: found other bytes`,
      });
      expect((await cancelJob(deps, job, 'enough')).meta.state).toBe('CANCELLED');
    }));
});
