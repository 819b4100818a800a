import { describe, expect, it } from 'vitest';
import { judgeWave, MOST_FRUITLESS_WAVES } from '../../../src/coordinator/judge-wave.ts';

describe('judgeWave', () => {
  it('sends the next wave at once when the last one claimed something', () => {
    const history = { wave: 4, submittedWave: 4, attemptsAtWave: 10, fruitlessWaves: 2 };
    expect(judgeWave(history, 11, 0)).toEqual({ next: 'submit', fruitlessWaves: 0, waitMs: 0 });
  });

  it('sends the first wave at once', () => {
    expect(judgeWave({ wave: -1, submittedWave: -1 }, 0, 0)).toMatchObject({ next: 'submit', waitMs: 0 });
  });

  it('pauses longer after each wave that claimed nothing, then gives up', () => {
    const seen = [];
    let fruitlessWaves = 0;
    for (let wave = 0; wave < MOST_FRUITLESS_WAVES; wave += 1) {
      const verdict = judgeWave({ wave, submittedWave: wave, attemptsAtWave: 3, fruitlessWaves }, 3, 1_000);
      seen.push(verdict.next === 'submit' ? verdict.waitMs : verdict.next);
      fruitlessWaves = verdict.fruitlessWaves;
    }
    expect(seen).toEqual([4_000, 59_000, 'give-up']);
  });

  it('does not count a wave that was refused', () => {
    const history = { wave: 5, submittedWave: 4, attemptsAtWave: 3, fruitlessWaves: 2 };
    expect(judgeWave(history, 3, 0)).toEqual({ next: 'submit', fruitlessWaves: 2, waitMs: 0 });
  });
});
