import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { JobPool } from '../../../src/domain/pool.ts';
import { createItemPools } from '../../../src/worker/item-pools.ts';
import { NO_LIMITS, type FailedTry, type TryLimits } from '../../../src/worker/item-limits.ts';
import { createTryEntries, HOLD_MS } from '../../../src/worker/try-entry.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createPoolDouble } from '../../support/pool-double.ts';
import { createListLog } from '../../support/worker-job.ts';

const DB: JobPool = { name: 'db', per: 'item', priority: 0, source: 'a test' };
const never = (): AbortSignal => new AbortController().signal;

/** A limit whose turns take so long, one wait after the other; told what it is asked. */
function limitsTaking(clock: ManualClock, told: string[], waitsMs: number[], failed: FailedTry | null = null) {
  const limits: TryLimits = {
    ...NO_LIMITS.begin({ itemId: 'i', itemIndex: 0, payload: null, json: 'null' }),
    takesTurns: true,
    async enter(signal) {
      told.push('turn?');
      await clock.sleep(waitsMs.shift() ?? 0, signal);
      told.push('turn');
      return failed;
    },
    forgo: () => void told.push('forgo'),
  };
  return limits;
}

function start(waitsMs: number[], failed: FailedTry | null = null) {
  const clock = createManualClock();
  const { pools, told } = createPoolDouble({ isOpen: true });
  const entries = createTryEntries(clock);
  const begin = () =>
    entries.of(
      createItemPools({ listed: [DB], pools, log: createListLog(), clock }).begin(),
      limitsTaking(clock, told, waitsMs, failed),
    );
  return { clock, told, begin };
}

describe('what a try waits for before it begins', () => {
  it('is first the slot and then the turn', async () => {
    const { told, begin } = start([0]);
    const entering = begin().enter(never());
    await turn();
    expect(told).toEqual(['ask db', 'give db 1', 'turn?']);
    void entering.catch(() => undefined);
  });

  it('is the turn without a slot where it takes long, and then both', async () => {
    const { told, begin, clock } = start([60_000, 60_000, 0]);
    const entering = begin().enter(never());
    await clock.advance(HOLD_MS);
    expect(told).toEqual(['ask db', 'give db 1', 'turn?', 'back db 1', 'turn?']);
    await clock.advance(60_000);
    expect(await entering).toBeNull();
    expect(told.slice(5)).toEqual(['turn', 'forgo', 'ask db', 'give db 2', 'turn?', 'turn']);
  });

  it('is the turn with the slot in hand, when others were faster too often', async () => {
    const { told, begin, clock } = start([60_000, 60_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
    const entering = begin().enter(never());
    await clock.advance(60 * 60_000);
    expect(await entering).toBeNull();
    expect(told.filter((each) => each.startsWith('give'))).toHaveLength(4);
    expect(told.slice(-3)).toEqual(['give db 4', 'turn?', 'turn']);
  });

  it('is waited for without a slot by one try after the other', async () => {
    const { told, begin, clock } = start([60_000, 60_000, 60_000, 60_000, 0, 0, 0]);
    const all = Promise.all([begin().enter(never()), begin().enter(never())]);
    await clock.advance(HOLD_MS);
    // Both have asked for a slot, and one of them waits for its turn without.
    expect(told.filter((each) => each === 'turn?')).toHaveLength(3);
    await clock.advance(10 * 60_000);
    expect(await all).toEqual([null, null]);
  });

  it('is nothing any more when the turn cannot be had: the slot goes to others', async () => {
    const failed: FailedTry = { ok: false, cause: 'bad-input', errorClass: 'bad-input', errorMessage: 'no number' };
    const { told, begin, clock } = start([10], failed);
    const entering = begin().enter(never());
    await clock.advance(10);
    expect(await entering).toBe(failed);
    expect(told.at(-1)).toBe('back db 1');
  });

  it('ends with its signal, with a slot and without', async () => {
    for (const atMs of [1_000, HOLD_MS + 1_000]) {
      const { told, begin, clock } = start([60_000, 60_000]);
      const stop = new AbortController();
      const entering = begin().enter(stop.signal);
      await clock.advance(atMs);
      stop.abort(new Error('stopped'));
      await expect(entering).rejects.toThrow('stopped');
      expect(told.filter((each) => each.startsWith('back'))).toEqual(['back db 1']);
      expect(clock.pending()).toBe(0);
    }
  });

  it('is a slot once more, when it was lost while the turn was waited for', async () => {
    const clock = createManualClock();
    const { pools, told, lose, give } = createPoolDouble({ isOpen: false });
    const made = createItemPools({ listed: [DB], pools, log: createListLog(), clock }).begin();
    const entering = createTryEntries(clock)
      .of(made, limitsTaking(clock, told, [1_000, 0]))
      .enter(never());
    await turn();
    const slot = give('db');
    await turn();
    lose(slot);
    await clock.advance(1_000);
    give('db');
    await clock.advance(0);
    expect(await entering).toBeNull();
    expect(told).toEqual([
      'ask db',
      'give db 1',
      'turn?',
      'turn',
      'forgo',
      'back db 1',
      'ask db',
      'give db 2',
      'turn?',
      'turn',
    ]);
  });

  it('is the turn alone where the worker takes no slots', () => {
    const clock = createManualClock();
    const limits = limitsTaking(clock, [], []);
    const none = createItemPools({ listed: [], pools: undefined, log: createListLog(), clock }).begin();
    expect(createTryEntries(clock).of(none, limits)).toBe(limits);
  });
});
