import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createColumnar } from '../../../../src/backends/columnar/duckdb.ts';
import type { MergeColumn } from '../../../../src/ports/columnar.ts';
import { failed, succeeded } from '../../../support/outcomes.ts';
import { readAll, useScratch, writePart } from './support.ts';

const scratchFor = useScratch();
const columnar = createColumnar();
const json = { mode: 'json' } as const;
const outputColumn: MergeColumn[] = [{ name: 'output', type: 'json' }];

const hostile = [
  'plain',
  'a[b]c',
  'a*b',
  'a?b',
  "q'uote",
  'new\nline',
  'ünï✓',
  'back\\slash',
  'a{b,c}',
  '[!x]',
  'k=v',
  '%41',
  ' sp ace ',
  '~',
];

describe('merge', () => {
  test('concatenates parts in item order and reports what is in them', async () => {
    const dir = scratchFor();
    const a = await writePart(join(dir, 'a'), [succeeded(0, { x: 1 }), failed(1)], json);
    const b = await writePart(join(dir, 'b'), [succeeded(2, { x: 2 })], json);
    const output = join(dir, 'out.parquet');
    const merged = await columnar.merge({
      inputs: [a, b],
      output,
      from: 'json',
      to: 'results',
      columns: outputColumn,
      scratch: dir,
    });
    expect(merged).toEqual({
      rows: 3,
      failed: 1,
      firstItem: 0,
      contiguous: true,
      bytes: statSync(output).size,
      sha256: createHash('sha256').update(readFileSync(output)).digest('hex'),
    });
    expect(await readAll(columnar, output, { scratch: dir })).toEqual([
      {
        item_id: 'item-0',
        item_index: 0n,
        status: 'succeeded',
        attempts: 1,
        duration_ms: 1.5,
        error_class: null,
        error_message: null,
        output: '{"x":1}',
      },
      {
        item_id: 'item-1',
        item_index: 1n,
        status: 'failed',
        attempts: 1,
        duration_ms: 1.5,
        error_class: 'TypeError',
        error_message: 'boom',
        output: null,
      },
      {
        item_id: 'item-2',
        item_index: 2n,
        status: 'succeeded',
        attempts: 1,
        duration_ms: 1.5,
        error_class: null,
        error_message: null,
        output: '{"x":2}',
      },
    ]);
  });

  test('sorts when the parts are not in item order', async () => {
    const dir = scratchFor();
    const odd = await writePart(
      join(dir, 'odd'),
      [1, 3, 5].map((n) => succeeded(n, n)),
      json,
    );
    const even = await writePart(
      join(dir, 'even'),
      [0, 2, 4].map((n) => succeeded(n, n)),
      json,
    );
    const output = join(dir, 'out');
    const merged = await columnar.merge({
      inputs: [odd, even],
      output,
      from: 'json',
      to: 'results',
      columns: outputColumn,
      scratch: dir,
    });
    expect(merged).toMatchObject({ rows: 6, contiguous: true });
    expect((await readAll(columnar, output, { scratch: dir })).map((row) => row['item_index'])).toEqual([
      0n,
      1n,
      2n,
      3n,
      4n,
      5n,
    ]);
  });

  test('sorts the failures of parts that are not in item order, and leaves those that are', async () => {
    const dir = scratchFor();
    const bad = (indices: readonly number[]) =>
      writePart(
        join(dir, `part-${indices[0]}`),
        indices.map((n) => failed(n)),
        json,
      );
    const [odd, even, later] = await Promise.all([bad([1, 3, 5]), bad([0, 2, 4]), bad([7, 90])]);
    const indices = async (inputs: readonly string[]) => {
      const output = join(dir, 'errors');
      const shared = { from: 'json', to: 'errors', columns: outputColumn, scratch: dir } as const;
      await columnar.merge({ ...shared, inputs, output });
      return (await readAll(columnar, output, { scratch: dir })).map((row) => Number(row['item_index']));
    };
    expect(await indices([odd, even])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await indices([even, later])).toEqual([0, 2, 4, 7, 90]);
  });

  test.each([
    ['an item twice', [0, 1, 1, 2]],
    ['an item missing', [0, 1, 3]],
  ])('says so when there is %s', async (_what, indices) => {
    const dir = scratchFor();
    const part = await writePart(
      join(dir, 'p'),
      indices.map((n) => succeeded(n, n)),
      json,
    );
    const merged = await columnar.merge({
      inputs: [part],
      output: join(dir, 'o'),
      from: 'json',
      to: 'results',
      columns: outputColumn,
      scratch: dir,
    });
    expect(merged.contiguous).toBe(false);
  });

  test('errors holds only failed rows, with their cause', async () => {
    const dir = scratchFor();
    const part = await writePart(join(dir, 'p'), [succeeded(0, 1), failed(1, 'why'), succeeded(2, 1)], json);
    const output = join(dir, 'errors.parquet');
    expect(
      await columnar.merge({ inputs: [part], output, from: 'json', to: 'errors', columns: outputColumn, scratch: dir }),
    ).toMatchObject({ rows: 1, failed: 1 });
    expect(await readAll(columnar, output, { scratch: dir })).toEqual([
      {
        item_id: 'item-1',
        item_index: 1n,
        status: 'failed',
        attempts: 1,
        duration_ms: 1.5,
        error_class: 'TypeError',
        error_message: 'why',
        cause: 'handler-error',
      },
    ]);
  });

  test('a file of no rows still has its columns', async () => {
    const dir = scratchFor();
    const part = await writePart(join(dir, 'p'), [succeeded(0, 1)], json);
    const output = join(dir, 'errors.parquet');
    expect(
      await columnar.merge({ inputs: [part], output, from: 'json', to: 'errors', columns: outputColumn, scratch: dir }),
    ).toMatchObject({ rows: 0, failed: 0, firstItem: 0 });
    const described = await readAll(columnar, output, { scratch: dir, sql: 'describe results' });
    expect(described.map((row) => row['column_name'])).toContain('cause');
  });

  test.each(hostile)('reads and writes exactly the files named, under %j', async (name) => {
    const dir = scratchFor(name);
    const part = await writePart(join(dir, `p-${name.replaceAll('\\', '')}.parquet`), [succeeded(0, 'null')], json);
    const output = join(dir, 'out.parquet');
    await columnar.merge({ inputs: [part], output, from: 'json', to: 'results', columns: outputColumn, scratch: dir });
    expect(await readAll(columnar, output, { scratch: dir })).toHaveLength(1);
  });

  test('a name is never taken for a pattern that matches its neighbour', async () => {
    const dir = scratchFor();
    const named = await writePart(join(dir, 'p[1]*.parquet'), [succeeded(0, '"named"')], json);
    await writePart(join(dir, 'p1.parquet'), [succeeded(0, '"neighbour"')], json);
    await writePart(join(dir, 'p1x.parquet'), [succeeded(0, '"neighbour"')], json);
    const output = join(dir, 'o[1].parquet');
    expect(
      await columnar.merge({
        inputs: [named],
        output,
        from: 'json',
        to: 'results',
        columns: outputColumn,
        scratch: dir,
      }),
    ).toMatchObject({ rows: 1 });
    await writePart(join(dir, 'o1.parquet'), [succeeded(0, '"neighbour"')], json);
    expect(await readAll(columnar, output, { scratch: dir, sql: 'select output from results' })).toEqual([
      { output: '"named"' },
    ]);
  });

  test('a missing part is not replaced by one that matches: OUTPUT_PATH_UNSUPPORTED and RESULT_CORRUPT', async () => {
    const dir = scratchFor();
    await writePart(join(dir, 'p1.parquet'), [succeeded(0, 1)], json);
    const merge = (input: string) =>
      columnar.merge({
        inputs: [input],
        output: join(dir, 'o'),
        from: 'json',
        to: 'results',
        columns: outputColumn,
        scratch: dir,
      });
    await expect(merge(join(dir, 'p[1].parquet'))).rejects.toMatchObject({ code: 'RESULT_CORRUPT' });
    await expect(merge(join(dir, 'a\\p[1].parquet'))).rejects.toMatchObject({ code: 'OUTPUT_PATH_UNSUPPORTED' });
  });

  test('merge of a broken part is RESULT_CORRUPT', async () => {
    const dir = scratchFor();
    const bad = join(dir, 'bad');
    writeFileSync(bad, 'PAR1 but not really');
    await expect(
      columnar.merge({
        inputs: [bad],
        output: join(dir, 'o'),
        from: 'json',
        to: 'results',
        columns: outputColumn,
        scratch: dir,
      }),
    ).rejects.toMatchObject({ code: 'RESULT_CORRUPT', message: expect.stringContaining(bad) as string });
  });

  test('equal parts give equal bytes, whatever the memory', async () => {
    const dir = scratchFor();
    const inputs: string[] = [];
    for (let part = 0; part < 8; part += 1)
      inputs.push(
        await writePart(
          join(dir, `p${part}`),
          Array.from({ length: 4_000 }, (_none, n) =>
            succeeded(part * 4_000 + n, { n, text: `t${n * part}`.repeat(20) }),
          ),
          json,
        ),
      );
    const bytes = [];
    for (const memoryLimitBytes of [256 * 1024 ** 2, 256 * 1024 ** 2, 1024 ** 3]) {
      const merged = await createColumnar({ memoryLimitBytes }).merge({
        inputs,
        output: join(dir, 'o'),
        from: 'json',
        to: 'results',
        columns: outputColumn,
        scratch: dir,
      });
      expect(merged).toMatchObject({ rows: 32_000, contiguous: true });
      bytes.push(merged.sha256);
    }
    expect(new Set(bytes).size).toBe(1);
  });

  test('rows of a megabyte are merged in less memory than they have', async () => {
    const dir = scratchFor();
    const inputs: string[] = [];
    for (let part = 0; part < 10; part += 1)
      inputs.push(
        await writePart(
          join(dir, `p${part}`),
          Array.from({ length: 40 }, (_none, n) =>
            succeeded(part * 40 + n, JSON.stringify(`${part}-${n}`.repeat(200_000))),
          ),
          json,
        ),
      );
    const merged = await createColumnar({ memoryLimitBytes: 256 * 1024 ** 2 }).merge({
      inputs,
      output: join(dir, 'o'),
      from: 'json',
      to: 'results',
      columns: outputColumn,
      scratch: dir,
    });
    expect(merged).toMatchObject({ rows: 400, contiguous: true });
  });
});
