import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import { createSurroundings, openDrivers, type Drivers } from '../../src/app/job-backends.ts';
import { createCoordinatorDeps } from '../../src/app/coordinator-deps.ts';
import { createQuietLog } from '../../src/app/quiet-log.ts';
import { limitKey, type LimitDefinition, type LimitItem } from '../../src/domain/limit.ts';
import { createLimitedStore } from '../../src/limiter/limited-store.ts';
import { createStoreTurns } from '../../src/limiter/store-turns.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { makeJob, type CommittedJob } from '../support/committed-job.ts';
import { createLimitRig, limitItem, perMinute } from '../support/limit-rig.ts';
import { range } from '../support/outcomes.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir('limited');
});
afterEach(() => dir.remove());

const TASKS = 20;

async function committed(): Promise<CommittedJob> {
  const made = await makeJob(dir.path, { output: { mode: 'json' }, tasks: Array.from({ length: TASKS }, () => 2) });
  for (let task = 0; task < TASKS; task += 1) await made.commit(task, range(task * 2, 2));
  return made;
}

/** The job, its store under a limit whose time only passes when something waits for it. */
async function limited(definition: LimitDefinition, quotaEndsMs: number | null = null) {
  const made = await committed();
  const rig = createLimitRig(definition);
  const { state, clock } = rig;
  const load = { now: 0, most: 0, reads: 0 };
  const counted = async <T>(read: () => Promise<T>): Promise<T> => {
    load.reads += 1;
    load.now += 1;
    load.most = Math.max(load.most, load.now);
    return read().finally(() => (load.now -= 1));
  };
  const { store } = made.deps;
  const reads: typeof store = { ...store, get: (key, options) => counted(() => store.get(key, options)) };
  /** As a process of its own. */
  const run = async () => {
    const limiter = rig.limiter(1, quotaEndsMs === null ? null : clock.nowMs() + quotaEndsMs);
    const turns = createStoreTurns({ state, clock, limiter, log: createQuietLog() });
    const deps = { ...made.deps, store: createLimitedStore(reads, (signal) => turns.take(signal)) };
    let isOver = false;
    const merged = Promise.allSettled([aggregate(deps, { job: made.job }).finally(() => (isOver = true))]);
    while (!isOver) await clock.advance(10);
    const [ended] = await merged;
    if (ended.status === 'rejected') throw ended.reason;
    return ended.value;
  };
  return { made, rig, load, run };
}

describe('a merge under the limit of its store', () => {
  test('reads no faster than that, several at a time, and publishes the same', async () => {
    const { made, rig, load, run } = await limited(perMinute(606));
    const { manifest, published } = await run();
    expect(published).toBe(true);
    expect(manifest).toMatchObject({ rows: 40, succeeded: 40, failed: 0 });
    expect(load.reads).toBeGreaterThan(2 * TASKS);
    expect(rig.clock.monotonicMs()).toBeGreaterThan((load.reads - 10) * 100);
    expect(rig.item?.sold['requests']).toBeGreaterThanOrEqual(load.reads);
    expect(existsSync(made.path(`jobs/${made.job}/final.json`))).toBe(true);
  });

  test('has several reads under way where the limit lets it', async () => {
    const { load, run } = await limited(perMinute(6_000_000));
    await run();
    expect(load.most).toBeGreaterThan(2);
  });

  test('publishes nothing when a quota is used up in the middle, says when it goes on, and begins anew then', async () => {
    const quotas = [{ unit: 'requests', amount: 30, every: 'day', zone: 'UTC' }] as const;
    const { made, rig, run } = await limited(perMinute(60_000, { quotas }), 60_000);
    await expect(run()).rejects.toMatchObject({
      code: 'LIMIT_SPENT',
      message: expect.stringContaining('limit store: daily 30 requests used up; goes on at'),
    });
    expect(existsSync(made.path(`jobs/${made.job}/final.json`))).toBe(false);
    expect(existsSync(made.path(`jobs/${made.job}/output`))).toBe(false);
    rig.item = limitItem(perMinute(60_000), { g: 2 });
    expect((await run()).manifest.rows).toBe(40);
  });
});

describe('what the app gives to merges and advance', () => {
  async function opened(): Promise<{ readonly drivers: Drivers; readonly close: () => Promise<unknown> }> {
    const surroundings = createSurroundings({});
    const url = (name: string): string => `file://${join(dir.path, name)}`;
    const urls = { home: dir.path, store: url('objects'), state: url('state'), queue: url('queue') };
    const drivers = await openDrivers(surroundings, urls);
    return { drivers, close: () => Promise.all(surroundings.closers.map((close) => close())) };
  }
  const sold = async ({ state }: Drivers): Promise<number> =>
    ((await state.get(limitKey('store'))) as unknown as LimitItem).sold['requests'] ?? 0;

  test('is a store that takes the turns of its reads, and gives back those that it did not need', async () => {
    const { drivers, close } = await opened();
    const set = limitItem(perMinute(600_000)) as unknown as StateItem;
    await drivers.state.write(limitKey('store'), { set }, { op: 'item-absent' });
    const deps = await createCoordinatorDeps(drivers, 'local', { pass: 'collect' });
    await deps.store.put('jobs/x/a', 'text');
    expect(await sold(drivers)).toBe(0);
    for (let read = 0; read < 10; read += 1) expect(String(await deps.store.get('jobs/x/a'))).toBe('text');
    await close();
    expect(await sold(drivers)).toBeGreaterThanOrEqual(10);
    expect((await (await opened()).drivers.store.get('jobs/x/a'))?.length).toBe(4);
  });

  test('makes the limit sell less when S3 says that its requests are too fast', async () => {
    const { drivers, close } = await opened();
    const set = limitItem(perMinute(600_000)) as unknown as StateItem;
    await drivers.state.write(limitKey('store'), { set }, { op: 'item-absent' });
    const { store } = await createCoordinatorDeps(drivers, 'local', { pass: 'collect' });
    await store.get('jobs/x/a');
    const nothing = { ms: 1, bytesSent: 0, bytesReceived: 0, readUnits: 0, writeUnits: 0 };
    const told = { operation: 'GetObject', outcome: 'throttled', ...nothing } as const;
    drivers.meter.record({ service: 'dynamodb', ...told });
    drivers.meter.record({ service: 's3', ...told });
    await close();
    expect(await drivers.state.get(limitKey('store'))).toMatchObject({ m: 700_000, refusals: 1 });
  });

  test('asks nothing of the limiter without such a limit', async () => {
    const { drivers, close } = await opened();
    const deps = await createCoordinatorDeps(drivers, 'local', { pass: 'collect' });
    await deps.store.put('jobs/x/a', 'text');
    await deps.store.get('jobs/x/a');
    await close();
    expect(await drivers.state.get(limitKey('store'))).toBeNull();
    expect(readdirSync(dir.path)).toContain('objects');
  });
});
