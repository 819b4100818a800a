import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInputSources } from '../../src/backends/input/index.ts';
import { collectRecords } from '../support/input-records.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir('parquet');
});
afterEach(() => dir.remove());

async function write(name: string, select: string): Promise<string> {
  const path = join(dir.path, name);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

const read = (path: string, id?: string, signal?: AbortSignal) =>
  collectRecords(
    createInputSources().open(
      {
        kind: 'file',
        path,
        format: 'parquet',
        compression: 'none',
        onBadRecord: 'stop',
        ...(id === undefined ? {} : { id }),
      },
      signal,
    ),
  );

describe('Parquet', () => {
  it('keeps every digit, nesting and time', async () => {
    const path = await write(
      'types[1].parquet',
      `SELECT 9007199254740993::BIGINT big, 12.30::DECIMAL(20,2) de, 1.5::DOUBLE dbl, 'nan'::DOUBLE nn, TRUE bo, NULL::INT nu,
        'é"\\n' tx, TIMESTAMP '2024-01-02 03:04:05.123456' ts, TIMESTAMPTZ '2024-01-02 03:04:05+02' tz, DATE '2024-02-03' da,
        [1::BIGINT << 60, NULL] li, {'a': 1, 'b': ['x']} st, MAP {'k': 1} ma, '\\xAB\\xCD'::BLOB bl,
        uuid '00000000-0000-0000-0000-00000000002a' uid, TIMESTAMP_NS '2024-01-02 03:04:05.123456789' ns`,
    );
    const [record] = await read(path, 'big');
    expect(record?.json).toBe(
      '{"big":9007199254740993,"de":12.30,"dbl":1.5,"nn":null,"bo":true,"nu":null,"tx":"é\\"\\\\n","ts":"2024-01-02T03:04:05.123456",' +
        '"tz":"2024-01-02T01:04:05Z","da":"2024-02-03","li":[1152921504606846976,null],"st":{"a":1,"b":["x"]},"ma":{"k":1},"bl":"q80=",' +
        '"uid":"00000000-0000-0000-0000-00000000002a","ns":"2024-01-02T03:04:05.123456789"}',
    );
    expect(record).toMatchObject({ id: '9007199254740993', line: 1 });
  });

  it('streams the rows in file order', async () => {
    const path = await write('many.parquet', `SELECT range AS n, repeat('x', 100) AS text FROM range(50000)`);
    const seen = await read(path);
    expect(seen.map(({ value }) => (value as { n: number }).n)).toEqual(
      Array.from({ length: 50_000 }, (_, index) => index),
    );
    expect(seen.at(-1)?.line).toBe(50_000);
  });

  it('calls rows without a usable id bad and refuses an id that is no column', async () => {
    const path = await write('ids.parquet', `SELECT * FROM (VALUES ('a'), (NULL)) t(doc)`);
    expect((await read(path, 'doc')).map(({ id, bad }) => [id, bad?.message])).toEqual([
      ['a', undefined],
      ['', 'id field "doc" is null, expected a string or an integer'],
    ]);
    await expect(read(path, 'id')).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringContaining('but the fields are "doc"') as string,
    });
  });

  it.each([
    ['nothing', ''],
    ['text', 'a,b\n1,2\n'],
    ['a cut-off file', 'PAR1 and then nothing more'],
  ])('refuses %s', async (name, content) => {
    const path = join(dir.path, `${name}.parquet`);
    writeFileSync(path, content);
    await expect(read(path)).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      exitCode: 2,
      message: expect.stringContaining(`${path}: cannot be read as Parquet`) as string,
    });
  });

  it('ends when asked to', async () => {
    const path = await write('some.parquet', 'SELECT 1 AS n');
    await expect(read(path, undefined, AbortSignal.abort(new Error('interrupted')))).rejects.toThrow('interrupted');
  });
});
