import { describe, expect, it } from 'vitest';
import { judgeWave, MOST_FRUITLESS_WAVES } from '../../../src/coordinator/judge-wave.ts';

const LAST = { isAccepted: true, attemptsBefore: 10, fruitlessBefore: 2 };

describe('judgeWave', () => {
  it('sends the next wave at once when the last one claimed something', () => {
    expect(judgeWave(LAST, 11, 0)).toEqual({ next: 'submit', fruitlessWaves: 0, waitMs: 0 });
  });

  it('takes tasks that went on to another size for claimed ones', () => {
    expect(judgeWave(LAST, 4, 0)).toEqual({ next: 'submit', fruitlessWaves: 0, waitMs: 0 });
  });

  it('sends the first wave at once, and the first after one of a version that did not count', () => {
    expect(judgeWave(null, 0, 0)).toMatchObject({ next: 'submit', waitMs: 0 });
    expect(judgeWave({ isAccepted: true, fruitlessBefore: 0 }, 3, 0)).toMatchObject({ next: 'submit', waitMs: 0 });
  });

  it('pauses longer after each wave that claimed nothing, then gives up', () => {
    const seen = [];
    let fruitlessBefore = 0;
    for (let wave = 0; wave < MOST_FRUITLESS_WAVES; wave += 1) {
      const verdict = judgeWave({ isAccepted: true, attemptsBefore: 3, fruitlessBefore }, 3, 1_000);
      seen.push(verdict.next === 'submit' ? verdict.waitMs : verdict.next);
      fruitlessBefore = verdict.fruitlessWaves;
    }
    expect(seen).toEqual([4_000, 59_000, 'give-up']);
  });

  it('does not count a wave that was refused', () => {
    const refused = { isAccepted: false, attemptsBefore: 3, fruitlessBefore: 2 };
    expect(judgeWave(refused, 3, 0)).toEqual({ next: 'submit', fruitlessWaves: 2, waitMs: 0 });
  });
});
