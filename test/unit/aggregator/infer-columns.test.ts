import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freeNames, inferColumns } from '../../../src/domain/infer-columns.ts';
import type { ColumnObservation } from '../../../src/domain/manifest.ts';
import { FIXED_COLUMNS } from '../../../src/domain/output-columns.ts';

type Kinds = ColumnObservation['kinds'];
const typeOf = (...tasks: Kinds[]): string | undefined =>
  inferColumns(tasks.map((kinds) => [{ column: 'c', kinds }]))[0]?.type;

describe('inferColumns', () => {
  test.each<[Kinds[], string]>([
    [[['null']], 'string'],
    [[[]], 'string'],
    [[['bool'], ['null']], 'bool'],
    [[['int']], 'bigint'],
    [[['int'], ['bigint']], 'bigint'],
    [[['int'], ['null', 'double']], 'double'],
    [[['bigint', 'double']], 'double'],
    [[['string']], 'string'],
    [[['int'], ['string']], 'string'],
    [[['bool'], ['int']], 'string'],
    [[['json']], 'json'],
    [[['json', 'string'], ['int']], 'json'],
  ])('%j is %s', (tasks, type) => {
    expect(typeOf(...tasks)).toBe(type);
  });

  test('columns come in order of first sight over the tasks', () => {
    const columns = inferColumns([
      [{ column: 'b', kinds: ['int'] }],
      [
        { column: 'a', kinds: ['string'] },
        { column: 'b', kinds: ['null'] },
      ],
    ]);
    expect(columns).toEqual([
      { member: 'b', name: 'b', type: 'bigint' },
      { member: 'a', name: 'a', type: 'string' },
    ]);
  });

  test('the type does not depend on the order of tasks', () => {
    const kinds = fc.array(fc.subarray<Kinds[number]>(['null', 'bool', 'int', 'bigint', 'double', 'string', 'json']), {
      minLength: 1,
    });
    fc.assert(
      fc.property(kinds, (tasks) => {
        expect(typeOf(...tasks)).toBe(typeOf(...tasks.toReversed()));
      }),
    );
  });
});

describe('freeNames', () => {
  test('names that clash when case is ignored get a suffix', () => {
    expect(freeNames(['status', 'Item_ID', 'x', 'X', 'x_output', '', '_', 'a\0b', 'cause'])).toEqual([
      'status_output',
      'Item_ID_output',
      'x',
      'X_output',
      'x_output_output',
      '_',
      '__output',
      'a\u2400b',
      'cause',
    ]);
  });

  test('are always distinct from each other and from the fixed columns', () => {
    const word = fc.oneof(fc.constantFrom<string>(...FIXED_COLUMNS, '', '_', 'x', 'X', 'x_output'), fc.string());
    fc.assert(
      fc.property(fc.array(word), (wanted) => {
        const names = [...FIXED_COLUMNS, ...freeNames(wanted)].map((name) => name.toLowerCase());
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });
});
