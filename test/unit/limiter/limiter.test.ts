import { describe, expect, it } from 'vitest';
import { AppError, isAppError } from '../../../src/errors/app-error.ts';
import type { MeasuredLimiter } from '../../../src/limiter/limiter.ts';
import type { Cost, LimitItem, LimitQuota } from '../../../src/domain/limit.ts';
import type { LimitGrant } from '../../../src/ports/limiter.ts';
import { createLimitRig, limitItem, ONE_A_MS, perMinute, type LimitRig } from '../../support/limit-rig.ts';

/** 100 a second: a request every 10 ms; 4 in a purchase. */
const HUNDRED = perMinute(6_061);

interface Granted {
  readonly call: number;
  readonly atMs: number;
  readonly grant: LimitGrant;
}

/** Asks `count` times at once; the list grows as turns come. */
function ask(rig: LimitRig, limiter: MeasuredLimiter, count: number, cost: Cost = {}) {
  const granted: Granted[] = [];
  const failed: unknown[] = [];
  for (let call = 0; call < count; call += 1)
    limiter.take('api', cost).then(
      (grant) => granted.push({ call, atMs: rig.clock.monotonicMs(), grant }),
      (error: unknown) => failed.push(error),
    );
  return { granted, failed };
}

/** A process that has called a limit of a hundred a second once. */
async function afterOneCall() {
  const rig = createLimitRig(HUNDRED);
  const limiter = rig.limiter();
  ask(rig, limiter, 1);
  await rig.clock.advance(500);
  return { rig, limiter };
}

describe('the calls of one process', () => {
  it('have their turns in their order, no faster than the rate, and share purchases', async () => {
    const rig = createLimitRig(ONE_A_MS);
    const { granted } = ask(rig, rig.limiter(), 64);
    await rig.clock.advance(100);
    expect(granted.map(({ call }) => call)).toEqual(Array.from({ length: 64 }, (_, at) => at));
    for (const [at, { atMs }] of granted.entries()) expect(atMs).toBeGreaterThanOrEqual(at);
    expect(granted.at(-1)?.atMs).toBeLessThanOrEqual(66);
    expect(rig.counts).toMatchObject({ reads: 1, writes: 2, refused: 0 });
    expect(rig.options).toEqual([{ repeatable: true }, { repeatable: true }]);
  });

  it('buy for those that are expected as well', async () => {
    const rig = createLimitRig(ONE_A_MS);
    const limiter = rig.limiter();
    for (let call = 0; call < 20; call += 1) {
      const { granted } = ask(rig, limiter, 1);
      await rig.clock.advance(100);
      expect(granted).toHaveLength(1);
    }
    expect(rig.counts.writes).toBeLessThanOrEqual(3);
  });

  it('sleep until their slot, look twice whether it could be nearer, and write nothing meanwhile', async () => {
    const rig = createLimitRig(HUNDRED);
    rig.item = limitItem(HUNDRED, { t: (rig.clock.nowMs() + 60_000) * 1_000 });
    const limiter = rig.limiter();
    const { granted } = ask(rig, limiter, 1);
    await rig.clock.advance(59_990);
    expect(granted).toEqual([]);
    expect(rig.counts).toMatchObject({ reads: 3, writes: 1 });
    expect(rig.clock.pending()).toBe(1);
    expect(limiter.waiting()).toEqual({ name: 'api', calls: 1, untilMs: rig.clock.nowMs() + 10 });
    await rig.clock.advance(10);
    expect(granted).toHaveLength(1);
    expect(limiter.waiting()).toBeNull();
  });

  it('read a refused purchase and send the one that fits', async () => {
    const rig = createLimitRig(HUNDRED);
    const [first, second] = [rig.limiter(1), rig.limiter(2)];
    const one = ask(rig, first, 1);
    await rig.clock.advance(0);
    const other = ask(rig, second, 1);
    const again = ask(rig, first, 20);
    await rig.clock.advance(2_000);
    expect([one.granted.length, other.granted.length, again.granted.length]).toEqual([1, 1, 20]);
    expect(rig.item?.sold['requests']).toBeGreaterThanOrEqual(22);
  });

  it('that gave up are taken out', async () => {
    const rig = createLimitRig(perMinute(60));
    const limiter = rig.limiter();
    const { granted } = ask(rig, limiter, 1);
    const stop = new AbortController();
    const gone = limiter.take('api', {}, stop.signal);
    const { granted: last } = ask(rig, limiter, 1);
    await rig.clock.advance(10);
    stop.abort(new Error('not needed'));
    await expect(gone).rejects.toThrow('not needed');
    await expect(limiter.take('api', {}, stop.signal)).rejects.toThrow('not needed');
    await rig.clock.advance(2_500);
    expect([granted.length, last.length]).toEqual([1, 1]);
  });
});

describe('a cost that is known afterwards', () => {
  const tokens = { ...ONE_A_MS, rates: { tokens: { amount: 60_606, perMs: 60_000 } } };
  it('leaves to the next call what was not used', async () => {
    const rig = createLimitRig(tokens);
    const limiter = rig.limiter();
    const { granted } = ask(rig, limiter, 1, { tokens: 1_000 });
    await rig.clock.advance(10);
    granted[0]?.grant.settle({ tokens: 10 });
    const soldBefore = rig.item?.sold['tokens'];
    const { granted: next } = ask(rig, limiter, 1, { tokens: 900 });
    await rig.clock.advance(100);
    expect(next).toHaveLength(1);
    expect(rig.item?.sold['tokens']).toBe(soldBefore);
  });

  it('is paid for by the next purchase when it was more', async () => {
    const rig = createLimitRig(tokens);
    const limiter = rig.limiter();
    const { granted } = ask(rig, limiter, 1, { tokens: 100 });
    await rig.clock.advance(10);
    granted[0]?.grant.settle({ tokens: 5_100 });
    granted[0]?.grant.settle({ tokens: 5_100 });
    await rig.clock.advance(5_500);
    const { granted: next } = ask(rig, limiter, 1, { tokens: 100 });
    await rig.clock.advance(4_900);
    expect(next).toEqual([]);
    await rig.clock.advance(200);
    expect(next).toHaveLength(1);
  });

  it('is written down at the end when nobody paid', async () => {
    const rig = createLimitRig(tokens);
    const limiter = rig.limiter();
    const { granted } = ask(rig, limiter, 1, { tokens: 100 });
    await rig.clock.advance(10);
    const t = rig.item?.t as number;
    granted[0]?.grant.settle({ tokens: 5_100 });
    await limiter.close();
    expect(rig.item?.t).toBe(t + 5_000_006);
    await expect(limiter.take('api', { tokens: 1 })).rejects.toThrow('after the limiter was closed');
  });
});

describe('a process that ends', () => {
  it('gives back a slot that has not begun', async () => {
    const rig = createLimitRig(HUNDRED);
    const t = (rig.clock.nowMs() + 60_000) * 1_000;
    rig.item = limitItem(HUNDRED, { t });
    const limiter = rig.limiter();
    const { failed } = ask(rig, limiter, 1);
    await rig.clock.advance(100);
    expect(rig.item.t).toBeGreaterThan(t);
    expect(limiter.figures()['api']).toMatchObject({ bought: 3, granted: 0 });
    await limiter.close();
    await limiter.close();
    expect(limiter.figures()['api']).toMatchObject({ bought: 0, granted: 0 });
    expect(rig.item).toMatchObject({ t, sold: { requests: 0 } });
    expect(String(failed)).toContain('closed while calls waited');
    expect(rig.clock.pending()).toBe(0);
  });

  it('does so whether the table answers or not', async () => {
    const rig = createLimitRig(HUNDRED);
    rig.item = limitItem(HUNDRED, { t: (rig.clock.nowMs() + 60_000) * 1_000 });
    const limiter = rig.limiter();
    ask(rig, limiter, 1);
    await rig.clock.advance(100);
    rig.failure = new AppError('STATE_UNAVAILABLE', { message: 'no answer' });
    await limiter.close();
    expect(limiter.figures()['api']).toMatchObject({ bought: 3, granted: 0 });
  });
});

describe('a table that does not answer', () => {
  const unavailable = new AppError('STATE_UNAVAILABLE', { message: 'no answer' });
  it('sells nothing, and is asked ever more rarely', async () => {
    const rig = createLimitRig(HUNDRED);
    rig.failure = unavailable;
    const { granted, failed } = ask(rig, rig.limiter(), 5);
    await rig.clock.advance(300_000);
    expect([granted, failed]).toEqual([[], []]);
    expect(rig.counts.reads).toBeLessThan(30);
    rig.failure = null;
    await rig.clock.advance(31_000);
    expect(granted).toHaveLength(5);
  });

  it('leaves what was bought', async () => {
    const rig = createLimitRig(ONE_A_MS);
    const limiter = rig.limiter();
    ask(rig, limiter, 1);
    await rig.clock.advance(10);
    rig.failure = unavailable;
    const { granted } = ask(rig, limiter, 100);
    await rig.clock.advance(2_000);
    const held = granted.length;
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(40);
    await rig.clock.advance(60_000);
    expect(granted).toHaveLength(held);
  });

  it('costs a slot when its answer was lost', async () => {
    const rig = createLimitRig(HUNDRED);
    rig.losesNextAnswer = true;
    const { granted } = ask(rig, rig.limiter(), 1);
    await rig.clock.advance(1_000);
    expect(granted).toHaveLength(1);
    expect(rig.counts.writes).toBe(2);
  });

  it('for good is told to those who wait', async () => {
    const rig = createLimitRig(HUNDRED);
    rig.failure = new AppError('STATE_DENIED', { message: 'not yours' });
    const { failed } = ask(rig, rig.limiter(), 2);
    await rig.clock.advance(10);
    expect(failed.map((error) => isAppError(error, 'STATE_DENIED'))).toEqual([true, true]);
  });

  it('is not asked for slots while its time is unsure', async () => {
    const rig = createLimitRig(HUNDRED);
    rig.unsure = true;
    const { granted } = ask(rig, rig.limiter(), 1);
    await rig.clock.advance(999);
    expect(rig.counts).toMatchObject({ writes: 0, reads: 1 });
    await rig.clock.advance(10);
    expect(granted).toHaveLength(1);
  });
});

describe('what cannot be sold', () => {
  const codeOf = async (promise: Promise<unknown>): Promise<string> => {
    const error = await promise.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    return isAppError(error) ? error.code : String(error);
  };

  it('is refused: an unknown limit, a wrong cost', async () => {
    const none = createLimitRig(null);
    expect(await codeOf(none.limiter().take('api', {}))).toBe('LIMIT_UNKNOWN');
    const rig = createLimitRig(HUNDRED);
    const limiter = rig.limiter();
    const good = limiter.take('api', {});
    expect(await codeOf(limiter.take('api', { tokens: 1 }))).toBe('LIMIT_COST');
    await good;
    expect(await codeOf(limiter.take('api', { requests: Number.NaN }))).toBe('LIMIT_COST');
  });

  it('is told when the limit is deleted while calls wait', async () => {
    const rig = createLimitRig(HUNDRED);
    const limiter = rig.limiter();
    ask(rig, limiter, 1);
    await rig.clock.advance(10);
    rig.item = null;
    const { failed, granted } = ask(rig, limiter, 40);
    await rig.clock.advance(1_000);
    expect(granted.length + failed.length).toBe(40);
    expect(isAppError(failed[0], 'LIMIT_UNKNOWN')).toBe(true);
  });

  const quota: LimitQuota = { unit: 'requests', amount: 5, every: 'hour', zone: 'UTC' };
  it('waits for the next window of its quota', async () => {
    const rig = createLimitRig({ ...HUNDRED, quotas: [quota] }, Date.parse('2024-05-05T11:50:00Z'));
    const { granted } = ask(rig, rig.limiter(), 8);
    await rig.clock.advance(9 * 60_000);
    expect(granted).toHaveLength(5);
    await rig.clock.advance(2 * 60_000);
    expect(granted).toHaveLength(8);
    expect(granted[5]?.atMs).toBeGreaterThanOrEqual(10 * 60_000);
  });

  it('counts in its quota what its calls used beyond what they had said, also at the end of the process', async () => {
    const tokens: LimitQuota = { unit: 'tokens', amount: 12_000, every: 'hour', zone: 'UTC' };
    const rig = createLimitRig({ ...HUNDRED, quotas: [tokens] }, Date.parse('2024-05-05T11:50:00Z'));
    const limiter = rig.limiter();
    const { granted } = ask(rig, limiter, 4, { tokens: 1 });
    await rig.clock.advance(10_000);
    for (const { grant } of granted) grant.settle({ tokens: 1_000 });
    // Somebody else buys in the next window meanwhile: there the debt counts.
    const from = Date.parse('2024-05-05T12:00:00Z');
    rig.item = { ...(rig.item as LimitItem), windows: { 0: { from, used: 5 } } };
    await limiter.close();
    expect(rig.item).toMatchObject({ sold: { tokens: 4_000 }, windows: { 0: { from, used: 4_001 } } });
  });

  it('or is told that the process will have ended by then', async () => {
    const startMs = Date.parse('2024-05-05T11:50:00Z');
    const rig = createLimitRig({ ...HUNDRED, quotas: [quota] }, startMs);
    const { granted, failed } = ask(rig, rig.limiter(1, startMs + 9 * 60_000), 8);
    await rig.clock.advance(60_000);
    expect(granted).toHaveLength(5);
    expect(failed.map((error) => isAppError(error, 'LIMIT_SPENT'))).toEqual([true, true, true]);
    expect(String(failed[0])).toContain('limit api: hourly 5 requests used up; goes on at 2024-05-05 12:00 UTC');
  });
});

describe('a provider that refuses', () => {
  it('stops this process for as long as it asks, and makes the price dearer once', async () => {
    const rig = createLimitRig(HUNDRED);
    const limiters = [1, 2, 3].map((seed) => rig.limiter(seed));
    for (const limiter of limiters) ask(rig, limiter, 1);
    await rig.clock.advance(500);
    const [first] = limiters as [MeasuredLimiter, MeasuredLimiter, MeasuredLimiter];
    for (const limiter of limiters) for (let call = 0; call < 5; call += 1) limiter.tooManyRequests('api', 3_000);
    const { granted } = ask(rig, first, 1);
    await rig.clock.advance(2_900);
    expect(granted).toEqual([]);
    expect(rig.item).toMatchObject({ m: 700_000, g: 2, refusals: 1 });
    expect(limiters.map((limiter) => limiter.figures()['api']?.refusedWrites)).toContain(0);
    await rig.clock.advance(2_000);
    expect(granted).toHaveLength(1);
  });

  it('costs writes that are counted, whatever they were for', async () => {
    const rig = createLimitRig(HUNDRED);
    const limiters = [1, 2, 3].map((seed) => rig.limiter(seed));
    const asked = limiters.map((limiter) => ask(rig, limiter, 1));
    await rig.clock.advance(500);
    for (const limiter of limiters) limiter.tooManyRequests('api', 3_000);
    for (const { granted } of asked) granted[0]?.grant.settle({ requests: 4 });
    await rig.clock.advance(5_000);
    for (const limiter of limiters) ask(rig, limiter, 200);
    await Promise.all([rig.clock.advance(50), ...limiters.map((limiter) => limiter.close())]);
    const sum = (what: 'reads' | 'writes' | 'refusedWrites'): number =>
      limiters.reduce((all, limiter) => all + (limiter.figures()['api']?.[what] ?? 0), 0);
    expect(rig.item).toMatchObject({ refusals: 1 });
    const { reads, writes, refused } = rig.counts;
    expect([sum('reads'), sum('writes'), sum('refusedWrites')]).toEqual([reads, writes, refused]);
  });

  it('is reported when the table answers again, if it did not', async () => {
    const { rig, limiter } = await afterOneCall();
    rig.failure = new AppError('STATE_UNAVAILABLE', { message: 'away' });
    limiter.tooManyRequests('api', 1_000);
    await rig.clock.advance(10_000);
    expect(rig.item).toMatchObject({ m: 1_000_000, refusals: 0 });
    rig.failure = null;
    limiter.tooManyRequests('api', 1_000);
    await rig.clock.advance(10_000);
    expect(rig.item).toMatchObject({ m: 700_000, refusals: 1 });
  });

  it('without a word is left alone for a second, then for longer', async () => {
    const { rig, limiter } = await afterOneCall();
    limiter.tooManyRequests('api', null);
    const { granted } = ask(rig, limiter, 1);
    await rig.clock.advance(499);
    expect(granted).toEqual([]);
    await rig.clock.advance(600);
    expect(granted).toHaveLength(1);
    limiter.tooManyRequests('api', null);
    const { granted: later } = ask(rig, limiter, 1);
    await rig.clock.advance(990);
    expect(later).toEqual([]);
  });

  it('has its answers counted with purchases, which cost no write more', async () => {
    const [rig, silent] = [createLimitRig(HUNDRED), createLimitRig(HUNDRED)];
    for (const [at, { clock }] of [rig, silent].entries()) {
      const limiter = [rig, silent][at]?.limiter() as MeasuredLimiter;
      ask([rig, silent][at] as LimitRig, limiter, 1);
      await clock.advance(500);
      limiter.tooManyRequests('api', 1_000);
      if (at === 0) for (let call = 0; call < 4; call += 1) limiter.tooManyRequests('api', 1_000);
      await clock.advance(5_000);
      ask([rig, silent][at] as LimitRig, limiter, 40);
      await clock.advance(10_000);
      await limiter.close();
    }
    expect(rig.item).toMatchObject({ answers429: 5, refusals: 1 });
    expect(silent.item).toMatchObject({ answers429: 1, refusals: 1 });
    expect(rig.counts).toEqual(silent.counts);
  });

  it('has those counted at the end that no purchase told of, once', async () => {
    const { rig, limiter } = await afterOneCall();
    limiter.tooManyRequests('api', 1_000);
    await rig.clock.advance(5_000);
    const before = { ...rig.counts };
    const t = rig.item?.t;
    limiter.tooManyRequests('api', 1_000);
    await limiter.close();
    await limiter.close();
    expect(rig.item).toMatchObject({ answers429: 2, t });
    expect(rig.counts.writes - before.writes).toBe(1);
  });

  it('is counted again when the answer of the purchase was lost: too high rather than too low', async () => {
    const { rig, limiter } = await afterOneCall();
    limiter.tooManyRequests('api', 1_000);
    await rig.clock.advance(5_000);
    rig.losesNextAnswer = true;
    const { granted } = ask(rig, limiter, 1);
    await rig.clock.advance(5_000);
    expect(granted).toHaveLength(1);
    expect(rig.item?.answers429).toBe(2);
  });
});

describe('what a process holds', () => {
  it('is what it bought and did not spend, until it cannot be spent any more', async () => {
    const rig = createLimitRig(HUNDRED);
    const limiter = rig.limiter();
    expect(limiter.holdings()).toEqual([]);
    ask(rig, limiter, 2);
    await rig.clock.advance(100);
    const [holding] = limiter.holdings();
    const bought = rig.item?.sold['requests'] as number;
    const untilMs = Math.ceil((rig.item?.t as number) / 1_000) + 5_000;
    expect(bought).toBeGreaterThan(2);
    expect(holding).toEqual({ name: 'api', had: 2, held: { unit: 'requests', units: bought - 2, untilMs } });
    const { writes, reads } = rig.counts;
    rig.unsure = true;
    expect(limiter.holdings()).toEqual([{ name: 'api', had: 2, held: null }]);
    rig.unsure = false;
    await rig.clock.advance(untilMs - rig.clock.nowMs());
    expect(limiter.holdings()).toEqual([{ name: 'api', had: 2, held: null }]);
    expect(rig.counts).toMatchObject({ writes, reads });
  });

  it('is told of the slots ahead as well, and in the unit that the limit counts', async () => {
    const tokens = { ...HUNDRED, rates: { tokens: { amount: 6_061, perMs: 60_000 } } };
    const rig = createLimitRig(tokens);
    rig.item = limitItem(tokens, { t: (rig.clock.nowMs() + 60_000) * 1_000 });
    const limiter = rig.limiter();
    ask(rig, limiter, 1, { tokens: 7 });
    await rig.clock.advance(1_000);
    const units = rig.item.sold['tokens'] as number;
    const untilMs = Math.ceil((rig.item.t as number) / 1_000) + 5_000;
    expect(limiter.holdings()).toEqual([{ name: 'api', had: 0, held: { unit: 'tokens', units, untilMs } }]);
  });
});
