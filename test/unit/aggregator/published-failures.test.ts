import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorRows } from '../../../src/aggregator/failures.ts';
import type { FinalTask } from '../../../src/aggregator/final-tasks.ts';
import { failuresByTask, type ErrorRow } from '../../../src/aggregator/published-failures.ts';
import { createColumnar } from '../../../src/backends/columnar/duckdb.ts';
import { createLeafParts } from '../../../src/backends/leaf-part/index.ts';
import { taskIdOf } from '../../../src/domain/ids.ts';
import type { Columnar } from '../../../src/ports/columnar.ts';
import { failed } from '../../support/outcomes.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const ITEMS = 10;
const task = (number: number): FinalTask => ({
  task: taskIdOf(number),
  item: { state: 'DONE', generation: 0, wave: 0, items: ITEMS, attempts: 1, charged: 1 },
  win: null,
});
const firstItems = new Map([0, 1, 2, 3].map((number) => [taskIdOf(number), number * ITEMS]));

/** What is read of rows with these indices, in chunks of two: items by task. */
async function read(indices: readonly number[], chosen: readonly number[]): Promise<Record<string, number[]>> {
  async function* rows(): AsyncGenerator<ErrorRow[]> {
    for (let at = 0; at < indices.length; at += 2)
      yield indices.slice(at, at + 2).map((index) => [index, `id-${index}`, 'handler-error', null, null]);
  }
  const found: Record<string, number[]> = {};
  for await (const failures of failuresByTask(rows(), chosen.map(task), firstItems)) {
    expect(failures.firstItem).toBe(firstItems.get(failures.task.task));
    expect(failures.failed[0]).toMatchObject({ errorClass: '', errorMessage: '', cause: 'handler-error' });
    found[failures.task.task] = failures.failed.map(({ item }) => item);
  }
  return found;
}

test('rows find their tasks, tasks without any are left out, and so are rows of tasks that are not meant', async () => {
  const indices = [1, 3, 5, 20, 29, 30];
  expect(await read(indices, [0, 1, 2, 3])).toEqual({ '000000': [1, 3, 5], '000002': [0, 9], '000003': [0] });
  expect(await read(indices, [2])).toEqual({ '000002': [0, 9] });
  expect(await read(indices, [1])).toEqual({});
  expect(await read([], [0, 1])).toEqual({});
});

describe('the rows of an errors file', () => {
  const ITEMS_OF_FILE = 5_000;
  const ascending = Array.from({ length: ITEMS_OF_FILE }, (_none, n) => n);
  const orders: [string, readonly number[]][] = [
    ['in order', ascending],
    ['of parts in a wrong order', [...ascending.slice(2_500), ...ascending.slice(0, 2_500)]],
    ['with one that came late, beyond a piece of the file', [...ascending.slice(1), 0]],
    ['none', []],
  ];

  test.each(orders)('come in the order of the input: %s', (_what, indices) =>
    withTempDir(async (dir) => {
      const path = join(dir, 'errors.parquet');
      const rows = indices.map((index) => failed(index));
      await createLeafParts().write(path, rows, { mode: 'json' });
      const asked: string[] = [];
      const engine = createColumnar();
      const columnar: Columnar = {
        ...engine,
        query: (request) => {
          asked.push(request.sql);
          return engine.query(request);
        },
      };
      const found: unknown[] = [];
      for await (const chunk of errorRows({ columnar }, { path, scratch: dir }))
        for (const row of chunk) found.push(row);
      expect(found).toEqual(
        indices.toSorted((a, b) => a - b).map((n) => [n, `item-${n}`, 'handler-error', 'TypeError', 'boom']),
      );
      // To sort is for those that need it: it may fill a disk.
      const sorts = asked.some((sql) => sql.includes('ORDER BY'));
      expect(sorts).toBe(indices !== ascending && indices.length > 0);
    }),
  );
});
