import { describe, expect, it } from 'vitest';
import { shareReading } from '../../../src/app/shared-reading.ts';
import { createManualClock } from '../../support/manual-clock.ts';

describe('a shared reading', () => {
  const counted = (clock: ReturnType<typeof createManualClock>, fails: readonly number[] = []) => {
    let begun = 0;
    return shareReading(clock, async () => {
      begun += 1;
      if (fails.includes(begun)) throw new Error(`reading ${begun} failed`);
      return { value: begun, freshMs: 1_000 };
    });
  };

  it('is made once for all who ask meanwhile, and again when it is no longer fresh', async () => {
    const clock = createManualClock();
    const read = counted(clock);
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1]);
    await clock.advance(999);
    expect(await read()).toBe(1);
    await clock.advance(1);
    expect(await Promise.all([read(), read()])).toEqual([2, 2]);
  });

  it('that fails, fails for those who waited for it and for nobody after them', async () => {
    const clock = createManualClock();
    const read = counted(clock, [1]);
    const first = await Promise.allSettled([read(), read()]);
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await read()).toBe(2);
  });
});
