import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { App } from '../../src/app/api.ts';
import { createApp } from '../../src/app/create-app.ts';
import { createSurroundings, openDrivers, type Drivers } from '../../src/app/job-backends.ts';
import { acquireLease, advanceLeaseName } from '../../src/coordinator/lease.ts';
import { asJobId } from '../../src/domain/ids.ts';
import { jobIndexKey } from '../../src/domain/state-keys.ts';
import { withTempDir } from '../support/temp-dir.ts';

const JOB = asJobId('dead-22222222');

/** A home in which a submit died after it wrote the index and before it stored its request. */
const withStillborn = (fn: (app: App, drivers: Drivers) => Promise<void>): Promise<void> =>
  withTempDir(async (home) => {
    const url = (name: string): string => new URL(`file://${join(home, name)}`).href;
    const urls = { home, store: url('objects'), state: url('state'), queue: url('queue') };
    const drivers = await openDrivers(createSurroundings({}), urls);
    const item = { name: 'dead', createdMs: drivers.clock.nowMs(), live: true };
    await drivers.state.createMany([{ key: jobIndexKey(JOB), item }]);
    await fn(await createApp({ flags: { home, scheduler: 'local' }, env: {}, cwd: home }), drivers);
  });

const REMOVED = {
  code: 'JOB_NOT_FOUND',
  exitCode: 4,
  message: expect.stringContaining('what was left of it has been removed') as string,
};

describe('a submit that died before its request was stored', () => {
  it('is explained by list', () =>
    withStillborn(async (app) => {
      const { jobs } = await app.list({ all: false });
      expect(jobs).toMatchObject([{ id: JOB, state: 'SUBMITTING', reason: expect.stringContaining(`advance ${JOB}`) }]);
    }));

  it.each(['advance', 'cancel'] as const)('is cleared away by %s', (verb) =>
    withStillborn(async (app) => {
      await expect(verb === 'advance' ? app.advance({ job: JOB }) : app.cancel({ job: JOB })).rejects.toMatchObject(
        REMOVED,
      );
      expect((await app.list({ all: true })).jobs).toEqual([]);
    }),
  );

  it('is cleared away by tick, which is no failure', () =>
    withStillborn(async (app) => {
      const { jobs } = await app.tick();
      expect(jobs).toMatchObject([{ jobId: JOB, error: null, steps: [expect.stringContaining('has been removed')] }]);
      expect((await app.tick()).jobs).toEqual([]);
    }));

  it('is left alone while it lives', () =>
    withStillborn(async (app, drivers) => {
      const lease = await acquireLease(drivers, { name: advanceLeaseName(JOB), waitMs: 0 });
      await expect(app.advance({ job: JOB })).rejects.toMatchObject({
        code: 'JOB_NOT_FOUND',
        hint: expect.stringContaining('Try again in a minute') as string,
      });
      expect((await app.list({ all: true })).jobs).toHaveLength(1);
      await lease.release();
    }));
});
