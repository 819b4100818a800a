import { describe, expect, it } from 'vitest';
import { createFsObjectStore } from '../../../src/backends/object-store/fs.ts';
import { createSystemIds } from '../../../src/backends/random.ts';
import { createSystemClock } from '../../../src/backends/clock.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { createLimitedStore } from '../../../src/limiter/limited-store.ts';
import { createStoreTurns } from '../../../src/limiter/store-turns.ts';
import { createQuietLog } from '../../../src/app/quiet-log.ts';
import type { LimitDefinition } from '../../../src/domain/limit.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { createLimitRig, limitItem, perMinute } from '../../support/limit-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

/** Ten reads a second. */
const TEN = perMinute(606);

function open(definition: LimitDefinition | null, options: { readonly quotaPatienceMs?: number } = {}) {
  const rig = createLimitRig(definition);
  const limiter = rig.limiter(
    1,
    options.quotaPatienceMs === undefined ? null : rig.clock.nowMs() + options.quotaPatienceMs,
  );
  const { state, clock } = rig;
  const turns = createStoreTurns({ state, clock, limiter, log: createQuietLog() });
  return { rig, limiter, turns };
}

/** How many of `count` requests have had their turn. */
function ask(turns: ReturnType<typeof open>['turns'], count: number, signal?: AbortSignal) {
  const seen = { granted: 0, failed: [] as unknown[] };
  for (let call = 0; call < count; call += 1)
    turns.take(signal).then(
      () => (seen.granted += 1),
      (error: unknown) => seen.failed.push(error),
    );
  return seen;
}

describe('requests to an object store', () => {
  it('take turns at the limit of that name, many in a write, and say what they wait for', async () => {
    const { rig, turns } = open(TEN);
    const seen = ask(turns, 400);
    await rig.clock.advance(10_000);
    expect(seen.granted).toBeGreaterThan(90);
    expect(seen.granted).toBeLessThanOrEqual(102);
    expect(turns.waiting()).toMatchObject({ name: 'store', calls: 400 - seen.granted });
    await rig.clock.advance(32_000);
    expect(seen).toEqual({ granted: 400, failed: [] });
    expect(turns.waiting()).toBeNull();
    expect(rig.item?.sold['requests']).toBeGreaterThanOrEqual(400);
  });

  it('share each purchase among many: at most 1.1/n + 0.01 writes a read, with leases of n', async () => {
    const { rig, turns } = open(perMinute(6_061 * 5));
    const seen = ask(turns, 4_000);
    await rig.clock.advance(9_000);
    expect(seen.granted).toBe(4_000);
    const n = Math.ceil(500 / 25);
    expect(rig.counts.writes / 4_000).toBeLessThanOrEqual(1.1 / n + 0.01);
  });

  it('wait for nothing where there is no such limit, and for its turns within half a minute of it being stated', async () => {
    const { rig, turns } = open(null);
    const first = ask(turns, 1_000);
    await rig.clock.advance(1_000);
    expect(first.granted).toBe(1_000);
    expect(rig.counts).toMatchObject({ reads: 1, writes: 0 });
    rig.item = limitItem(TEN);
    await rig.clock.advance(30_000);
    const second = ask(turns, 100);
    await rig.clock.advance(2_000);
    expect(second.granted).toBeLessThanOrEqual(25);
  });

  it('go on as if it had never been when it is deleted while they wait', async () => {
    const { rig, turns } = open(TEN);
    const seen = ask(turns, 200);
    await rig.clock.advance(2_000);
    rig.item = null;
    await rig.clock.advance(20_000);
    expect(seen).toEqual({ granted: 200, failed: [] });
    const later = ask(turns, 50);
    await rig.clock.advance(0);
    expect(later.granted).toBe(50);
  });

  it('end with the time at which a used up quota goes on', async () => {
    const quotas = [{ unit: 'requests', amount: 5, every: 'day', zone: 'UTC' }] as const;
    const { rig, turns } = open(perMinute(60_000, { quotas }), { quotaPatienceMs: 60_000 });
    const seen = ask(turns, 8);
    await rig.clock.advance(5_000);
    expect(seen.granted).toBe(5);
    expect(seen.failed).toHaveLength(3);
    expect(seen.failed[0]).toMatchObject({
      code: 'LIMIT_SPENT',
      message: expect.stringMatching(/^limit store: daily 5 requests used up; goes on at \d{4}-\d\d-\d\d 00:00 UTC$/),
    });
  });

  it('wait while the table does not answer, because nobody can say what was sold, and go on with it', async () => {
    const { rig, turns } = open(TEN);
    await (async () => {
      const seen = ask(turns, 1);
      await rig.clock.advance(1_000);
      expect(seen.granted).toBe(1);
    })();
    rig.failure = new AppError('STATE_UNAVAILABLE', { message: 'no answer' });
    await rig.clock.advance(120_000);
    const seen = ask(turns, 3);
    await rig.clock.advance(60_000);
    expect(seen).toEqual({ granted: 0, failed: [] });
    rig.failure = null;
    await rig.clock.advance(60_000);
    expect(seen.granted).toBe(3);
  });

  it('fail with the table where it was never known whether there is a limit', async () => {
    const { rig, turns } = open(TEN);
    rig.failure = new AppError('STATE_UNAVAILABLE', { message: 'no answer' });
    await expect(turns.take()).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
    rig.failure = null;
    const seen = ask(turns, 1);
    await rig.clock.advance(1_000);
    expect(seen.granted).toBe(1);
  });

  it('end with their signal', async () => {
    const { rig, turns } = open(TEN);
    const stop = new AbortController();
    const seen = ask(turns, 9, stop.signal);
    await rig.clock.advance(200);
    stop.abort(new Error('stopped'));
    await rig.clock.advance(0);
    expect(seen.granted + seen.failed.length).toBe(9);
    expect(seen.failed.length).toBeGreaterThan(0);
    expect(turns.waiting()).toBeNull();
  });

  it('make the limit sell less for everybody when the store says that they are too fast', async () => {
    const { rig, turns } = open(TEN);
    turns.tooManyRequests();
    const seen = ask(turns, 20);
    await rig.clock.advance(500);
    turns.tooManyRequests();
    await rig.clock.advance(500);
    expect(rig.item).toMatchObject({ m: 700_000, refusals: 1 });
    expect(seen.granted).toBeLessThan(20);
  });
});

describe('a store with turns', () => {
  const opened = (root: string) => {
    let turns = 0;
    const store: ObjectStore = createFsObjectStore({ root, ids: createSystemIds(createSystemClock()) });
    const limited = createLimitedStore(store, async () => void (turns += 1));
    const cost = async (use: (store: ObjectStore) => Promise<unknown>): Promise<number> => {
      const before = turns;
      await use(limited);
      return turns - before;
    };
    return { store, cost };
  };
  const drained = async (all: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of all);
  };

  it('takes one before each read, and none for what is written or asked without a request', () =>
    withTempDir(async (root) => {
      const { cost } = opened(root);
      expect(await cost((s) => s.put('a/x', 'text'))).toBe(0);
      expect(await cost((s) => s.get('a/x'))).toBe(1);
      expect(await cost((s) => s.getRange('a/x', 0, 2))).toBe(1);
      expect(await cost((s) => s.head('a/x'))).toBe(1);
      expect(await cost((s) => s.getFile('a/x', `${root}/copy`))).toBe(1);
      expect(await cost((s) => drained(s.stream('a/x')))).toBe(1);
      expect(await cost((s) => s.putFile('a/y', `${root}/copy`))).toBe(0);
      expect(await cost(async (s) => [s.url('a/x'), s.localPath('a/x')])).toBe(0);
      expect(await cost((s) => s.delete(['a/x']))).toBe(0);
      expect(await cost((s) => s.deletePrefix('a/'))).toBe(0);
    }));

  it('takes one for each page of a listing that is read', () =>
    withTempDir(async (root) => {
      const { cost } = opened(root);
      expect(await cost((s) => drained(s.list('none/')))).toBe(1);
      for (const [objects, pages] of [
        [1_000, 1],
        [1_001, 2],
        [2_001, 3],
      ] as const) {
        async function* list() {
          for (let n = 0; n < objects; n += 1) yield { key: `k/${n}`, bytes: 0 };
        }
        let turns = 0;
        const { store } = opened(root);
        await drained(createLimitedStore({ ...store, list }, async () => void (turns += 1)).list('k/'));
        expect(turns).toBe(pages);
      }
    }));
});
