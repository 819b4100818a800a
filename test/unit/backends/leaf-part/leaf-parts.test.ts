import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLeafParts } from '../../../../src/backends/leaf-part/index.ts';
import { encodeLevels } from '../../../../src/backends/leaf-part/levels.ts';
import type { ItemOutcome } from '../../../../src/domain/outcome.ts';
import { COLUMN_TYPES, LEAF_PHYSICAL, type OutputSpec } from '../../../../src/domain/output-columns.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

let dir: { readonly path: string; readonly remove: () => void };
let db: DuckDBConnection;
beforeAll(async () => {
  db = await (await DuckDBInstance.create()).connect();
});
afterAll(() => db.closeSync());
beforeEach(() => {
  dir = makeTempDir('leaf');
});
afterEach(() => dir.remove());

const outcome = (itemIndex: number, output: string | null, more: Partial<ItemOutcome> = {}): ItemOutcome => ({
  itemId: `i${itemIndex}`,
  itemIndex,
  status: 'succeeded',
  attempts: 1,
  durationMs: 0.5,
  errorClass: null,
  errorMessage: null,
  cause: null,
  output,
  ...more,
});

let files = 0;
async function write(outcomes: Iterable<ItemOutcome>, output: OutputSpec, options = {}): Promise<string> {
  const path = join(dir.path, `part${(files += 1)}.parquet`);
  await createLeafParts(options).write(path, outcomes, output);
  return path;
}
const rows = async (sql: string): Promise<unknown[][]> => (await db.runAndReadAll(sql)).getRowsJS() as unknown[][];

const TYPED: OutputSpec = {
  mode: 'columns',
  columns: Object.fromEntries(COLUMN_TYPES.map((type) => [`c_${type}`, type])),
};

describe('leaf parts, read by DuckDB', () => {
  it('have the fixed columns, cause, and the types of LEAF_PHYSICAL', async () => {
    const path = await write([outcome(0, null)], TYPED);
    const described = (await rows(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '${path}')`)).map(
      (row) => row.join(' '),
    );
    expect(described).toEqual([
      'item_id VARCHAR',
      'item_index BIGINT',
      'status VARCHAR',
      'attempts INTEGER',
      'duration_ms DOUBLE',
      'error_class VARCHAR',
      'error_message VARCHAR',
      'cause VARCHAR',
      ...COLUMN_TYPES.map((type) => `c_${type} ${LEAF_PHYSICAL[type].duckdb}`),
    ]);
  });

  it('carry the extremes of every type', async () => {
    const big = 'é𝄞"\\\n'.repeat(160_000);
    const texts = [
      `{"c_string":${JSON.stringify(big)},"c_int":-2147483648,"c_bigint":-9223372036854775808,"c_double":"NaN","c_bool":true,"c_timestamp":"0001-01-01T00:00:00.000Z","c_json":{"a":[1,12345678901234567890,null]}}`,
      '{"c_string":"nul\\u0000inside","c_int":2147483647,"c_bigint":9223372036854775807,"c_double":"-Infinity","c_bool":false,"c_timestamp":"9999-12-31T23:59:59.999Z","c_json":"text"}',
      '{"c_string":"","c_double":5e-324,"c_timestamp":"1969-12-31T23:59:59.999Z","c_json":12345678901234567890}',
      '{}',
      'null',
    ];
    const path = await write(
      texts.map((text, at) => outcome(at, text)),
      TYPED,
    );
    const read = await rows(
      `SELECT c_string, c_int, c_bigint, c_double, c_bool, epoch_ms(c_timestamp), c_json FROM '${path}' ORDER BY item_index`,
    );
    expect(read[0]).toEqual([
      big,
      -2147483648,
      -9223372036854775808n,
      NaN,
      true,
      -62135596800000n,
      '{"a":[1,12345678901234567890,null]}',
    ]);
    expect(read[1]).toEqual([
      'nul\u0000inside',
      2147483647,
      9223372036854775807n,
      -Infinity,
      false,
      253402300799999n,
      '"text"',
    ]);
    expect(read[2]).toEqual(['', null, null, 5e-324, null, -1n, '12345678901234567890']);
    expect(read[3]).toEqual([null, null, null, null, null, null, null]);
    expect(read[4]).toEqual(read[3]);
  });

  it('carry failures, and JSON text untouched', async () => {
    const failed = outcome(1, null, {
      status: 'failed',
      attempts: 3,
      errorClass: 'TypeError',
      errorMessage: 'é\n',
      cause: 'handler-error',
    });
    const path = await write([outcome(0, '{"b":1,"a":[ 1 ]}'), failed], { mode: 'json' });
    expect(
      await rows(
        `SELECT item_id, item_index, status, attempts, duration_ms, error_class, error_message, cause, output FROM '${path}'`,
      ),
    ).toEqual([
      ['i0', 0n, 'succeeded', 1, 0.5, null, null, null, '{"b":1,"a":[ 1 ]}'],
      ['i1', 1n, 'failed', 3, 0.5, 'TypeError', 'é\n', 'handler-error', null],
    ]);
  });

  it('have several row groups when rows or bytes ask for it, with every row in order', async () => {
    const many = Array.from({ length: 5_000 }, (_, at) =>
      outcome(at, at % 3 === 0 ? null : `{"n":${at},"pad":"${'x'.repeat(100)}"}`),
    );
    for (const options of [{ groupRows: 700 }, { groupBytes: 50_000 }]) {
      const path = await write(many, { mode: 'json' }, options);
      const [groups] = await rows(`SELECT count(DISTINCT row_group_id) FROM parquet_metadata('${path}')`);
      expect(Number(groups?.[0])).toBeGreaterThan(5);
      const read = await rows(`SELECT item_index, output FROM '${path}'`);
      expect(read).toEqual(many.map((row) => [BigInt(row.itemIndex), row.output]));
    }
  });

  it('a huge value ends its row group early, so that memory stays bounded', async () => {
    const path = await write(
      Array.from({ length: 8 }, (_, at) => outcome(at, `"${'y'.repeat(300_000)}"`)),
      { mode: 'json' },
      { groupBytes: 500_000 },
    );
    const [groups] = await rows(`SELECT count(DISTINCT row_group_id) FROM parquet_metadata('${path}')`);
    expect(Number(groups?.[0])).toBe(4);
  });

  it('a part without rows is still a table', async () => {
    const path = await write([], { mode: 'infer' });
    expect(await rows(`SELECT count(*), count(output) FROM '${path}'`)).toEqual([[0n, 0n]]);
  });

  it('columns may have names that the file cannot hold as they are: position counts', async () => {
    const output: OutputSpec = {
      mode: 'columns',
      columns: Object.fromEntries([
        ['cause', 'int'],
        ['Cause_', 'int'],
        ['a.b,c "d"', 'int'],
        ['__proto__', 'int'],
      ]),
    };
    const path = await write([outcome(0, '{"cause":1,"Cause_":2,"a.b,c \\"d\\"":3,"__proto__":4}')], output);
    const [row] = await rows(`SELECT * FROM '${path}'`);
    expect(row?.slice(7)).toEqual([null, 1, 2, 3, 4]);
  });

  it('any outcomes come back', async () => {
    const output = fc.record(
      { c_string: fc.string({ unit: 'binary' }), c_double: fc.double(), c_bool: fc.boolean() },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(output)), fc.integer({ min: 1, max: 9 }), async (values, groupRows) => {
        const wellFormed = values.map((value) =>
          value === null
            ? null
            : {
                ...value,
                ...(value.c_string === undefined ? {} : { c_string: Buffer.from(value.c_string).toString() }),
              },
        );
        const texts = wellFormed.map((value) =>
          value === null
            ? null
            : JSON.stringify(value, (_k, v: unknown) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v)),
        );
        const path = await write(
          texts.map((text, at) => outcome(at, text)),
          TYPED,
          { groupRows },
        );
        const read = await rows(`SELECT c_string, c_double, c_bool FROM '${path}' ORDER BY item_index`);
        expect(read).toEqual(
          wellFormed.map((value) => [
            value?.c_string ?? null,
            value?.c_double === 0 ? 0 : (value?.c_double ?? null),
            value?.c_bool ?? null,
          ]),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('are written group by group, and whatever is due in between has its turn', async () => {
    let turns = 0;
    let writing = true;
    const turn = (): void => {
      turns += 1;
      if (writing) setImmediate(turn);
    };
    setImmediate(turn);
    const turnsAt: number[] = [];
    const some = (function* (): Generator<ItemOutcome> {
      for (let at = 0; at < 500; at += 1) {
        if (at % 100 === 0) turnsAt.push(turns);
        yield outcome(at, null);
      }
    })();
    await write(some, { mode: 'json' }, { groupRows: 100 });
    writing = false;
    expect(turnsAt).toHaveLength(5);
    expect(new Set(turnsAt).size).toBe(5);
  });

  it('a full disk is SCRATCH_FULL', async () => {
    const write = createLeafParts().write('/dev/full/part', [], { mode: 'json' });
    await expect(write).rejects.toMatchObject({ code: 'ENOTDIR' });
    const full = (function* (): Generator<ItemOutcome> {
      yield outcome(0, null);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    })();
    await expect(createLeafParts().write(join(dir.path, 'full'), full, { mode: 'json' })).rejects.toMatchObject({
      code: 'SCRATCH_FULL',
    });
  });
});

describe('definition levels', () => {
  it('are one run when all rows agree', () => {
    expect([...encodeLevels(new Uint8Array(300).fill(1), 0)]).toEqual([0xd8, 0x04, 1]);
    expect([...encodeLevels(new Uint8Array(3), 3)]).toEqual([6, 0]);
    expect([...encodeLevels(new Uint8Array(0), 0)]).toEqual([]);
  });
  it('are packed bits otherwise', () => {
    expect([...encodeLevels(Uint8Array.from([1, 0, 1, 1, 0, 0, 0, 0, 1]), 5)]).toEqual([5, 0b1101, 1]);
  });
});
