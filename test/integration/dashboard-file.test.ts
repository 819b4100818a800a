import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDashboard } from '../../src/app/dashboard-document.ts';
import { assembleDrivers, createSurroundings, type Drivers } from '../../src/app/job-backends.ts';
import { hasJustEnded } from '../../src/app/just-ended.ts';
import { createLiveReader } from '../../src/app/serve-dashboard.ts';
import { statusDocument } from '../../src/app/status-document.ts';
import { storeDashboard } from '../../src/app/store-dashboard.ts';
import { writeDashboard } from '../../src/app/write-dashboard.ts';
import { continueCreation, newJobId, recordRequest } from '../../src/coordinator/create-job.ts';
import { acquireLease } from '../../src/coordinator/lease.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { dashboardKey } from '../../src/domain/keys.ts';
import { metaKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let directory: ReturnType<typeof makeTempDir>;
let rig: Rig;
let drivers: Drivers;
let job: JobId;
beforeEach(async () => {
  directory = makeTempDir('dashboard-file');
  rig = createRig(join(directory.path, 'home'), { items: 40 });
  const deps = rig.process();
  job = newJobId(deps, 'picture');
  const lease = await acquireLease(deps, { name: 'picture', waitMs: 0 });
  await recordRequest(deps, job, rig.wanted, lease.fence);
  await continueCreation(deps, lease, { job });
  await lease.release();
  const { store, state, queue, clock } = deps;
  const surroundings = { ...createSurroundings({ ...process.env, SLURMCTL_SCRATCH: directory.path }), clock };
  const urls = { home: directory.path, store: store.rootUrl, state: state.rootUrl, queue: queue.rootUrl };
  drivers = assembleDrivers(surroundings, urls, { store, state, queue, removeHalfWritten: async () => 0 });
});
afterEach(() => directory.remove());

describe('the page of a job', () => {
  it('has the figures of status', async () => {
    await rig.work(job).catch(() => undefined);
    const { items, tasks } = await statusDocument(drivers, job);
    const board = await readDashboard(drivers, job, {});
    expect([board.items, board.tasks]).toEqual([items, tasks]);
    expect(items.total).toBe(40);
    expect(board.heatMap).toMatchObject({ cells: 8 });
    expect(board.versions.map(([label]) => label)).toContain('input, sha-256');
  });

  it('is written in one step, for its owner alone, in the place of what was there', async () => {
    const path = join(directory.path, 'page.html');
    writeFileSync(path, 'old');
    const document = await writeDashboard(drivers, job, { path });
    expect(document).toMatchObject({ jobId: job, path, url: null, bytes: statSync(path).size });
    expect(readFileSync(path, 'utf8')).toMatch(/^<!doctype html>/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory.path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is refused where no file can be', async () => {
    mkdirSync(join(directory.path, 'folder'));
    for (const [name, message] of [
      ['folder', 'is a directory or a device, expected a file'],
      ['missing/page.html', 'is no directory'],
    ] as const)
      await expect(writeDashboard(drivers, job, { path: join(directory.path, name) })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining(message),
      });
    expect(readdirSync(directory.path)).not.toContain('missing');
  });
});

describe('the stored copy', () => {
  it('lies beside the output, where the store is a directory', async () => {
    expect(await storeDashboard(drivers, job, undefined)).toEqual([]);
    const path = drivers.store.localPath(dashboardKey(job)) ?? '';
    expect(readFileSync(path, 'utf8')).toContain('</html>');
  });

  it('is not made where it would cost requests', async () => {
    const far = { ...drivers, store: { ...drivers.store, localPath: () => null } };
    expect(await storeDashboard(far, job, undefined)).toEqual([]);
    expect(existsSync(drivers.store.localPath(dashboardKey(job)) ?? '')).toBe(false);
  });

  it('fails nobody', async () => {
    const full = {
      ...drivers.store,
      put: () => Promise.reject(new AppError('STORE_FULL', { message: 'no space left' })),
    };
    expect(await storeDashboard({ ...drivers, store: full }, job, undefined)).toEqual([
      'its page was not stored: no space left [STORE_FULL]',
    ]);
  });

  it('is of the pass that ended the job', () => {
    expect(hasJustEnded({ state: 'COMPLETED', steps: ['published 40 rows'] })).toBe(true);
    expect(hasJustEnded({ state: 'COMPLETED', steps: [] })).toBe(false);
    expect(hasJustEnded({ state: 'RUNNING', steps: ['submitted'] })).toBe(false);
  });
});

describe('a page that is served', () => {
  it('is read once for all who ask, and not again within two seconds', async () => {
    let readings = 0;
    const get: Drivers['store']['get'] = (key, options) => {
      if (key.endsWith('job.yaml')) readings += 1;
      return drivers.store.get(key, options);
    };
    const read = createLiveReader({ ...drivers, store: { ...drivers.store, get } }, job, undefined);
    const boards = await Promise.all([read(), read(), read()]);
    expect(new Set(boards).size).toBe(1);
    expect(await read()).toBe(boards[0]);
    expect(readings).toBe(1);
    rig.clock.skip(2_001);
    const later = await read();
    expect(readings).toBe(2);
    expect(later.errors).toBe(boards[0]?.errors);
    rig.clock.skip(60_001);
    expect((await read()).errors).not.toBe(later.errors);
  });

  it('has the failures of the end as soon as the job has ended, and is not read again until something is done to it', async () => {
    const read = createLiveReader(drivers, job, undefined);
    const running = await read();
    const end = (change: Record<string, string | number>): Promise<unknown> =>
      drivers.state.write(metaKey(job), { set: change }, { op: 'item-present' });
    await end({ state: 'CANCELLED', finishedMs: rig.clock.nowMs() });
    rig.clock.skip(2_001);
    const ended = await read();
    expect(ended.job.isOver).toBe(true);
    expect(ended.errors).not.toBe(running.errors);
    rig.clock.skip(600_001);
    expect(await read()).toBe(ended);
    await end({ state: 'RUNNING', generation: 1 });
    rig.clock.skip(2_001);
    expect((await read()).job.isOver).toBe(false);
  });
});
