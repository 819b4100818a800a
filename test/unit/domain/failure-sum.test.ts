import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFingerprints } from '../../../src/domain/failure-fingerprints.ts';
import { createJobFailureSum, createOutcomeSum, type FailureSum } from '../../../src/domain/failure-sum.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import { failed, succeeded } from '../../support/outcomes.ts';

const largestOf = (outcomes: readonly ItemOutcome[], limit?: number): readonly FailureSum[] => {
  const sum = createOutcomeSum(limit);
  for (const outcome of outcomes) sum.add(outcome);
  return sum.largest();
};
const many = (message: (n: number) => string, from: number, count: number): ItemOutcome[] =>
  Array.from({ length: count }, (_, n) => failed(from + n, message(n)));
const kind = (items: number, name: string): FailureSum => ({
  fingerprint: name,
  items,
  cause: 'handler-error',
  errorClass: 'Error',
  message: name,
});

describe('what a task says of its failed items', () => {
  it('are its three largest groups, counted as analyze-errors counts them', () => {
    const outcomes = [
      ...many((n) => `no row ${n}`, 0, 5),
      ...many((n) => `no licence for "n${n}"`, 5, 9),
      ...many(() => 'disk gone', 14, 2),
      ...many(() => 'just once', 16, 1),
      succeeded(17),
    ];
    const groups = largestOf(outcomes);
    expect(groups.map(({ items, message }) => [items, message])).toEqual([
      [9, 'no licence for "n0"'],
      [5, 'no row 0'],
      [2, 'disk gone'],
    ]);
    const { cause, errorClass, errorMessage } = failed(0, 'no row 7');
    const fingerprint = createFingerprints()(
      { isLost: false, item: {} },
      { cause: cause ?? 'unknown', errorClass: errorClass ?? '', errorMessage: errorMessage ?? '' },
    );
    expect(groups[1]).toMatchObject({ fingerprint, cause, errorClass });
    expect(largestOf([succeeded(0)])).toEqual([]);
  });

  it('is never more than true, however many kinds there are', () => {
    const words = fc.array(fc.constantFrom('oak', 'elm', 'ash', 'fir', 'yew', 'bay', 'fig'), { maxLength: 40 });
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 8 }), (messages, limit) => {
        const groups = largestOf(
          messages.map((message, n) => failed(n, message)),
          limit,
        );
        const truth = (word: string): number => messages.filter((one) => one === word).length;
        for (const { message, items } of groups) expect(items).toBeLessThanOrEqual(truth(message));
        if (new Set(messages).size > limit) return;
        const largest = [...new Set(messages)].map(truth).toSorted((a, b) => b - a);
        expect(groups.map(({ items }) => items)).toEqual(largest.slice(0, 3));
      }),
    );
  });

  it('has no secret in it, no second line, and few bytes whatever a handler says', () => {
    const [first] = largestOf([failed(0, '\n  refused: password=hunter2hunter2 \n at line 2')]);
    expect(first?.message).toBe('refused: password=[redacted]');
    const [key] = largestOf([failed(0, `-----BEGIN PRIVATE KEY-----\n${'MIIE'.repeat(200)}`)]);
    expect(key?.message).toBe('[redacted]…');
    const [cut] = largestOf([failed(0, `${'x'.repeat(70)} password=hunter2hunter2`)]);
    expect(cut?.message).toMatch(/^x{70} pas/);
    expect(cut?.message).not.toContain('hunter');
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 5 }), (messages) => {
        const outcomes = messages.map((text, n) => ({ ...failed(n, text), errorClass: text }));
        const groups = largestOf(outcomes);
        for (const { message, errorClass } of groups) {
          expect(Buffer.byteLength(message)).toBeLessThanOrEqual(80);
          expect(Buffer.byteLength(errorClass)).toBeLessThanOrEqual(40);
          expect(message + errorClass).not.toMatch(/[\r\n]/);
        }
        const bytes = groups.flatMap((group) => Object.entries(group).flat().map(String));
        expect(Buffer.byteLength(bytes.join(''))).toBeLessThan(620);
      }),
    );
  });
});

describe('what the tasks of a job say together', () => {
  it('is exact while each task names all of its groups', () => {
    const sum = createJobFailureSum();
    sum.add([kind(7, 'a'), kind(2, 'b')]);
    sum.add([kind(4, 'b'), kind(3, 'c')]);
    sum.add([kind(1, 'd')]);
    expect(sum.sums(17)).toEqual({ groups: [kind(7, 'a'), kind(6, 'b'), kind(3, 'c')], ungrouped: 0 });
  });

  it('says how many failed items are in no group', () => {
    const sum = createJobFailureSum();
    sum.add([kind(7, 'a')]);
    expect(sum.sums(30)).toEqual({ groups: [kind(7, 'a')], ungrouped: 23 });
    expect(createJobFailureSum().sums(12)).toEqual({ groups: [], ungrouped: 12 });
  });

  it('is never more than true, and what is missing is within what is ungrouped', () => {
    const outcomes = fc.array(
      fc.array(fc.constantFrom('oak', 'elm', 'ash', 'fir', 'yew', 'bay', 'fig'), { maxLength: 12 }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 2, max: 8 }), (tasks, limit) => {
        const sum = createJobFailureSum(limit);
        for (const messages of tasks) sum.add(largestOf(messages.map((message, n) => failed(n, message))));
        const all = tasks.flat();
        const { groups, ungrouped } = sum.sums(all.length);
        for (const { message, items } of groups) {
          const truth = all.filter((one) => one === message).length;
          expect(items).toBeLessThanOrEqual(truth);
          expect(items + ungrouped).toBeGreaterThanOrEqual(truth);
        }
      }),
    );
  });
});
