import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createColumnar } from '../../../../src/backends/columnar/duckdb.ts';
import type { ColumnType, OutputSpec } from '../../../../src/domain/output-columns.ts';
import type { MergeColumn } from '../../../../src/ports/columnar.ts';
import { failed, succeeded } from '../../../support/outcomes.ts';
import { readAll, useScratch, writePart } from './support.ts';

const scratchFor = useScratch();
const columnar = createColumnar();

async function infer(
  columns: readonly MergeColumn[],
  outputs: readonly (string | null)[],
): Promise<Record<string, unknown>[]> {
  const dir = scratchFor();
  const part = await writePart(
    join(dir, 'p'),
    outputs.map((output, n) => (output === null ? failed(n) : succeeded(n, output))),
    { mode: 'infer' },
  );
  const middle = join(dir, 'middle');
  const output = join(dir, 'o');
  await columnar.merge({ inputs: [part], output: middle, from: 'infer', to: 'merged', columns, scratch: dir });
  await columnar.merge({ inputs: [middle], output, from: 'merged', to: 'results', columns, scratch: dir });
  const direct = join(dir, 'direct');
  await columnar.merge({ inputs: [part], output: direct, from: 'infer', to: 'results', columns, scratch: dir });
  const rows = await readAll(columnar, output, { scratch: dir });
  expect(await readAll(columnar, direct, { scratch: dir })).toEqual(rows);
  return rows;
}

const column = (member: string, type: ColumnType, name = member): MergeColumn => ({ name, type, member });
const valuesOf = (rows: Record<string, unknown>[], name: string): unknown[] => rows.map((row) => row[name]);

describe('members of the output become typed columns', () => {
  test('every type, null, missing keys and failed items', async () => {
    const columns = [
      column('s', 'string'),
      column('i', 'bigint'),
      column('d', 'double'),
      column('b', 'bool'),
      column('j', 'json'),
    ];
    const rows = await infer(columns, [
      '{"s":"x","i":9007199254740993,"d":0.1,"b":true,"j":{"a":[1,null,{"b":9007199254740993}]}}',
      '{"s":null,"i":null,"d":null,"b":null,"j":null}',
      '{}',
      null,
      '{"s":"","i":-9223372036854775808,"d":"NaN","b":false,"j":"text"}',
      '{"d":"-Infinity","i":9223372036854775807,"s":1.5,"j":1}',
      '{"d":5e-324,"s":true,"j":[]}',
      '{"d":1.7976931348623157e+308,"s":{"a":1}}',
    ]);
    expect(valuesOf(rows, 's')).toEqual(['x', null, null, null, '', '1.5', 'true', '{"a":1}']);
    expect(valuesOf(rows, 'i')).toEqual([
      9007199254740993n,
      null,
      null,
      null,
      -(2n ** 63n),
      2n ** 63n - 1n,
      null,
      null,
    ]);
    expect(valuesOf(rows, 'd')).toEqual([0.1, null, null, null, NaN, -Infinity, 5e-324, 1.7976931348623157e308]);
    expect(valuesOf(rows, 'b')).toEqual([true, null, null, null, false, null, null, null]);
    expect(valuesOf(rows, 'j')).toEqual([
      '{"a":[1,null,{"b":9007199254740993}]}',
      null,
      null,
      null,
      '"text"',
      '1',
      '[]',
      null,
    ]);
  });

  test.each([
    'a.b',
    ' sp ace',
    'q"u\'o',
    '$',
    '',
    '/sl',
    '~t',
    '0',
    '#',
    '*',
    '[0]',
    'ünï✓',
    'select',
    'A"B',
    'nul\0key',
    'scalars',
    'o0',
    'documents',
    'back\\slash',
  ])('key %j', async (key) => {
    const rows = await infer([column(key, 'bigint', key === '' ? '_' : key)], [JSON.stringify({ [key]: 7, other: 8 })]);
    expect(Object.values(rows[0] ?? {})).toContain(7n);
  });

  test('an output that is no object is the value of the column `output`', async () => {
    const outputs = ['42', '"text"', '[1,2]', '{"output":"inner","x":1}', '{"x":2}', 'null', 'true'];
    expect(valuesOf(await infer([column('output', 'json'), column('x', 'bigint')], outputs), 'output')).toEqual([
      '42',
      '"text"',
      '[1,2]',
      '"inner"',
      null,
      null,
      'true',
    ]);
    expect(valuesOf(await infer([column('output', 'string')], outputs), 'output')).toEqual([
      '42',
      'text',
      '[1,2]',
      'inner',
      null,
      null,
      'true',
    ]);
    expect(valuesOf(await infer([column('output', 'double')], ['1', '"NaN"', '2.5']), 'output')).toEqual([1, NaN, 2.5]);
  });

  test('no column at all', async () => {
    expect(Object.keys((await infer([], ['{}', null]))[0] ?? {}).at(-1)).toBe('error_message');
  });

  test('strings of a megabyte', async () => {
    const text = 'é"\\\n✓'.repeat(170_000);
    expect(valuesOf(await infer([column('t', 'string')], [JSON.stringify({ t: text })]), 't')).toEqual([text]);
  });

  test('any strings, doubles and 64-bit integers come back exactly', async () => {
    const item = fc.record({
      s: fc.string({ unit: 'grapheme' }),
      d: fc.double({ noNaN: true, noDefaultInfinity: true }),
      i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 50 }), async (items) => {
        const rows = await infer(
          [column('s', 'string'), column('d', 'double'), column('i', 'bigint')],
          items.map(({ s, d, i }) => `{"s":${JSON.stringify(s)},"d":${JSON.stringify(d)},"i":${i}}`),
        );
        // JSON has no negative zero.
        expect(rows.map(({ s, d, i }) => ({ s, d, i }))).toEqual(
          items.map(({ s, d, i }) => ({ s, d: d === 0 ? 0 : d, i })),
        );
      }),
      { numRuns: 15 },
    );
  });
});

describe('declared columns', () => {
  const types = { s: 'string', i: 'int', l: 'bigint', d: 'double', b: 'bool', t: 'timestamp', j: 'json' } as const;
  const spec: OutputSpec = { mode: 'columns', columns: types };
  const columns = Object.entries(types).map(([name, type]) => ({ name, type }));

  test('every type survives leaf, intermediate and result', async () => {
    const dir = scratchFor();
    const outputs = [
      '{"s":"ü\\n","i":-2147483648,"l":9223372036854775807,"d":"NaN","b":true,"t":"2024-02-29T12:34:56.789Z","j":{"big":9007199254740993}}',
      '{"s":null,"i":null,"l":null,"d":null,"b":null,"t":null,"j":null}',
      '{"d":"-Infinity","b":false,"t":"1969-12-31T23:59:59.999Z"}',
    ];
    const part = await writePart(
      join(dir, 'p'),
      outputs.map((output, n) => succeeded(n, output)),
      spec,
    );
    const middle = join(dir, 'middle');
    const output = join(dir, 'o');
    await columnar.merge({ inputs: [part], output: middle, from: 'columns', to: 'merged', columns, scratch: dir });
    await columnar.merge({ inputs: [middle], output, from: 'merged', to: 'results', columns, scratch: dir });
    const rows = await readAll(columnar, output, { scratch: dir, sql: 'select s, i, l, d, b, t, j from results' });
    expect(rows).toEqual([
      {
        s: 'ü\n',
        i: -2147483648,
        l: 2n ** 63n - 1n,
        d: NaN,
        b: true,
        t: '2024-02-29T12:34:56.789Z',
        j: '{"big":9007199254740993}',
      },
      { s: null, i: null, l: null, d: null, b: null, t: null, j: null },
      { s: null, i: null, l: null, d: -Infinity, b: false, t: '1969-12-31T23:59:59.999Z', j: null },
    ]);
    const described = await readAll(columnar, output, { scratch: dir, sql: 'describe results' });
    expect(described.map((row) => row['column_type']).slice(-7)).toEqual([
      'VARCHAR',
      'INTEGER',
      'BIGINT',
      'DOUBLE',
      'BOOLEAN',
      'TIMESTAMP WITH TIME ZONE',
      'VARCHAR',
    ]);
  });

  test('names that differ in case only, or are those of hidden columns, stay apart by position', async () => {
    const dir = scratchFor();
    const names: OutputSpec = { mode: 'columns', columns: { cause: 'string', A: 'int', a: 'int' } };
    const part = await writePart(join(dir, 'p'), [succeeded(0, '{"cause":"own","A":1,"a":2}')], names);
    const output = join(dir, 'o');
    const free: MergeColumn[] = [
      { name: 'cause', type: 'string' },
      { name: 'A', type: 'int' },
      { name: 'a_output', type: 'int' },
    ];
    await columnar.merge({ inputs: [part], output, from: 'columns', to: 'results', columns: free, scratch: dir });
    expect(await readAll(columnar, output, { scratch: dir, sql: 'select cause, A, a_output from results' })).toEqual([
      { cause: 'own', A: 1, a_output: 2 },
    ]);
  });
});
