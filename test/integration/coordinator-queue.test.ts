import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { knownJobs } from '../../src/app/find-job.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { tickAll } from '../../src/app/tick-all.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** A coordinator whose queue fails like this; what was asked of it and what was logged is kept. */
function withUnwellQueue(rig: Rig, failure: Error) {
  const deps = rig.process();
  const asked: string[] = [];
  const warnings: string[] = [];
  const refuse = async (verb: string): Promise<never> => {
    asked.push(verb);
    throw failure;
  };
  const verbs = ['send', 'receive', 'ack', 'purge'] as const;
  const refusing = Object.fromEntries(verbs.map((verb) => [verb, () => refuse(verb)]));
  const queue = { ...deps.queue, ...refusing } as CoordinatorDeps['queue'];
  const log = { ...deps.log, warn: (message: string) => void warnings.push(message) };
  return { deps: { ...deps, queue, log } satisfies CoordinatorDeps, asked, warnings };
}

const DOWN = new AppError('QUEUE_UNAVAILABLE', { message: 'sqs://hints: no connection' });
const pass = (job: JobId) => ({ job, waitLeaseMs: 0, patienceMs: 0 });

describe('a queue that is unwell', () => {
  it('keeps no job from ending, and its trouble is logged', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { deps, asked, warnings } = withUnwellQueue(rig, DOWN);
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await rig.work(job);
      rig.batch.endAll();
      expect((await advanceJob(deps, pass(job))).meta.state).toBe('COMPLETED');
      expect(asked).toEqual(['purge']);
      expect(warnings).toEqual(['retry hints of an ended job not removed']);
      expect((await knownJobs(deps.state)).map(({ live }) => live)).toEqual([false]);
    }));

  it('keeps no job from being cancelled', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { deps, warnings } = withUnwellQueue(rig, DOWN);
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      expect(await cancelJob(deps, job, 'enough')).toMatchObject({ meta: { state: 'CANCELLED' }, tasks: 4 });
      expect(warnings).toEqual(['retry hints of an ended job not removed']);
      expect((await knownJobs(deps.state)).map(({ live }) => live)).toEqual([false]);
    }));

  it('is waited for once a pass, however many tasks are to be retried', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { deps, asked, warnings } = withUnwellQueue(rig, DOWN);
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await rig.work(job, () => true);
      rig.batch.endAll();
      await advanceJob(deps, pass(job));
      expect((await rig.tasks(job)).map(({ state }) => state)).toEqual(['WAIT', 'WAIT', 'WAIT', 'WAIT']);
      expect(asked).toEqual(['send']);
      expect(warnings).toEqual(['retry hints not queued']);
    }));

  it('keeps tick from no job, and is named', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { deps } = withUnwellQueue(rig, DOWN);
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await rig.work(job);
      rig.batch.endAll();
      const ticked = await tickAll(deps as unknown as Drivers, async () => deps);
      expect(ticked.jobs).toMatchObject([{ jobId: job, state: 'COMPLETED', error: null }]);
      const note = 'the retry queue was left out: sqs://hints: no connection [QUEUE_UNAVAILABLE]';
      expect(ticked.notes).toEqual([note, note]);
    }));

  it('that has a mistake of ours is not taken for one that is unwell', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { deps } = withUnwellQueue(rig, new TypeError('a bug'));
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await expect(cancelJob(deps, job, 'enough')).rejects.toThrow('a bug');
    }));
});
