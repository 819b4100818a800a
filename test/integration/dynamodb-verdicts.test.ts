import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { applyChange, evaluate } from '../../src/backends/state-table/operation-tree.ts';
import type { StateChange, StateCondition, StateItem, StateTable, StateValue } from '../../src/ports/state-table.ts';
import { freshTable, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';

// Few names, values close to each other and words that the expression language reserves, so that much is found and much is equal.
const name = fc.constantFrom('a', 'size', 'of-it', 'ü');
const number = fc
  .oneof(
    fc.constantFrom(0, 1, -1, 0.1, 0.30000000000000004, 1e21, 9_007_199_254_740_992, 1e-130, -9e125, 123_456.789e-20),
    fc.double({ min: -1e100, max: 1e100, noNaN: true }).filter((value) => value === 0 || Math.abs(value) > 1e-130),
  )
  // JSON and DynamoDB know one zero only; the contract of the state table says so.
  .map((value) => value + 0);
const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', '1', '\uffee', '😀'),
  fc.string({ maxLength: 3, unit: 'grapheme' }),
);
const scalar = fc.oneof(number, text);
const { value } = fc.letrec<{ value: StateValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    scalar,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const item = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('.'));
const leaf: fc.Arbitrary<StateCondition> = fc.oneof(
  fc.constantFrom<StateCondition>({ op: 'item-absent' }, { op: 'item-present' }),
  fc.record({ op: fc.constantFrom('absent' as const, 'present' as const), path }),
  fc.record({ op: fc.constant('equals' as const), path, value: fc.oneof(scalar, fc.boolean()) }),
  fc.record({ op: fc.constantFrom('less', 'at-most', 'greater', 'at-least'), path, value: scalar }),
  fc.record({ op: fc.constant('between' as const), path, low: scalar, high: scalar }),
  fc.record({ op: fc.constant('in' as const), path, values: fc.array(scalar, { maxLength: 4 }) }),
);
const { condition } = fc.letrec<{ condition: StateCondition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({ op: fc.constantFrom('and' as const, 'or' as const), of: fc.array(tie('condition'), { maxLength: 3 }) }),
    fc.record({ op: fc.constant('not' as const), of: tie('condition') }),
  ),
}));

describe('DynamoDB and the interpreter of conditions and changes', () => {
  let table: StateTable;
  let other: StateTable;
  let count = 0;
  beforeAll(async () => {
    useTestCredentials();
    const { url } = await freshTable();
    table = await openDynamoTable(url);
    other = await openDynamoTable(url);
  });

  /** A key with that item, or without any; `known`: the writing handle has seen the item, so that the server judges the condition. */
  async function arranged(before: StateItem | null) {
    const key = { partition: 'verdicts', sort: `${(count += 1)}` };
    if (before !== null) await other.createMany([{ key, item: before }]);
    await table.get(key);
    return key;
  }

  it('judge any condition on any item the same', async () => {
    const cases = fc.array(fc.tuple(condition, fc.option(item, { freq: 5 })), { minLength: 40, maxLength: 40 });
    let held = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (batch) => {
        await Promise.all(
          batch.map(async ([when, before]) => {
            const result = await table.write(await arranged(before), {}, when);
            const expected = evaluate(when, before);
            held += Number(expected);
            expect(result, JSON.stringify({ when, before })).toStrictEqual(
              expected ? { applied: true, item: before ?? {} } : { applied: false, current: before },
            );
          }),
        );
      }),
      { numRuns: 25 },
    );
    expect(held).toBeGreaterThan(200);
  });

  it('judge an IN of 250 and a deep tree the same', async () => {
    const key = await arranged({ n: 249 });
    const values = Array.from({ length: 250 }, (_, n) => n);
    let when: StateCondition = { op: 'in', path: 'n', values };
    expect((await table.write(key, {}, when)).applied).toBe(true);
    for (let depth = 0; depth < 30; depth += 1)
      when =
        depth % 2
          ? { op: 'and', of: [when, { op: 'item-present' }] }
          : { op: 'or', of: [{ op: 'absent', path: 'n' }, when] };
    expect((await table.write(key, {}, when)).applied).toBe(true);
    for (let depth = 0; depth < 21; depth += 1) when = { op: 'not', of: when };
    expect((await table.write(key, {}, when)).applied).toBe(false);
  });

  it('make the same of any change, or refuse it as a bug and change nothing', async () => {
    const change: fc.Arbitrary<StateChange> = fc.record({
      set: fc.dictionary(path, value, { maxKeys: 2, noNullPrototype: true }),
      add: fc.dictionary(path, fc.integer({ min: -1_000, max: 1_000 }), { maxKeys: 2, noNullPrototype: true }),
      remove: fc.array(path, { maxLength: 2 }),
    });
    const integers = fc.dictionary(name, fc.oneof(fc.integer({ min: -9e14, max: 9e14 }), value.map(wholeNumbers)), {
      maxKeys: 4,
      noNullPrototype: true,
    });
    let done = 0;
    const cases = fc.array(fc.tuple(change, fc.option(integers, { freq: 5 })), { minLength: 30, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cases, async (batch) => {
        await Promise.all(
          batch.map(async ([wanted, before]) => {
            const key = await arranged(before);
            const when = { op: 'and', of: [] } as const;
            let expected: StateItem;
            try {
              expected = applyChange(before, wanted);
            } catch {
              await expect(table.write(key, wanted, when)).rejects.not.toHaveProperty('code');
              expect(await table.get(key)).toStrictEqual(before);
              return;
            }
            done += 1;
            const about = JSON.stringify({ wanted, before });
            expect(await table.write(key, wanted, when), about).toStrictEqual({ applied: true, item: expected });
            expect(await other.get(key), about).toStrictEqual(expected);
          }),
        );
      }),
      { numRuns: 20 },
    );
    expect(done).toBeGreaterThan(60);
  });
});

/** DynamoDB adds decimal fractions exactly, JavaScript does not: only whole numbers are added to. */
function wholeNumbers(whole: StateValue): StateValue {
  if (typeof whole === 'number') return Math.abs(whole) < 1e15 ? Math.round(whole) + 0 : 7;
  if (Array.isArray(whole)) return whole.map(wholeNumbers);
  if (typeof whole === 'object' && whole !== null)
    return Object.fromEntries(Object.entries(whole).map(([key, inner]) => [key, wholeNumbers(inner as StateValue)]));
  return whole;
}
