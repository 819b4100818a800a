import { describe, expect, it } from 'vitest';

import { createTimeKeeper, type TimeKeeper } from '../../../../src/backends/shared/shared-time.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';

const HERE_MS = 1_700_000_000_000;

/** A service whose clock is `aheadMs` ahead and that dates its answers by whole seconds. */
function serviceTime(aheadMs: number, { tripMs = 30, isDated = true } = {}) {
  const clock = createManualClock(HERE_MS);
  const service = { asked: 0, aheadMs };
  const keeper: TimeKeeper = createTimeKeeper({
    clock,
    place: 'dynamodb://table',
    async ask() {
      service.asked += 1;
      const sentMs = clock.monotonicMs();
      const stampMs = Math.floor((clock.nowMs() + tripMs / 2 + service.aheadMs) / 1_000) * 1_000;
      await clock.sleep(tripMs);
      if (isDated) keeper.note({ sentMs, receivedMs: clock.monotonicMs(), stampMs, stepMs: 1_000 });
    },
  });
  return { clock, keeper, service };
}

/** Moves time on until the promise is settled. */
async function passing<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = (): void => void (isSettled = true);
  promise.then(end, end);
  while (!isSettled) if (!(await clock.advanceToNext())) await clock.advance(1);
  return await promise;
}

function errorOf({ clock, keeper, service }: ReturnType<typeof serviceTime>): { isMs: number; atMostMs: number } {
  const moment = keeper.sharedTime.now();
  if (moment === 'unsure') throw new Error('unsure');
  return { isMs: Math.abs(moment.nowMs - clock.nowMs() - service.aheadMs), atMostMs: moment.errorMs };
}

describe('shared time', () => {
  it.each([0, 499, 500, -7_300_123, 86_400_001])('is known after a second, %i ms away from here', async (aheadMs) => {
    const time = serviceTime(aheadMs);
    expect(time.keeper.isAsked()).toBe(false);
    expect(time.keeper.sharedTime.now()).toBe('unsure');
    expect(time.keeper.isAsked()).toBe(true);
    await passing(time.clock, time.keeper.sharedTime.sharpen());
    const { isMs, atMostMs } = errorOf(time);
    expect(isMs).toBeLessThanOrEqual(atMostMs);
    expect(atMostMs).toBeLessThanOrEqual(300);
    expect(time.service.asked).toBeLessThanOrEqual(2);
    expect(time.clock.monotonicMs()).toBeLessThan(1_100);
    await time.keeper.sharedTime.sharpen();
    expect(time.service.asked).toBeLessThanOrEqual(2);
  });

  it('is unsure again when nothing was heard for long, and when a clock was stepped', async () => {
    const time = serviceTime(250);
    await passing(time.clock, time.keeper.sharedTime.sharpen());
    await time.clock.advance(600_000);
    expect(time.keeper.sharedTime.now()).toBe('unsure');
    await passing(time.clock, time.keeper.sharedTime.sharpen());
    expect(errorOf(time).isMs).toBeLessThanOrEqual(300);
    time.service.aheadMs -= 60_000;
    time.keeper.note({
      sentMs: time.clock.monotonicMs(),
      receivedMs: time.clock.monotonicMs(),
      stampMs: Math.floor((time.clock.nowMs() + time.service.aheadMs) / 1_000) * 1_000,
      stepMs: 1_000,
    });
    expect(time.keeper.sharedTime.now()).toBe('unsure');
    await passing(time.clock, time.keeper.sharedTime.sharpen());
    const { isMs, atMostMs } = errorOf(time);
    expect(isMs).toBeLessThanOrEqual(atMostMs);
  });

  it('says so when the answers tell no time, or take longer than may be unknown (STATE_UNAVAILABLE)', async () => {
    const undated = serviceTime(0, { isDated: false });
    await expect(passing(undated.clock, undated.keeper.sharedTime.sharpen())).rejects.toMatchObject({
      code: 'STATE_UNAVAILABLE',
      message: 'cannot learn the time of dynamodb://table: its answers tell no time (no Date header)',
    });
    const slow = serviceTime(0, { tripMs: 700 });
    await expect(passing(slow.clock, slow.keeper.sharedTime.sharpen())).rejects.toMatchObject({
      code: 'STATE_UNAVAILABLE',
      message: expect.stringContaining('take too long'),
    });
  });

  it('stops when it is told to', async () => {
    const { clock, keeper } = serviceTime(0);
    const stop = new AbortController();
    const sharpened = keeper.sharedTime.sharpen(stop.signal);
    await clock.advance(40);
    stop.abort(new Error('enough'));
    await expect(passing(clock, sharpened)).rejects.toThrow('enough');
  });
});
