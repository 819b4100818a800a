import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planReturn } from '../../../src/limiter/give-back.ts';
import {
  dueUs,
  restOf,
  settleCharges,
  spend,
  turnOf,
  type Charge,
  type Lease,
  type Turn,
} from '../../../src/limiter/lease.ts';
import { createPurse } from '../../../src/limiter/purse.ts';

const lease = (rest: Partial<Lease> = {}): Lease => ({
  startUs: 1_000_000,
  endUs: 1_010_000,
  durationUs: 10_000,
  fromUs: 1_000_000,
  untilUs: 6_010_000,
  callGraceUs: null,
  bought: { requests: 10 },
  spent: {},
  g: 1,
  counted: [],
  ...rest,
});
const one = { requests: 1 };

describe('a lease', () => {
  it('comes due unit by unit, and is over after its grace', () => {
    const held = lease();
    const turns: number[] = [];
    for (let turn = turnOf([held], one, 0); turn !== null; turn = turnOf([held], one, 0)) {
      turns.push(turn.atUs);
      spend(turn);
    }
    expect(turns).toEqual(Array.from({ length: 10 }, (_, at) => 1_000_000 + at * 1_000));
    expect(turnOf([lease()], one, 6_009_999)?.atUs).toBe(6_009_999);
    expect(turnOf([lease()], one, 6_010_000)).toBeNull();
  });

  it('of a hard limit lets each call begin soon after it came due, or never', () => {
    const hard = lease({ callGraceUs: 2_000 });
    expect(turnOf([hard], one, 1_001_999)?.atUs).toBe(1_001_999);
    expect(turnOf([hard], one, 1_002_000)).toBeNull();
  });

  it('pays with what is left of the one before and the rest from the next', () => {
    const first = lease({ spent: { requests: 8 } });
    const second = lease({ startUs: 2_000_000, fromUs: 2_000_000, endUs: 2_010_000, untilUs: 7_010_000 });
    const turn = turnOf([first, second], { requests: 5 }, 1_500_000);
    expect(turn?.atUs).toBe(2_000_000);
    expect(turn?.charges.map(({ cost }) => cost)).toEqual([{ requests: 2 }, { requests: 3 }]);
    // What will have expired by then is no part of it.
    const short = lease({ spent: { requests: 8 }, untilUs: 1_900_000 });
    expect(turnOf([short, second], { requests: 5 }, 1_500_000)?.charges).toHaveLength(1);
    expect(turnOf([short, second], { requests: 11 }, 1_500_000)).toBeNull();
  });

  it('waits for the unit that comes due last', () => {
    const both = lease({ bought: { requests: 10, tokens: 100 }, spent: { requests: 1, tokens: 90 } });
    expect(turnOf([both], { requests: 1, tokens: 10 }, 0)?.atUs).toBe(1_009_000);
  });

  it('never lets more units begin than its schedule has come to, whatever calls cost', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 50 }),
        (bought, durationUs, costs) => {
          const held = lease({
            bought: { tokens: bought },
            durationUs,
            endUs: 1_000_000 + durationUs,
            untilUs: 2 ** 50,
          });
          let begun = 0;
          for (const tokens of costs) {
            const turn = turnOf([held], { tokens }, 0);
            if (turn === null) continue;
            // Units before this call, as a share of the slot: not before that share of its time.
            expect(BigInt(turn.atUs - 1_000_000) * BigInt(bought) >= BigInt(begun) * BigInt(durationUs)).toBe(true);
            spend(turn);
            begun += tokens;
          }
          expect(begun).toBeLessThanOrEqual(bought);
          expect(restOf(held, 'tokens')).toBe(bought - begun);
        },
      ),
    );
  });

  it('gets back what a call did not use, and returns the rest as debt', () => {
    const held = lease({ bought: { requests: 10, tokens: 100 } });
    const said = { requests: 1, tokens: 40 };
    const turn = turnOf([held], said, 0)!;
    spend(turn);
    expect(settleCharges(turn.charges, said, { requests: 1, tokens: 25 })).toEqual({});
    expect(restOf(held, 'tokens')).toBe(75);
    expect(dueUs(held, 'tokens')).toBe(1_002_500);
    expect(settleCharges(turn.charges, said, { requests: 1, tokens: 55 })).toEqual({ tokens: 15 });
  });
});

describe('a purse', () => {
  const purseOf = (held: Lease) => {
    const purse = createPurse();
    purse.add(held, {});
    const turn = purse.turn({ requests: 5 }, 1_010_000) as Turn;
    purse.spend(turn);
    return { purse, turn };
  };

  it('takes back what a call did not use', () => {
    const { purse, turn } = purseOf(lease({ bought: { requests: 5 } }));
    expect(purse.turn(one, 1_010_000)).toBeNull();
    purse.settle(turn, { requests: 5 }, { requests: 3 });
    expect(purse.turn({ requests: 2 }, 1_010_000)).not.toBeNull();
  });

  it('spends nothing more of what was dropped after a refusal, or has another place, whatever comes back of it', () => {
    const { purse, turn } = purseOf(lease());
    purse.dropBegun(1_010_000);
    purse.settle(turn, { requests: 5 }, { requests: 1 });
    expect(purse.leases()).toEqual([]);
    const { purse: moving, turn: early } = purseOf(lease());
    const moved = lease({ startUs: 5_000_000 });
    moving.replace((early.charges[0] as Charge).lease, moved);
    moving.settle(early, { requests: 5 }, { requests: 1 });
    expect(moving.leases()).toEqual([moved]);
  });
});

describe('giving back', () => {
  it('is for slots that have not begun', () => {
    expect(planReturn(lease(), { mode: 'statistical' }, 1_000_000)).toBeNull();
    const plan = planReturn(lease({ counted: [{ quota: 0, fromMs: 5, units: 10 }] }), { mode: 'statistical' }, 999_999);
    expect(plan?.change.add).toEqual({ t: -10_000, 'sold.requests': -10, 'windows.0.used': -10 });
    expect(plan?.when).toEqual({
      op: 'and',
      of: [
        { op: 'equals', path: 'g', value: 1 },
        { op: 'at-least', path: 't', value: 1_010_000 },
        { op: 'equals', path: 'windows.0.from', value: 5 },
      ],
    });
  });

  it('of a hard limit is for the last slot sold', () => {
    const plan = planReturn(lease(), { mode: 'hard' }, 0);
    expect(plan?.when).toEqual({
      op: 'and',
      of: [
        { op: 'equals', path: 'g', value: 1 },
        { op: 'equals', path: 't', value: 1_010_000 },
      ],
    });
  });
});
