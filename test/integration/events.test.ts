import { describe, expect, it } from 'vitest';
import { readLifecycle } from '../../src/app/read-events.ts';
import type { LifecycleEventDocument } from '../../src/app/lifecycle-documents.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { pauseJob } from '../../src/coordinator/pause.ts';
import { resumeJob } from '../../src/coordinator/resume.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });
const advance = (rig: Rig, job: JobId) => advanceJob(rig.process(), pass(job));

/** Each sleep of whoever follows is one more step of the job. */
function steppingClock(rig: Rig, steps: (() => Promise<unknown>)[]): Clock {
  return {
    ...rig.clock,
    async sleep(ms, signal) {
      await rig.clock.sleep(ms, signal);
      const step = steps.shift();
      if (step === undefined) throw new Error('followed beyond the end');
      await step();
    },
  };
}

async function collect(events: AsyncIterable<LifecycleEventDocument>): Promise<LifecycleEventDocument[]> {
  const found: LifecycleEventDocument[] = [];
  for await (const event of events) found.push(event);
  return found;
}

/** A job whose first wave loses a task to a node, that is paused and resumed, and ends well. */
function storyOf(rig: Rig, job: JobId): (() => Promise<unknown>)[] {
  return [
    () => rig.work(job, (task) => task.id === '000001'),
    async () => {
      rig.batch.endAll({ cause: 'node-fail', rawState: 'NODE_FAIL', node: 'n3' });
      await advance(rig, job);
    },
    () => pauseJob(rig.process(), job, { now: false, reason: 'lunch' }),
    () => resumeJob(rig.process(), pass(job)),
    async () => {
      rig.clock.skip(3_600_000);
      await advance(rig, job);
    },
    () => rig.work(job),
    async () => {
      rig.batch.endAll();
      await advance(rig, job);
    },
  ];
}

describe('events', () => {
  it('of a job that is followed come once each, and are those that are read afterwards', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
      const { state } = rig.process();
      const clock = steppingClock(rig, storyOf(rig, job));
      const followed = await collect(readLifecycle({ state, clock }, { job, follow: true }));
      const kinds = followed.map(({ kind }) => kind);
      expect(kinds[0]).toBe('submitted');
      expect(kinds).toEqual(
        expect.arrayContaining([
          'array-submitted',
          'task-retrying',
          'paused',
          'resumed',
          'task-completed',
          'published',
        ]),
      );
      expect(kinds.slice(-2)).toEqual(['published', 'completed']);
      expect(kinds.filter((kind) => kind === 'task-completed')).toHaveLength(4);
      expect(new Set(followed.map(({ id }) => id)).size).toBe(followed.length);
      const after = await collect(readLifecycle({ state, clock: rig.clock }, { job, follow: false }));
      expect(after.map(({ at }) => at)).toEqual(after.map(({ at }) => at).toSorted());
      const lasting = followed.filter(({ kind }) => kind !== 'waiting').map(({ id }) => id);
      expect(after.map(({ id }) => id).toSorted()).toEqual(lasting.toSorted());
      expect(after.find(({ kind }) => kind === 'task-retrying')).toMatchObject({
        task: '000001',
        cause: 'node-fail',
        decision: 'retry',
        exact: true,
      });
      expect(after.find(({ kind }) => kind === 'paused')).toMatchObject({ text: expect.stringContaining('lunch') });
    }));

  it('before a time are left out of the first look alone', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
      rig.clock.skip(60_000);
      const sinceMs = rig.clock.nowMs();
      const clock = steppingClock(rig, storyOf(rig, job));
      const found = await collect(readLifecycle({ state: rig.process().state, clock }, { job, follow: true, sinceMs }));
      const kinds = found.map(({ kind }) => kind);
      expect(kinds).not.toContain('submitted');
      expect(kinds).toEqual(expect.arrayContaining(['task-retrying', 'completed']));
    }));
});
