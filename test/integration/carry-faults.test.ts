import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Side } from '../../src/carrier/needs.ts';
import { batchKey, finalKey, outputResultsKey, partKey, segmentKey } from '../../src/domain/keys.ts';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { AppError, isAppError } from '../../src/errors/app-error.ts';
import { carryJob } from '../../src/carrier/carry-job.ts';
import { hostileObjectStore, hostileStateTable, type HostileRates } from '../support/hostile.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { carrierOf, carry, contentOf, createSides, createSpoolJob, untruths } from '../support/spool-job.ts';
import { withTempDir } from '../support/temp-dir.ts';

const attempt = (task: number) => asAttemptId(`77_${task}.0`);

function hostile(side: Side, seed: number, rates: HostileRates): Side {
  const options = { random: createSeededRandom(seed), rates };
  return { store: hostileObjectStore(side.store, options), state: hostileStateTable(side.state, options) };
}

/** Carries until a carry comes to its end. */
async function insist(run: () => Promise<unknown>, after: () => Promise<void>): Promise<number> {
  for (let failures = 0; failures < 400; failures += 1) {
    try {
      await run();
      return failures;
    } catch (error) {
      if (!isAppError(error)) throw error;
      await after();
    }
  }
  throw new Error('no carry came to its end');
}

describe('services that refuse and lose answers', () => {
  it('delay a carry and never make its picture untrue', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      let failures = 0;
      for (let seed = 1; seed <= 12; seed += 1) {
        const { spool, far } = createSides(join(root, String(seed)));
        const job = await createSpoolJob(spool, { tasks: 6 });
        const bad = hostile(far, seed, { throttle: 0.03, loseAnswer: 0.06, delay: 0.1 });
        const check = async () => expect(await untruths(far, job), `seed ${seed}`).toEqual([]);
        failures += await insist(() => carry(spool, bad, job.job), check);
        for (let task = 0; task < 6; task += 1) await (task === 4 ? job.giveUp(task) : job.commit(task));
        await job.complete('g0-a');
        failures += await insist(() => carry(spool, bad, job.job), check);
        expect(await contentOf(far, job)).toEqual(await contentOf(spool, job));
      }
      expect(failures).toBeGreaterThan(20);
    }),
  );

  it('may be carried to by many at once, without a lease', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      for (let seed = 1; seed <= 15; seed += 1) {
        const { spool, far } = createSides(join(root, String(seed)));
        const job = await createSpoolJob(spool, { tasks: 6 });
        const racing = [1, 2, 3].map((carrier) => {
          const bad = hostile(far, seed * 10 + carrier, { loseAnswer: 0.05, delay: 0.5 });
          return insist(
            () => carry(spool, bad, job.job),
            async () => undefined,
          );
        });
        for (let task = 0; task < 6; task += 1) await job.commit(task);
        await Promise.all(racing);
        expect(await untruths(far, job), `seed ${seed}`).toEqual([]);
        await carry(spool, far, job.job);
        expect(await contentOf(far, job)).toEqual(await contentOf(spool, job));
      }
    }),
  );
});

describe('what is carried', () => {
  it('is the checkpoint of a task that was given up, and of no other', () =>
    withTempDir(async (root) => {
      const { spool, far } = createSides(root);
      const job = await createSpoolJob(spool);
      for (const task of [0, 1]) {
        await job.claim(task);
        await job.checkpoint(task, 2);
      }
      await carry(spool, far, job.job);
      expect(await far.store.head(segmentKey(job.job, taskIdOf(0), attempt(0), 1))).toBeNull();
      await job.giveUp(1);
      await carry(spool, far, job.job);
      expect(await far.store.head(segmentKey(job.job, taskIdOf(0), attempt(0), 1))).toBeNull();
      expect(await far.store.head(segmentKey(job.job, taskIdOf(1), attempt(1), 2))).not.toBeNull();
      expect(await untruths(far, job)).toEqual([]);
    }));

  it('follows a task that is opened again, and an output that is made anew', () =>
    withTempDir(async (root) => {
      const { spool, far } = createSides(root);
      const job = await createSpoolJob(spool, { tasks: 1 });
      await job.commit(0);
      await job.complete('g0-a');
      expect((await carry(spool, far, job.job)).record).toMatchObject({ complete: true, publications: ['g0-a'] });
      await job.setTask(0, { state: 'PENDING', generation: 1 }, ['win']);
      await carry(spool, far, job.job);
      const reopened = await far.state.get(taskKey(job.job, taskIdOf(0), 1));
      expect(reopened).toMatchObject({ state: 'PENDING', generation: 1 });
      expect(reopened).not.toHaveProperty('win');
      await job.commit(0, 'second output');
      await job.publish('g1-b');
      const { record } = await carry(spool, far, job.job);
      expect(record?.publications).toEqual(['g0-a', 'g1-b']);
      expect(await contentOf(far, job)).toEqual(await contentOf(spool, job));
    }));

  it('keeps a task with a damaged file back, and no other', () =>
    withTempDir(async (root) => {
      const { spool, far } = createSides(root);
      const job = await createSpoolJob(spool);
      await carry(spool, far, job.job);
      for (let task = 0; task < 4; task += 1) await job.commit(task);
      await job.complete('g0-a');
      const part = partKey(job.job, taskIdOf(1), attempt(1));
      writeFileSync(spool.store.localPath(part) as string, 'other bytes');
      rmSync(spool.store.localPath(partKey(job.job, taskIdOf(2), attempt(2))) as string);
      const { record, problems } = await carry(spool, far, job.job);
      expect(record).toMatchObject({ complete: false, tasks: 2, total: 4 });
      expect(problems).toHaveLength(2);
      expect(problems.join()).toContain('task 000001');
      expect((await far.state.get(taskKey(job.job, taskIdOf(1), 1)))?.['state']).toBe('PENDING');
      await spool.store.put(part, 'parquet output of 1');
      await spool.store.put(partKey(job.job, taskIdOf(2), attempt(2)), 'parquet output of 2');
      expect((await carry(spool, far, job.job)).record).toMatchObject({ complete: true, tasks: 4 });
      expect(await contentOf(far, job)).toEqual(await contentOf(spool, job));
    }));

  it('is no output whose files are damaged: the job stays as it was', () =>
    withTempDir(async (root) => {
      const { spool, far } = createSides(root);
      const job = await createSpoolJob(spool, { tasks: 1 });
      await carry(spool, far, job.job);
      await job.commit(0);
      await job.complete('g0-a');
      writeFileSync(spool.store.localPath(outputResultsKey(job.job, 'g0-a')) as string, 'x');
      await expect(carry(spool, far, job.job)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(await far.store.head(finalKey(job.job))).toBeNull();
      expect(await untruths(far, job)).toEqual([]);
    }));

  it('never leaves the files of its own job, whatever a manifest says', () =>
    withTempDir(async (root) => {
      const { spool, far } = createSides(root);
      const job = await createSpoolJob(spool, { tasks: 1 });
      await spool.store.put('jobs/other-00000000/secret', 'not yours');
      const key = 'jobs/test-00000000/tasks/000000.json';
      const text = new TextDecoder().decode((await spool.store.get(key)) as Uint8Array);
      await spool.store.put(key, text.replace(batchKey(job.job, taskIdOf(0)), 'jobs/other-00000000/secret'));
      const { problems } = await carry(spool, far, job.job);
      expect(problems[0]).toContain('names "jobs/other-00000000/secret"');
      expect(await far.store.head('jobs/other-00000000/secret')).toBeNull();
    }));

  it('is nothing once the lease is lost', () =>
    withTempDir(async (root) => {
      const { spool, far } = createSides(root);
      const job = await createSpoolJob(spool, { tasks: 1 });
      const lost = (): never => {
        throw new AppError('LEASE_LOST', { message: 'lost' });
      };
      await expect(carryJob(carrierOf(spool, far, lost), job.job)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await contentOf(far, job)).not.toHaveProperty('index');
      await carry(spool, far, job.job);
      await job.commit(0);
      await job.complete('g0-a');
      await expect(carryJob(carrierOf(spool, far, lost), job.job)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await far.store.head(finalKey(job.job))).toBeNull();
    }));
});
