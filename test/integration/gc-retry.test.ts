import { expect, it } from 'vitest';
import { collectGarbage } from '../../src/app/collect-garbage.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { acquireLease, advanceLeaseName } from '../../src/coordinator/lease.ts';
import { redoJob } from '../../src/coordinator/redo.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { asAttemptId, taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { partKey } from '../../src/domain/keys.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const LOSER = asAttemptId('9_9.0');

/** A job that has ended, with the part of an attempt that lost; `whileListing` happens between gc's looking and removing. */
async function endedJob(root: string, whileListing: (rig: Rig, job: JobId) => Promise<void>) {
  const rig = createRig(root);
  const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
  await rig.work(job);
  rig.batch.endAll();
  await advanceJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0 });
  const deps = rig.process();
  const key = partKey(job, taskIdOf(0), LOSER);
  await deps.store.put(key, 'lost');
  let happened = false;
  const store: Drivers['store'] = {
    ...deps.store,
    async *list(prefix) {
      yield* deps.store.list(prefix);
      if (happened) return;
      happened = true;
      await whileListing(rig, job);
    },
  };
  const local = { removeHalfWritten: async () => 0, forgetLocal: async () => undefined };
  const drivers = { ...deps, ...local, store, urls: rig.wanted.backends } as unknown as Drivers;
  const gc = (purge: boolean, named = false) =>
    collectGarbage(drivers, { dryRun: false, olderThanMs: 0, purge, ...(named ? { job } : {}) });
  return { gc, isThere: async () => (await deps.store.head(key)) !== null };
}

/** All of task 0 runs again: by now the attempt that gc takes for a loser could be its winner. */
async function retryTask0(rig: Rig, job: JobId): Promise<void> {
  const [task] = await rig.tasks(job);
  if (task?.win === undefined) throw new Error('task 0 has no winner');
  const { state, generation, attempts, win } = task;
  const seen = { state, generation, attempts, winner: win.attempt };
  const tasks = [{ task: task.id, seen, items: '0-4', carried: 0, base: null, needs: null }];
  const choose = async () => ({ tasks, carriedItems: 15, text: 'again' });
  await redoJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0, choose });
}

it('gc removes what lost, but nothing of a job that was opened again while it looked', () =>
  withTempDir(async (root) => {
    const quiet = await endedJob(`${root}/quiet`, async () => undefined);
    expect((await quiet.gc(false)).removed).toMatchObject([{ objects: 1 }]);
    expect(await quiet.isThere()).toBe(false);
    for (const purge of [false, true]) {
      const busy = await endedJob(`${root}/${purge}`, retryTask0);
      expect((await busy.gc(purge)).removed).toEqual([]);
      expect(await busy.isThere()).toBe(true);
    }
  }));

it('gc leaves a job alone that somebody advances or opens this moment', () =>
  withTempDir(async (root) => {
    const { gc, isThere } = await endedJob(root, async (rig, job) => {
      await acquireLease(rig.process(), { name: advanceLeaseName(job), waitMs: 0 });
    });
    expect((await gc(false)).removed).toEqual([]);
    await expect(gc(true, true)).rejects.toMatchObject({ code: 'LEASE_HELD' });
    expect(await isThere()).toBe(true);
  }));
