import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSparingPace, type Seen } from '../../../src/app/pass-pace.ts';

const HOUR = 3_600_000;
const QUIET: Seen = { isAllFinal: false, undecided: 0 };
const nothingDue = { nextDueMs: null };

/** When passes are made by somebody who looks every second; `seen` and `passed` say what is found then. */
function passesOver(
  lengthMs: number,
  seen: (nowMs: number) => Seen,
  passed: (nowMs: number) => { readonly nextDueMs: number | null } | null = () => nothingDue,
): number[] {
  const pace = createSparingPace();
  const made: number[] = [];
  for (let nowMs = 0; nowMs <= lengthMs; nowMs += 1_000) {
    if (pace.dueInMs(nowMs) === 0) {
      made.push(nowMs);
      pace.passed(nowMs, passed(nowMs));
    }
    pace.see(seen(nowMs));
  }
  return made;
}

describe('passes over a job on Slurm', () => {
  it('come quickly at first, then ever less often', () => {
    const made = passesOver(HOUR, () => QUIET);
    expect(made.slice(0, 5)).toEqual([0, 3_000, 8_000, 15_000, 26_000]);
    expect(made.at(-1)! - made.at(-2)!).toBe(120_000);
  });

  it('are some three hundred in ten hours, whatever counts do', () => {
    expect(passesOver(10 * HOUR, () => QUIET).length).toBeLessThan(315);
  });

  it('come at once when every task is final, and not again and again when that does not end the job', () => {
    const endMs = 30 * 60_000;
    const made = passesOver(HOUR, (nowMs) => ({ isAllFinal: nowMs >= endMs, undecided: 0 }));
    const after = made.filter((ms) => ms > endMs);
    expect(after.slice(0, 3)).toEqual([endMs + 1_000, endMs + 3_000, endMs + 6_000]);
    expect(after.length).toBeLessThan(30);
  });

  it('come soon when tasks have failed, and when a time has come', () => {
    const failed = passesOver(HOUR, (nowMs) => ({ isAllFinal: false, undecided: nowMs < 1_805_000 ? 0 : 3 }));
    expect(failed).toContain(1_806_000);
    expect(failed.filter((ms) => ms > 1_806_000 && ms < 1_820_000)).toHaveLength(3);
    const begun = passesOver(
      HOUR,
      () => QUIET,
      (nowMs) => ({ nextDueMs: nowMs < 1_000_000 ? 1_000_000 - nowMs : null }),
    );
    expect(begun).toContain(1_000_000);
  });

  it('do not follow each other because what is due cannot be done', () => {
    const made = passesOver(
      HOUR,
      () => QUIET,
      () => ({ nextDueMs: 0 }),
    );
    expect(made.length).toBeLessThan(50);
  });

  it('are over a long time no more than one in 30 s, whatever happens', () => {
    const happenings = fc.array(
      fc.record({ undecided: fc.nat(9), nextDueMs: fc.option(fc.nat(60_000)), isNull: fc.boolean() }),
      { minLength: 1, maxLength: 50 },
    );
    fc.assert(
      fc.property(happenings, (all) => {
        const at = (nowMs: number) => all[(nowMs / 1_000) % all.length] ?? all[0]!;
        const made = passesOver(
          HOUR,
          (nowMs) => ({ isAllFinal: false, undecided: at(nowMs).undecided }),
          (nowMs) => (at(nowMs).isNull ? null : { nextDueMs: at(nowMs).nextDueMs }),
        );
        expect(made.length).toBeLessThanOrEqual(10 + HOUR / 30_000 + 1);
        made.slice(1).forEach((ms, index) => expect(ms - (made[index] ?? 0)).toBeGreaterThanOrEqual(2_000));
        made.slice(1).forEach((ms, index) => expect(ms - (made[index] ?? 0)).toBeLessThanOrEqual(121_000));
      }),
    );
  });
});
