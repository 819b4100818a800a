import { describe, expect, it } from 'vitest';

import {
  checkedLength,
  compileChange,
  compileCondition,
  createPlaceholders,
} from '../../../../src/backends/state-table/dynamodb-expression.ts';
import { demandsAbsence } from '../../../../src/backends/state-table/dynamodb-version.ts';
import type { StateCondition } from '../../../../src/ports/state-table.ts';

const TRUE: StateCondition = { op: 'and', of: [] };
const FALSE: StateCondition = { op: 'or', of: [] };
const A: StateCondition = { op: 'present', path: 'a' };
const B: StateCondition = { op: 'equals', path: 'size.of-it', value: 'x' };

describe('compileCondition', () => {
  it.each<[StateCondition, string | boolean]>([
    [{ op: 'item-absent' }, 'attribute_not_exists(#0)'],
    [{ op: 'and', of: [A, B] }, '(attribute_exists(#0)) AND (#1.#2 = :0)'],
    [{ op: 'and', of: [TRUE, A] }, 'attribute_exists(#0)'],
    [{ op: 'or', of: [A, { op: 'and', of: [A, FALSE] }] }, 'attribute_exists(#0)'],
    [{ op: 'not', of: { op: 'or', of: [A, A] } }, 'NOT ((attribute_exists(#0)) OR (attribute_exists(#0)))'],
    [{ op: 'between', path: 'a', low: 1, high: 2 }, '(#0 >= :0) AND (#0 <= :1)'],
    [{ op: 'between', path: 'a', low: 1, high: '2' }, false],
    [{ op: 'in', path: 'a', values: [] }, false],
    [{ op: 'not', of: { op: 'in', path: 'a', values: [] } }, true],
    [TRUE, true],
    [FALSE, false],
    [{ op: 'or', of: [A, TRUE] }, true],
    [{ op: 'and', of: [A, { op: 'not', of: TRUE }] }, false],
  ])('%j', (condition, expected) => {
    const to = createPlaceholders();
    const text = compileCondition(condition, to);
    expect(text).toBe(expected);
    // The service refuses placeholders that are not used.
    for (const placeholder of [...Object.keys(to.names), ...Object.keys(to.values)])
      expect(text).toContain(placeholder);
  });

  it('splits an IN of more than 100', () => {
    const to = createPlaceholders();
    const values = Array.from({ length: 101 }, (_, n) => n);
    expect(compileCondition({ op: 'in', path: 'a', values }, to)).toMatch(/^\(#0 IN \(.*:2r\)\) OR \(#0 IN \(:2s\)\)$/);
  });

  it.each(['pk', 'sk', '_w', 'ttl', '_w.x'])('refuses %s, which the driver keeps for itself', (path) => {
    expect(() => compileCondition({ op: 'present', path }, createPlaceholders())).toThrow('must not be named');
  });

  it.each(['', 'a..b', '.a', '__proto__'])('refuses %j, which is no path', (path) => {
    expect(() => compileCondition({ op: 'present', path }, createPlaceholders())).toThrow('is not an attribute path');
  });
});

describe('compileChange', () => {
  it('sets, adds and removes in one expression', () => {
    const to = createPlaceholders();
    const change = { set: { 'a.b': 1 }, add: { n: 2 }, remove: ['old', 'a.old'] };
    expect(compileChange(change, { _w: 'n' }, to)).toBe(
      'SET #0 = :0, #1.#2 = :1, #3 = if_not_exists(#3, :2) + :3 REMOVE #4, #1.#4',
    );
    expect(to.names).toEqual({ '#0': '_w', '#1': 'a', '#2': 'b', '#3': 'n', '#4': 'old' });
    expect(compileChange({}, { _w: 'n' }, createPlaceholders())).toBe('SET #0 = :0');
  });

  it('refuses what the service would refuse for its length', () => {
    const remove = Array.from({ length: 900 }, (_, n) => `attribute-${n}`);
    expect(() => compileChange({ remove }, {}, createPlaceholders())).toThrow(/an expression of \d+ bytes/);
    expect(checkedLength('x'.repeat(4_096))).toHaveLength(4_096);
  });
});

it('only conditions that no item fulfils demand absence', () => {
  expect(demandsAbsence({ op: 'item-absent' })).toBe(true);
  expect(demandsAbsence({ op: 'and', of: [A, { op: 'item-absent' }] })).toBe(true);
  expect(demandsAbsence({ op: 'or', of: [A, { op: 'item-absent' }] })).toBe(false);
  expect(demandsAbsence({ op: 'not', of: { op: 'item-absent' } })).toBe(false);
});
