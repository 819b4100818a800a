import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitDefinition } from '../../../src/domain/limit.ts';
import {
  describeLimit,
  formatAmount,
  formatRate,
  MOST_AMOUNT,
  parseAmount,
  parseRate,
  perSecond,
  sameLimit,
  whyUnsellable,
} from '../../../src/domain/limit-rate.ts';

describe('amounts', () => {
  it.each([
    ['0', 0],
    ['500', 500],
    ['250k', 250_000],
    ['1M', 1_000_000],
    ['1.1k', 1_100],
    ['2.5G', 2_500_000_000],
    [' 7 ', 7],
    ['1.0', 1],
    ['1000000000000000', MOST_AMOUNT],
  ])('%j is %d', (text, amount) => expect(parseAmount(text)).toBe(amount));

  it.each([
    '',
    '-1',
    '+1',
    '1.5',
    '1.0005k',
    'k',
    '1e6',
    '1_000',
    '1T',
    '1 k',
    '1000000000000001',
    '9'.repeat(40),
    'NaN',
  ])('%j is none', (text) => expect(parseAmount(text)).toBeNull());

  it('are written so that they read back the same', () => {
    fc.assert(fc.property(fc.nat(MOST_AMOUNT), (amount) => parseAmount(formatAmount(amount)) === amount));
    expect([999, 1_000, 1_500, 12_300, 250_000, 1_000_000, 12_345_678].map(formatAmount)).toEqual([
      '999',
      '1000',
      '1500',
      '12.3k',
      '250k',
      '1M',
      '12345678',
    ]);
  });
});

describe('rates', () => {
  it.each([
    ['3000/min', { amount: 3_000, perMs: 60_000 }],
    ['250k/min', { amount: 250_000, perMs: 60_000 }],
    ['10/s', { amount: 10, perMs: 1_000 }],
    ['1M/day', { amount: 1_000_000, perMs: 86_400_000 }],
    ['5 / 10 s', { amount: 5, perMs: 10_000 }],
    ['7/hour', { amount: 7, perMs: 3_600_000 }],
    ['0/s', { amount: 0, perMs: 1_000 }],
  ])('%j', (text, rate) => expect(parseRate(text)).toEqual(rate));

  it.each(['3000', '3000/', '/min', '3000/0s', '3000/fortnight', '-3/s', '3/s/s', '0.5/s', '3/constructor', '3 per s'])(
    '%j is none',
    (text) => expect(parseRate(text)).toBeNull(),
  );

  it('are written so that they read back the same', () => {
    const rate = fc.record({
      amount: fc.integer({ min: 1, max: 1_000_000_000 }),
      perMs: fc.oneof(
        fc.integer({ min: 1, max: 999_999 }),
        fc.constantFrom(1_000, 60_000, 90_000, 3_600_000, 86_400_000),
      ),
    });
    fc.assert(
      fc.property(rate, (each) => {
        expect(parseRate(formatRate(each))).toEqual(each);
      }),
    );
  });

  it('can be sold from one a day to a million a second', () => {
    const verdict = (text: string): string | null =>
      whyUnsellable(parseRate(text) as { amount: number; perMs: number });
    expect(['1/day', '1M/s', '60M/min', '3000/min'].map(verdict)).toEqual([null, null, null, null]);
    expect(verdict('1000001/s')).toContain('at most 1M/s');
    expect(verdict('2000/ms')).toContain('at most 1M/s');
    expect(verdict('1/2day')).toBe('at least 1/day');
    expect(verdict('0/s')).toBe('a rate above 0');
    expect(perSecond({ amount: 3_000, perMs: 60_000 })).toBe(50);
  });
});

const definition = (more: Partial<LimitDefinition> = {}): LimitDefinition => ({
  rates: { requests: { amount: 60, perMs: 60_000 } },
  quotas: [],
  burstMs: 0,
  mode: 'statistical',
  ...more,
});

describe('definitions', () => {
  it('are the same in whatever order they are written, and differ by the period of a rate', () => {
    const tokens = { amount: 5, perMs: 1_000 };
    expect(sameLimit(definition(), definition({ rates: { requests: { amount: 1, perMs: 1_000 } } }))).toBe(false);
    expect(
      sameLimit(
        definition({ rates: { requests: { amount: 60, perMs: 60_000 }, tokens } }),
        definition({ rates: { tokens, requests: { amount: 60, perMs: 60_000 } } }),
      ),
    ).toBe(true);
    const day = { unit: 'requests', amount: 5, every: 'day', zone: 'UTC' } as const;
    const hour = { unit: 'requests', amount: 5, every: 'hour', zone: 'UTC' } as const;
    expect(sameLimit(definition({ quotas: [day, hour] }), definition({ quotas: [hour, day] }))).toBe(true);
  });

  it.each<[string, Partial<LimitDefinition>]>([
    ['a rate', { rates: { requests: { amount: 61, perMs: 60_000 } } }],
    ['a unit', { rates: { requests: { amount: 60, perMs: 60_000 }, tokens: { amount: 1, perMs: 1_000 } } }],
    ['a quota', { quotas: [{ unit: 'requests', amount: 5, every: 'day', zone: 'UTC' }] }],
    ['the burst', { burstMs: 1 }],
    ['the mode', { mode: 'hard' }],
  ])('differ by %s, in words too', (_what, more) => {
    expect(sameLimit(definition(), definition(more))).toBe(false);
    expect(describeLimit(definition(more))).not.toBe(describeLimit(definition()));
  });

  it('say everything in one line', () => {
    expect(
      describeLimit({
        rates: { tokens: { amount: 250_000, perMs: 60_000 }, requests: { amount: 3_000, perMs: 60_000 } },
        quotas: [{ unit: 'requests', amount: 1_000_000, every: 'day', zone: 'Europe/Berlin' }],
        burstMs: 2_000,
        mode: 'hard',
      }),
    ).toBe('requests 3000/min, tokens 250k/min, burst 2s, daily requests 1M (Europe/Berlin), mode hard');
  });
});
