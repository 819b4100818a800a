import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createColumnar } from '../../../../src/backends/columnar/duckdb.ts';
import { succeeded } from '../../../support/outcomes.ts';
import { readAll, useScratch, writePart } from './support.ts';

const scratchFor = useScratch();
const columnar = createColumnar();
let dir: string;
let path: string;
beforeEach(async () => {
  dir = scratchFor();
  path = await writePart(
    join(dir, 'results.parquet'),
    Array.from({ length: 5_000 }, (_none, n) => succeeded(n, n)),
    { mode: 'json' },
  );
});
const ask = (sql: string) => readAll(columnar, path, { sql, scratch: dir });

describe('query', () => {
  test('streams rows in chunks and names columns and types', async () => {
    const { columns, rows } = await columnar.query({
      sql: 'select item_index, item_id from results',
      views: { results: path },
      scratch: dir,
    });
    expect(columns).toEqual([
      { name: 'item_index', type: 'BIGINT' },
      { name: 'item_id', type: 'VARCHAR' },
    ]);
    const sizes: number[] = [];
    for await (const chunk of rows) sizes.push(chunk.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5_000);
    expect(sizes.length).toBeGreaterThan(1);
  });

  test.each([true, false])(
    'rows of a long file come in its order, without being asked for (in turn: %s)',
    async (inTurn) => {
      const rows = await readAll(columnar, path, {
        sql: 'select item_index::double as n, nullif(item_id, item_id) as nothing from results',
        scratch: dir,
        inTurn,
      });
      expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 5_000 }, (_none, n) => n));
      expect(new Set(rows.map(({ nothing }) => nothing))).toEqual(new Set([null]));
    },
  );

  test.each([
    [`1::bigint`, 1n],
    [`170141183460469231731687303715884105727::hugeint`, 2n ** 127n - 1n],
    [`1::int`, 1],
    [`'nan'::double`, NaN],
    [`1.50::decimal(5, 2)`, 1.5],
    [`123456789012345678.25::decimal(38, 2)`, '123456789012345678.25'],
    [`timestamp '2024-01-02 03:04:05'`, '2024-01-02T03:04:05.000'],
    [`timestamp '1969-12-31 23:59:59.999999'`, '1969-12-31T23:59:59.999999'],
    [`timestamptz '2024-01-02 03:04:05.5+01'`, '2024-01-02T02:04:05.500Z'],
    [`'infinity'::timestamp`, 'infinity'],
    [`date '2024-01-02'`, '2024-01-02'],
    [`time '01:02:03'`, '01:02:03'],
    [`'\\x00\\xff'::blob`, 'AP8='],
    [`[1::bigint, null]`, [1n, null]],
    [`{'a': 1, 'b': [date '2024-01-02']}`, { a: 1, b: ['2024-01-02'] }],
    [`map {'k': 1::bigint}`, { k: 1n }],
    [`map {1: 'v'}`, [[1, 'v']]],
    [`null`, null],
    [`uuid '00000000-0000-0000-0000-000000000001'`, '00000000-0000-0000-0000-000000000001'],
    [`interval 1 day`, '1 day'],
    [`'{"a":1}'::json`, '{"a":1}'],
    [`array_value(1.5::double, 2)`, [1.5, 2]],
    [`union_value(k := 5)`, 5],
  ])('value %s', async (sql, value) => {
    expect(await ask(`select ${sql} as v`)).toEqual([{ v: value }]);
  });

  test('columns of one name stay apart', async () => {
    expect(await ask('select 1 as a, 2 as a')).toEqual([{ a: 1, 'a:1': 2 }]);
  });

  test.each([
    'describe results',
    'summarize results',
    'show tables',
    'explain select * from results',
    'from results limit 1',
    'with x as (from results) select count(*) from x',
    "pivot (select status from results) on status in ('succeeded') using count(*)",
  ])('reads: %s', async (sql) => {
    expect((await ask(sql)).length).toBeGreaterThan(0);
  });

  test.each([
    ['select 1; select 2', /2 statements/],
    ['', /no statement/],
    ['-- nothing', /no statement/],
    ['create table t as select 1', /CREATE/],
    ['drop view results', /DROP/],
    ["set memory_limit = '90GB'", /SET|locked/],
    ["copy (select 1) to 'x.csv'", /COPY|disabled/],
    ['insert into results select * from results', /not an? table|INSERT/],
    ['begin', /TRANSACTION/],
    ['select * from result', /Did you mean "results"/],
    ['selec 1', /syntax error/],
    ['select nope from results', /nope/],
    ['install httpfs', /LOAD|disabled/],
    ["attach ':memory:' as other", /ATTACH/],
    ['select cast(item_id as int) from results', /Could not convert/],
    ['select $1', /Values were not provided/],
  ])('QUERY_INVALID for %j', async (sql, message) => {
    await expect(ask(sql)).rejects.toMatchObject({
      code: 'QUERY_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });

  test('no other file can be read or written', async () => {
    const secret = join(dir, 'secret.txt');
    const written = join(dir, 'written');
    writeFileSync(secret, 'secret');
    const other = await writePart(join(dir, 'other.parquet'), [succeeded(0, 1)], { mode: 'json' });
    for (const sql of [
      `from read_text('${secret}')`,
      `from read_csv('${secret}')`,
      `from '${other}'`,
      `from read_parquet('${other}')`,
      `from glob('${dir}/*')`,
      `from parquet_metadata('${other}')`,
      `copy results to '${written}'`,
      `explain analyze copy results to '${written}'`,
      `export database '${written}'`,
      `attach '${written}' as w`,
      `select * from query('from read_text(''${secret}'')')`,
    ])
      await expect(ask(sql), sql).rejects.toMatchObject({ code: 'QUERY_INVALID' });
    expect(existsSync(written)).toBe(false);
  });

  test('a reader that stops early ends the query', async () => {
    const { rows } = await columnar.query({ sql: 'from results', views: { results: path }, scratch: dir });
    for await (const chunk of rows) if (chunk.length > 0) break;
    const unread = await columnar.query({ sql: 'from results', views: { results: path }, scratch: dir });
    await unread.close();
    await unread.close();
    await columnar.close();
  });
});
