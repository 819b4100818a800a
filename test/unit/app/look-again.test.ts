import { describe, expect, it } from 'vitest';
import { lookAgain, restAfterLook } from '../../../src/app/look-again.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';

/** Looks that take so long each, and when each of them began. */
function timedLooks(clock: ManualClock, tookMs: readonly number[]) {
  const beganMs: number[] = [];
  const look = async (): Promise<number> => {
    const at = beganMs.push(clock.monotonicMs()) - 1;
    await clock.sleep(tookMs[at] ?? 0);
    return at;
  };
  return { beganMs, look };
}

async function through(clock: ManualClock, looks: AsyncIterable<unknown>): Promise<void> {
  let isOver = false;
  const all = (async () => {
    for await (const _ of looks);
  })().finally(() => {
    isOver = true;
  });
  all.catch(() => {});
  while (!isOver) await clock.advanceToNext();
  return all;
}

describe('looking again', () => {
  it('comes after a second, or later by what the look took, and ends with the last', async () => {
    const clock = createManualClock();
    const { beganMs, look } = timedLooks(clock, [0, 100, 400, 0]);
    await through(clock, lookAgain(clock, look, { isLast: (at) => at === 3 }));
    expect(beganMs).toEqual([0, 1_000, 2_100, 4_500]);
  });

  it('does not count what is done with a look', async () => {
    const clock = createManualClock();
    const { beganMs, look } = timedLooks(clock, []);
    const slow = async function* () {
      for await (const seen of lookAgain(clock, look, { isLast: (at) => at === 1 })) {
        await clock.sleep(60_000);
        yield seen;
      }
    };
    await through(clock, slow());
    expect(beganMs).toEqual([0, 61_000]);
  });

  it('ends in its rest when it is told to', async () => {
    const clock = createManualClock();
    const told = new AbortController();
    const { beganMs, look } = timedLooks(clock, []);
    clock.after(1_500, () => told.abort(new Error('enough')));
    await expect(through(clock, lookAgain(clock, look, { signal: told.signal }))).rejects.toThrow('enough');
    expect(beganMs).toEqual([0, 1_000]);
  });

  it('rests as its caller says where a look is cheap', () => {
    expect([restAfterLook(10), restAfterLook(10, 30_000), restAfterLook(10_000, 30_000)]).toEqual([
      1_000, 30_000, 50_000,
    ]);
  });
});
