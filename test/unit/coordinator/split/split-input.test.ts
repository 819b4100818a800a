import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createIdLedgers, createInputSources } from '../../../../src/backends/input/index.ts';
import { readJsonl } from '../../../../src/backends/input/jsonl.ts';
import { splitInput, type SplitOptions } from '../../../../src/coordinator/split/split-input.ts';
import { asJobId } from '../../../../src/domain/ids.ts';
import type { InputSpec } from '../../../../src/domain/job-spec.ts';
import type { TaskManifest } from '../../../../src/domain/manifest.ts';
import type { InputSources } from '../../../../src/ports/input-source.ts';
import type { ObjectStore } from '../../../../src/ports/object-store.ts';
import { inPieces } from '../../../support/input-records.ts';

const job = asJobId('test-00000000');
const inputOf = (more: Partial<InputSpec> = {}): InputSpec =>
  ({
    kind: 'file',
    path: '/data/in.jsonl',
    format: 'jsonl',
    compression: 'none',
    onBadRecord: 'stop',
    ...more,
  }) as InputSpec;

/** Only what a split uses; `put` may be delayed or refused by the test. */
function memoryStore(before: (key: string) => Promise<void> = () => Promise.resolve()) {
  const objects = new Map<string, string>();
  let underWay = 0;
  const put: ObjectStore['put'] = async (key, body) => {
    underWay += 1;
    try {
      await before(key);
      const bytes = Buffer.from(body as Uint8Array);
      objects.set(key, bytes.toString('utf8'));
      return { key, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    } finally {
      underWay -= 1;
    }
  };
  return { objects, underWay: () => underWay, store: { put } as ObjectStore };
}

const never = (): never => {
  throw new Error('not expected');
};
const ledgers = createIdLedgers({ scratch: { check: never, open: never } });
const textSource = (text: string, size = 1000): InputSources => ({
  open: (spec) => readJsonl(inPieces(Buffer.from(text), [size]), { file: '/data/in.jsonl', idField: spec.id }),
});

const split = (
  inputs: InputSources,
  store: ObjectStore,
  more: { input?: InputSpec; batch?: { items: number; bytes: number } } & Partial<SplitOptions> = {},
) =>
  splitInput(
    { inputs, ledgers, store },
    { job, spec: { input: more.input ?? inputOf(), batch: more.batch ?? { items: 2, bytes: 1000 } }, ...more },
  );

const manifestsOf = (objects: Map<string, string>): TaskManifest[] =>
  [...objects.entries()]
    .filter(([key]) => key.includes('/tasks/'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]) => JSON.parse(text) as TaskManifest);

describe('split', () => {
  it('stores exact bytes, task manifests and a digest over the batches', async () => {
    const { store, objects } = memoryStore();
    const progress: number[] = [];
    const result = await split(textSource('{"a": 1}\r\n"b"\n\n3'), store, {
      onProgress: ({ items }) => progress.push(items),
    });
    const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
    const [first, second] = ['{"a": 1}\n"b"\n', '3\n'];
    expect(Object.fromEntries(objects)).toEqual({
      [`jobs/${job}/batches/000000.jsonl`]: first,
      [`jobs/${job}/batches/000001.jsonl`]: second,
      [`jobs/${job}/tasks/000000.json`]: expect.any(String) as string,
      [`jobs/${job}/tasks/000001.json`]: expect.any(String) as string,
    });
    expect(manifestsOf(objects)[1]).toEqual({
      schema: 'slurmctl.task-manifest/1',
      task: '000001',
      batch: { key: `jobs/${job}/batches/000001.jsonl`, sha256: sha('3\n'), bytes: 2 },
      firstItem: 2,
      items: 1,
      bad: [],
    });
    expect(result).toEqual({
      counts: { items: 3, tasks: 2, bytes: 15, badRecords: 0 },
      inputDigest: sha(sha('{"a": 1}\n"b"\n') + sha('3\n')),
      itemsOfTasks: [2, 1],
    });
    expect(progress.at(-1)).toBe(3);
  });

  it('gives the same objects and digest again, whatever the order in which writes end and the bytes arrive', async () => {
    const text = Array.from({ length: 500 }, (_, index) => `{"n":${index},"x":"${'y'.repeat(index % 37)}"}`).join('\n');
    const plain = memoryStore();
    const one = await split(textSource(text), plain.store);
    let turn = 0;
    const shuffled = memoryStore(async () => {
      turn += 1;
      for (let ticks = (turn * 7) % 11; ticks > 0; ticks -= 1) await Promise.resolve();
    });
    const two = await split(textSource(text, 13), shuffled.store);
    expect(two).toEqual(one);
    expect(shuffled.objects).toEqual(new Map(shuffled.objects.size === plain.objects.size ? plain.objects : []));
  });

  it('stops at bad records, names them all, and does not write behind them', async () => {
    const { store, objects } = memoryStore();
    const text = '1\n2\n{"a":\nx\n5\n6\n7\n8\n';
    await expect(split(textSource(text, 4), store)).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      exitCode: 2,
      message:
        '2 records cannot be used; the first: /data/in.jsonl:3:6: found the end of the record, expected a JSON value',
      hint: expect.stringContaining('fail-item') as string,
      problems: [
        { place: { file: '/data/in.jsonl', line: 3, column: 6 }, message: expect.any(String) as string },
        { place: { file: '/data/in.jsonl', line: 4, column: 1 }, message: 'found "x", expected a JSON value' },
      ],
    });
    expect(objects.size).toBe(2);
  });

  it('shows 20 bad records and stops reading there', async () => {
    let readOn = 0;
    const inputs: InputSources = {
      async *open() {
        for (; readOn < 100; readOn += 1)
          yield { bytes: Buffer.from('""\n'), ends: [3], lines: [readOn + 1], bad: [{ index: 0, message: 'broken' }] };
      },
    };
    const failure = (await split(inputs, memoryStore().store).catch((error: unknown) => error)) as {
      message: string;
      problems: unknown[];
    };
    expect(failure.message).toContain('20 records cannot be used, and more may follow');
    expect(failure.problems).toHaveLength(20);
    expect(readOn).toBe(19);
  });

  it('carries bad records as items with fail-item', async () => {
    const { store, objects } = memoryStore();
    const result = await split(textSource('1\noops\n3\n'), store, { input: inputOf({ onBadRecord: 'fail-item' }) });
    expect(result.counts).toEqual({ items: 3, tasks: 2, bytes: 11, badRecords: 1 });
    expect(objects.get(`jobs/${job}/batches/000000.jsonl`)).toBe('1\n"oops"\n');
    expect(manifestsOf(objects)[0]?.bad).toEqual([{ line: 1, message: 'found "o", expected a JSON value' }]);
  });

  it('names both places of a duplicate id', async () => {
    const text = '{"id":"a"}\n{"id":1}\n\n{"id":"a"}\n{"id":"1"}\n';
    await expect(split(textSource(text), memoryStore().store, { input: inputOf({ id: 'id' }) })).rejects.toMatchObject({
      code: 'INPUT_DUPLICATE_ID',
      exitCode: 2,
      message: 'id "a" is at /data/in.jsonl:1 and again at /data/in.jsonl:4; 1 other repeat follows',
      problems: [
        { place: { file: '/data/in.jsonl', line: 4 }, message: expect.stringContaining('in.jsonl:1') as string },
        {
          place: { file: '/data/in.jsonl', line: 5 },
          message: 'id "1" is at /data/in.jsonl:2 and again at /data/in.jsonl:5',
        },
      ],
    });
  });

  it('names duplicates by number where there are no lines', async () => {
    const input: InputSpec = { kind: 'grid', axes: { seed: [1, 2], again: [1, 2] }, id: 'seed', onBadRecord: 'stop' };
    await expect(split(createInputSources(), memoryStore().store, { input })).rejects.toMatchObject({
      code: 'INPUT_DUPLICATE_ID',
      message: expect.stringContaining('id "1" is at item 1 of input.grid and again at item 2 of input.grid') as string,
    });
  });

  it.each([
    ['\n\n', inputOf(), '/data/in.jsonl has no records'],
    ['', inputOf({ kind: 'grid', axes: {} } as Partial<InputSpec>), 'input.grid has an axis without values'],
  ])('refuses an empty input (%#)', async (text, input, message) => {
    await expect(split(textSource(text), memoryStore().store, { input })).rejects.toMatchObject({
      code: 'INPUT_EMPTY',
      exitCode: 2,
      message,
    });
  });

  it('refuses more tasks than a job can have', async () => {
    await expect(split(textSource('1\n2\n3\n4\n5\n'), memoryStore().store, { maxTasks: 2 })).rejects.toMatchObject({
      code: 'INPUT_TOO_MANY_TASKS',
      exitCode: 2,
    });
  });

  it('throws what the store throws, once no write is under way any more', async () => {
    const refusal = new Error('disk full');
    const { store, underWay } = memoryStore(async (key) => {
      if (key.endsWith('000003.jsonl')) throw refusal;
      for (let ticks = 0; ticks < 50; ticks += 1) await Promise.resolve();
    });
    const text = Array.from({ length: 40 }, (_, index) => String(index)).join('\n');
    await expect(split(textSource(text), store)).rejects.toBe(refusal);
    expect(underWay()).toBe(0);
  });

  it('has a bounded number of batches in flight', async () => {
    let most = 0;
    const watched = memoryStore(async () => {
      most = Math.max(most, watched.underWay());
      for (let ticks = 0; ticks < 20; ticks += 1) await Promise.resolve();
    });
    const text = Array.from({ length: 400 }, (_, index) => String(index)).join('\n');
    await split(textSource(text), watched.store);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('ends when asked to', async () => {
    const controller = new AbortController();
    controller.abort(new Error('interrupted'));
    await expect(split(textSource('1\n'), memoryStore().store, { signal: controller.signal })).rejects.toThrow(
      'interrupted',
    );
  });
});
