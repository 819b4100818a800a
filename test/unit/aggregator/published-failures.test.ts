import { expect, test } from 'vitest';
import type { FinalTask } from '../../../src/aggregator/final-tasks.ts';
import { failuresByTask, type ErrorRow } from '../../../src/aggregator/published-failures.ts';
import { taskIdOf } from '../../../src/domain/ids.ts';

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
  for await (const failures of failuresByTask({ rows: rows(), file: 'file:///e' }, chosen.map(task), firstItems)) {
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

test('a file that is not in the order of the input is damaged, and said to be', async () => {
  await expect(read([1, 25, 3], [0, 1, 2])).rejects.toMatchObject({
    code: 'RESULT_CORRUPT',
    message: 'file:///e: item 3 comes after item 25, expected the order of the input',
  });
});
