import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterTick } from '../../src/app/after-tick.ts';
import { readDashboard } from '../../src/app/dashboard-document.ts';
import { assembleDrivers, createSurroundings, type Drivers } from '../../src/app/job-backends.ts';
import type { TickDocument } from '../../src/app/documents.ts';
import { createLiveReader } from '../../src/app/serve-dashboard.ts';
import { statusDocument } from '../../src/app/status-document.ts';
import { keepPage, PAGE_EVERY_MS } from '../../src/app/store-dashboard.ts';
import { writeDashboard } from '../../src/app/write-dashboard.ts';
import { continueCreation, newJobId, recordRequest } from '../../src/coordinator/create-job.ts';
import { requireMeta } from '../../src/coordinator/job-meta.ts';
import { acquireLease } from '../../src/coordinator/lease.ts';
import type { Alerting } from '../../src/domain/alert-rule.ts';
import { asJobId, type JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
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
  const pageText = (): string => readFileSync(drivers.store.localPath(dashboardKey(job)) ?? '', 'utf8');
  const isThere = (): boolean => existsSync(drivers.store.localPath(dashboardKey(job)) ?? '');
  const metaOf = () => requireMeta(drivers.state, job);
  const passOver = async (own: Drivers = drivers, steps: readonly string[] = []) =>
    keepPage(own, { job, meta: await metaOf(), steps });
  const end = () =>
    drivers.state.write(metaKey(job), { set: { state: 'CANCELLED', finishedMs: 1 } }, { op: 'item-present' });
  const run = () =>
    drivers.state.write(metaKey(job), { set: { stage: 'ready', state: 'RUNNING' } }, { op: 'item-present' });
  /** Drivers of a bucket that counts what is fetched and stored, with what may happen while a page is made. */
  const farAway = (meanwhile: () => Promise<unknown> = async () => undefined) => {
    const asked: string[] = [];
    const store: Drivers['store'] = {
      ...drivers.store,
      localPath: () => null,
      get: (key, options) => (asked.push(`get ${key}`), drivers.store.get(key, options)),
      getFile: (key, path, options) => (asked.push(`get ${key}`), drivers.store.getFile(key, path, options)),
      stream: (key, options) => (asked.push(`get ${key}`), drivers.store.stream(key, options)),
      put: async (key, body) => {
        asked.push(`put ${key}`);
        await meanwhile();
        return drivers.store.put(key, body);
      },
    };
    return { asked, own: { ...drivers, store } };
  };

  it('of a job that lives is made every ten minutes, by whichever pass comes by', async () => {
    await run();
    expect(await passOver()).toEqual([]);
    expect(isThere()).toBe(false);
    rig.clock.skip(PAGE_EVERY_MS);
    expect(await passOver()).toEqual([]);
    const first = pageText();
    expect(first).toContain('</html>');
    rig.clock.skip(PAGE_EVERY_MS - 60_000);
    await passOver();
    expect(pageText()).toBe(first);
    rig.clock.skip(60_000);
    await passOver();
    expect(pageText()).not.toBe(first);
  });

  it('is made once for passes that come by together', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const { own, asked } = farAway();
    const pass = { job, meta: await metaOf(), steps: [] };
    await Promise.all([keepPage(own, pass), keepPage(own, pass), keepPage(own, pass)]);
    expect(asked.filter((request) => request.startsWith('put'))).toEqual([`put ${dashboardKey(job)}`]);
  });

  it('that a bug keeps from being made is a sentence, and the pass over the job goes on', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const { own } = farAway(() => Promise.reject(new TypeError('cells is not iterable')));
    expect(await passOver(own)).toEqual([
      expect.stringMatching(
        /^its page was not stored: bug in slurmctl, please report it: TypeError: cells is not iterable \(at /,
      ),
    ]);
  });

  it('leaves twenty times as long as it took', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const { own } = farAway(async () => rig.clock.skip(60_000));
    await passOver(own);
    expect((await metaOf()).pageDueMs).toBe(rig.clock.nowMs() + 20 * 60_000);
  });

  it('is made at the end, however young the last one is, and not again by passes after it', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    await passOver();
    await end();
    await passOver();
    expect(pageText()).not.toContain('state-cancelled">cancelled');
    await passOver(drivers, ['ended']);
    expect(pageText()).toContain('state-cancelled">cancelled');
  });

  it('is the one of the end also when one from before it comes late', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    let puts = 0;
    const { own } = farAway(async () => {
      puts += 1;
      if (puts > 1) return;
      await end();
      await passOver(drivers, ['ended']);
    });
    await passOver(own);
    expect(pageText()).toContain('state-cancelled">cancelled');
  });

  it('of a job that lives costs a bucket a put, and fetches no results', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const { own, asked } = farAway();
    expect(await passOver(own)).toEqual([]);
    expect(asked.toSorted()).toEqual(
      [
        ...['job.yaml', 'manifest.json', 'final.json'].map((name) => `get jobs/${job}/${name}`),
        `put ${dashboardKey(job)}`,
      ].toSorted(),
    );
    expect(pageText()).toContain('results are not fetched for it');
  });

  it('fails nobody, and is left alone for a while', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const put = () => Promise.reject(new AppError('STORE_FULL', { message: 'no space left' }));
    const full = { ...drivers, store: { ...drivers.store, put } };
    const said = ['its page was not stored: no space left [STORE_FULL]'];
    expect(await passOver(full)).toEqual(said);
    expect(await passOver(full)).toEqual([]);
    await end();
    expect(await passOver(full, ['ended'])).toEqual(said);
  });

  it('of jobs that ended comes first in a tick, then the ones that wait for longest, as long as there is time', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const meta = await metaOf();
    const [ended, late, later] = ['ended-0aaaaaaa', 'late-0aaaaaaa', 'later-0aaaaaaa'].map(asJobId);
    const metas = new Map<string, JobMeta>([
      [later as string, { ...meta, pageDueMs: 2 }],
      [late as string, { ...meta, pageDueMs: 1 }],
      [ended as string, { ...meta, state: 'FAILED' }],
    ]);
    await drivers.state.createMany([...metas].map(([id, item]) => ({ key: metaKey(asJobId(id)), item })));
    const { own, asked } = farAway(async () => rig.clock.skip(20_000));
    const jobs = [...metas.keys()].map((jobId) => ({ jobId, steps: ['something'] }));
    const document = { schema: 'slurmctl.tick/1', jobs } as unknown as TickDocument;
    const owns = new Map([...metas.keys()].map((id) => [id, own]));
    const alerting = { rules: [], channels: {} } as unknown as Alerting;
    const tick = async () => {
      asked.length = 0;
      await afterTick(own, document, { owns, metas, alerting });
      return asked.filter((request) => request.startsWith('put'));
    };
    const put = (id: JobId | undefined) => `put ${dashboardKey(id as JobId)}`;
    expect(await tick()).toEqual([put(ended)]);
    metas.delete(ended as string);
    expect(await tick()).toEqual([put(late)]);
    metas.set(late as string, { ...meta, pageDueMs: rig.clock.nowMs() + PAGE_EVERY_MS });
    expect(await tick()).toEqual([put(later)]);
  });

  it('that a tick cannot store is a note, and the tick has done its work', async () => {
    await run();
    rig.clock.skip(PAGE_EVERY_MS);
    const put = () => Promise.reject(new AppError('STORE_FULL', { message: 'no space left' }));
    const own = { ...drivers, store: { ...drivers.store, put } };
    const document = { schema: 'slurmctl.tick/1', jobs: [{ jobId: job, steps: ['sent wave 1'] }] };
    const passed = { owns: new Map([[job as string, own]]), metas: new Map([[job as string, await metaOf()]]) };
    const alerting = { rules: [], channels: {} } as unknown as Alerting;
    expect(await afterTick(own, document as unknown as TickDocument, { ...passed, alerting })).toEqual({
      ...document,
      notes: [`job ${job}: its page was not stored: no space left [STORE_FULL]`],
    });
  });

  it('is not made of a job whose tasks are not stored yet', async () => {
    await drivers.state.write(metaKey(job), { set: { stage: 'splitting' } }, { op: 'item-present' });
    rig.clock.skip(PAGE_EVERY_MS);
    await passOver();
    expect(isThere()).toBe(false);
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
