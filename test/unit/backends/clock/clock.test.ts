import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createSystemClock } from '../../../../src/backends/clock.ts';
import { createSystemIds, createSystemRandom } from '../../../../src/backends/random.ts';

describe('system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('sleeps for as long as it is told', async () => {
    const woken = vi.fn<() => void>();
    void createSystemClock()
      .sleep(1_000)
      .then(() => woken());
    await vi.advanceTimersByTimeAsync(999);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledOnce();
  });

  it('sleeps longer than one timer of the system can', async () => {
    const woken = vi.fn<() => void>();
    const ms = 2 ** 31 + 5_000;
    void createSystemClock()
      .sleep(ms)
      .then(() => woken());
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledOnce();
  });

  it('wakes with the reason when the signal aborts, and leaves no timer', async () => {
    const abort = new AbortController();
    const sleeping = createSystemClock().sleep(1_000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    expect(vi.getTimerCount()).toBe(0);
    await expect(createSystemClock().sleep(1, abort.signal)).rejects.toThrow('enough');
  });

  it('calls once, or again and again, until cancelled', async () => {
    const clock = createSystemClock();
    const once = vi.fn<() => void>();
    const often = vi.fn<() => void>();
    const never = vi.fn<() => void>();
    clock.after(100, once);
    clock.after(100, never)();
    const stop = clock.every(100, often);
    await vi.advanceTimersByTimeAsync(350);
    stop();
    await vi.advanceTimersByTimeAsync(350);
    expect([once, often, never].map((fn) => fn.mock.calls.length)).toEqual([1, 3, 0]);
  });
});

describe('system ids', () => {
  it('makes ULIDs that carry the time and only grow, also when the clock does not', () => {
    const times = [1_469_918_176_385, 1_469_918_176_385, 1_469_918_176_000, 1_469_918_176_386];
    const ids = createSystemIds({ nowMs: () => times.shift() ?? 1_469_918_176_387 });
    const made = Array.from({ length: 2_000 }, () => ids.ulid());
    expect(made[0]).toMatch(/^01aryz6s41[0-9a-hjkmnp-tv-z]{16}$/);
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  it('makes tokens of the alphabet of ids', () => {
    const ids = createSystemIds(createSystemClock());
    expect(ids.token(8)).toMatch(/^[0-9a-hjkmnp-tv-z]{8}$/);
    expect(new Set(Array.from({ length: 500 }, () => ids.token(8))).size).toBe(500);
    const value = createSystemRandom().next();
    expect(value >= 0 && value < 1).toBe(true);
  });
});
