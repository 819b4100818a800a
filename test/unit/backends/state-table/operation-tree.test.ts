import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { applyChange, evaluate } from '../../../../src/backends/state-table/operation-tree.ts';
import type { StateChange, StateCondition, StateItem } from '../../../../src/ports/state-table.ts';

const ITEM: StateItem = {
  state: 'RUNNING',
  n: 5,
  yes: true,
  none: null,
  list: [1],
  win: { attempt: '4711_3.0', rows: 10 },
};

describe('evaluate', () => {
  it.each<[StateCondition, boolean, boolean]>([
    [{ op: 'item-absent' }, false, true],
    [{ op: 'item-present' }, true, false],
    [{ op: 'present', path: 'none' }, true, false],
    [{ op: 'present', path: 'win.rows' }, true, false],
    [{ op: 'present', path: 'win.none' }, false, false],
    [{ op: 'present', path: 'list.0' }, false, false],
    [{ op: 'present', path: 'toString' }, false, false],
    [{ op: 'absent', path: 'owner' }, true, true],
    [{ op: 'absent', path: 'state.length' }, true, true],
    [{ op: 'absent', path: 'n' }, false, true],
    [{ op: 'equals', path: 'n', value: 5 }, true, false],
    [{ op: 'equals', path: 'n', value: '5' }, false, false],
    [{ op: 'equals', path: 'yes', value: true }, true, false],
    [{ op: 'equals', path: 'win.attempt', value: '4711_3.0' }, true, false],
    [{ op: 'in', path: 'state', values: ['PENDING', 'RUNNING'] }, true, false],
    [{ op: 'in', path: 'state', values: [] }, false, false],
    [{ op: 'less', path: 'n', value: 5 }, false, false],
    [{ op: 'at-most', path: 'n', value: 5 }, true, false],
    [{ op: 'greater', path: 'n', value: 4 }, true, false],
    [{ op: 'at-least', path: 'n', value: 6 }, false, false],
    [{ op: 'less', path: 'n', value: '9' }, false, false],
    [{ op: 'greater', path: 'state', value: 'PENDING' }, true, false],
    [{ op: 'less', path: 'missing', value: 1 }, false, false],
    [{ op: 'at-most', path: 'none', value: 1 }, false, false],
    [{ op: 'between', path: 'n', low: 5, high: 5 }, true, false],
    [{ op: 'between', path: 'n', low: 6, high: 9 }, false, false],
    [{ op: 'between', path: 'state', low: 'A', high: 'Z' }, true, false],
    [{ op: 'not', of: { op: 'less', path: 'missing', value: 1 } }, true, true],
    [{ op: 'and', of: [{ op: 'item-present' }, { op: 'equals', path: 'n', value: 5 }] }, true, false],
    [{ op: 'or', of: [{ op: 'item-absent' }, { op: 'equals', path: 'n', value: 6 }] }, false, true],
    [{ op: 'and', of: [] }, true, true],
    [{ op: 'or', of: [] }, false, false],
  ])('%j', (condition, onItem, onNone) => {
    expect(evaluate(condition, ITEM)).toBe(onItem);
    expect(evaluate(condition, null)).toBe(onNone);
  });

  it('compares strings by their UTF-8 bytes', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, text, (value, bound) => {
        const order = Buffer.compare(Buffer.from(value), Buffer.from(bound));
        expect(evaluate({ op: 'less', path: 'a', value: bound }, { a: value })).toBe(order < 0);
        expect(evaluate({ op: 'at-least', path: 'a', value: bound }, { a: value })).toBe(order >= 0);
      }),
    );
    expect(evaluate({ op: 'less', path: 'a', value: '\u{1f600}' }, { a: '\uffee' })).toBe(true);
  });

  it('never holds together with its negation', () => {
    const path = fc.constantFrom('n', 'state', 'win.rows', 'missing', 'list');
    const value = fc.oneof(fc.integer(), fc.string());
    const leaf: fc.Arbitrary<StateCondition> = fc.oneof(
      fc.record({ op: fc.constantFrom('less', 'at-most', 'greater', 'at-least', 'equals'), path, value }),
      fc.record({ op: fc.constantFrom('absent', 'present'), path }),
    );
    fc.assert(
      fc.property(leaf, leaf, (a, b) => {
        expect(evaluate({ op: 'not', of: a }, ITEM)).toBe(!evaluate(a, ITEM));
        const both = evaluate({ op: 'and', of: [a, b] }, ITEM);
        const neither: StateCondition = {
          op: 'not',
          of: {
            op: 'or',
            of: [
              { op: 'not', of: a },
              { op: 'not', of: b },
            ],
          },
        };
        expect(evaluate(neither, ITEM)).toBe(both);
      }),
    );
  });
});

describe('applyChange', () => {
  it('sets, adds and removes, and leaves the old item alone', () => {
    const before = structuredClone(ITEM);
    const change: StateChange = {
      set: { state: 'DONE', 'win.sha256': 'ab', fresh: { deep: [1] } },
      add: { n: -2, count: 3, 'win.rows': 1 },
      remove: ['yes', 'missing', 'win.attempt'],
    };
    const after = applyChange(ITEM, change);
    expect(after).toEqual({
      state: 'DONE',
      n: 3,
      none: null,
      list: [1],
      win: { rows: 11, sha256: 'ab' },
      fresh: { deep: [1] },
      count: 3,
    });
    expect(ITEM).toEqual(before);
    expect(applyChange(null, {})).toEqual({});
    expect(applyChange(null, { add: { n: 1 } })).toEqual({ n: 1 });
  });

  it.each<[string, StateChange]>([
    ['at once', { set: { a: 1 }, remove: ['a'] }],
    ['at once', { set: { win: {} }, add: { 'win.rows': 1 } }],
    ['at once', { set: { 'win.rows.x': 1, 'win-rows': 1 }, remove: ['win.rows'] }],
    ['its parent does not exist', { set: { 'none.a': 1 } }],
    ['its parent does not exist', { set: { 'list.0': 1 } }],
    ['its parent does not exist', { set: { fresh: 1, 'new.a': 1 } }],
    ['its parent does not exist', { remove: ['missing.a'] }],
    ['is not a number', { add: { state: 1 } }],
    ['is not a number', { add: { none: 1 } }],
    ['cannot be stored', { set: { n: Number.NaN } }],
    ['cannot be stored', { add: { n: Number.POSITIVE_INFINITY } }],
    ['cannot be stored', { add: { n: 1e308, m: 1e308 }, set: { f: (() => 1) as never } }],
    ['cannot be stored', { set: { a: [undefined as never] } }],
    ['must not be named', { set: { a: { 'b.c': 1 } } }],
    ['is not an attribute path', { set: { 'a..b': 1 } }],
    ['is not an attribute path', { remove: ['__proto__.x'] }],
    ['is not an attribute path', { remove: [''] }],
  ])('treats as a bug: %s %j', (message, change) => {
    expect(() => applyChange(ITEM, change)).toThrow(message);
  });

  it('does what the three lists say, path by path', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const item = fc.dictionary(name, fc.integer());
    const steps = fc.dictionary(name, fc.tuple(fc.constantFrom('set', 'add', 'remove'), fc.integer()));
    fc.assert(
      fc.property(item, steps, (before, plan) => {
        const of = (kind: string) => Object.entries(plan).filter(([, [planned]]) => planned === kind);
        const values = (kind: string) => Object.fromEntries(of(kind).map(([key, [, value]]) => [key, value]));
        const expected: Record<string, number> = { ...before, ...values('set') };
        for (const [key, value] of Object.entries(values('add'))) expected[key] = (before[key] ?? 0) + value;
        for (const [key] of of('remove')) delete expected[key];
        const change = { set: values('set'), add: values('add'), remove: of('remove').map(([key]) => key) };
        expect(applyChange(before, change)).toEqual(expected);
      }),
    );
  });
});
