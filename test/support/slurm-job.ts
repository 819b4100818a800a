import { expect } from 'vitest';
import type { Cli } from './cli.ts';

/** Small enough that two dozen elements need several arrays. */
export const MAX_ARRAY_SIZE = 9;

export interface JobFileOptions {
  readonly elements?: number | 'auto' | 'tasks';
  readonly batch?: number;
  readonly time?: string;
  readonly partition?: string;
}

/** A job that doubles the numbers of numbers.jsonl. */
export const jobFile = ({ elements = 'auto', batch = 10, time = '5m', partition }: JobFileOptions): string => `
name: doubles
input: {file: numbers.jsonl, id: n}
batch: {items: ${batch}}
handler: {module: ./handler.mjs}
resources: {cpus: 1, memory: 200M, time: ${time}}
slurm: {elements: ${elements}${partition === undefined ? '' : `, partition: ${partition}`}}
retry: {attempts: 5, backoff: 1s..2s}
checkpoint: {every: 2s}
output: {columns: {doubled: int}}
`;

/** The output has exactly one succeeded row for each of `count` items, in order, with the right value. */
export async function expectDoubles(cli: Cli, job: string, count: number): Promise<void> {
  const sql = `select count(*), count(distinct item_id), count(*) filter (where doubled = 2 * item_index and status = 'succeeded' and item_id = item_index::varchar) from results`;
  const { rows } = await cli.json<{ rows: (number | string)[][] }>(['results', job, '--query', sql]);
  expect(rows[0]?.map(Number)).toEqual([count, count, count]);
}

/** Asks until the answer is not null. Bounded; for processes that give no event. */
export async function until<T>(ask: () => T | null | Promise<T | null>, patienceMs = 240_000): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(`gave up after ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
