import { createHash } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import { batchKey, segmentKey } from '../../src/domain/keys.ts';
import type { ItemOutcome } from '../../src/domain/outcome.ts';
import { decodeSegment, encodeSegment } from '../../src/domain/segment.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { BeaconTask } from '../../src/ports/beacon.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { saveForDead } from '../../src/worker/save-for-dead.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
let batchSha256: string;
beforeEach(async () => {
  job = await openWorkerFixture();
  const code = `export default async ({ n }) => { ${noting('n')} return n * 2; };`;
  await job.store(code, { tasks: [numbered(0, 5), numbered(5, 20)] });
  const bytes = await job.deps.store.get(batchKey(JOB, TASK));
  batchSha256 = createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
});
afterEach(() => job.close());

const TASK = taskIdOf(1);
const DEAD = asAttemptId('7_0.0');
const path = (): string => join(job.path, 'results.sqlite');

const outcome = (itemIndex: number, more: Partial<ItemOutcome> = {}): ItemOutcome => ({
  itemId: String(itemIndex),
  itemIndex,
  status: 'succeeded',
  attempts: 1,
  durationMs: 1,
  errorClass: null,
  errorMessage: null,
  cause: null,
  output: String(itemIndex * 2),
  ...more,
});
const rows = (from: number, to: number): ItemOutcome[] =>
  Array.from({ length: to - from }, (_, at) => outcome(from + at));

/** A worker died with these outcomes in its file, after it had stored the first `stored` of them and pointed at the first `pointed`. */
async function died(
  outcomes: readonly ItemOutcome[],
  { stored = 0, pointed = stored }: { stored?: number; pointed?: number } = {},
): Promise<BeaconTask> {
  const file = job.deps.resultFiles.create(path());
  file.append(outcomes);
  file.discard();
  const header = { task: TASK, attempt: DEAD, generation: 1, batchSha256, tries: [[18, 1]] as const };
  for (let seq = 1; seq <= stored; seq += 1)
    await job.deps.store.put(
      segmentKey(JOB, TASK, DEAD, seq),
      encodeSegment({ ...header, seq }, [outcomes[seq - 1] as ItemOutcome]),
    );
  const checkpoint = pointed === 0 ? {} : { checkpoint: { attempt: DEAD, seq: pointed, items: pointed } };
  await setTask(job.deps.state, 1, { state: 'RUNNING', owner: DEAD, attempts: 1, ...checkpoint });
  return {
    job: JOB,
    task: TASK,
    key: taskKey(JOB, TASK, 1),
    attempt: DEAD,
    generation: 1,
    firstItem: 5,
    results: { path: path(), batchSha256, items: 20 },
  };
}

const save = (task: BeaconTask): Promise<number> => {
  const { store, resultFiles } = job.deps;
  return saveForDead({ deps: job.deps, input: elementInput(), store, resultFiles }, task);
};

/** Numbers of the items that the next attempt runs. */
async function nextRuns(): Promise<number[]> {
  await setTask(job.deps.state, 1, { state: 'PENDING' });
  await runElement(job.deps, elementInput());
  expect(await job.outcomes(1)).toHaveLength(20);
  expect((await job.outcomes(1)).map((row) => row.output)).toEqual(rows(5, 25).map((row) => row.output));
  return job
    .notes()
    .map(Number)
    .filter((n) => n >= 5)
    .toSorted((a, b) => a - b);
}

describe('what a dead worker had finished', () => {
  it('is saved from its file, and not run again', async () => {
    expect(await save(await died(rows(5, 17)))).toBe(12);
    expect((await job.task(1)).checkpoint).toEqual({ attempt: DEAD, seq: 1, items: 12 });
    expect(await nextRuns()).toEqual([17, 18, 19, 20, 21, 22, 23, 24]);
  });

  it('is counted with those of it that failed', async () => {
    const failed = outcome(6, {
      status: 'failed',
      output: null,
      errorClass: 'E',
      errorMessage: 'e',
      cause: 'handler-error',
    });
    expect(await save(await died([outcome(5), failed, outcome(7)]))).toBe(3);
    expect((await job.task(1)).checkpoint).toEqual({ attempt: DEAD, seq: 1, items: 3, failed: 1 });
  });

  it('counts once where its checkpoint holds it already, and comes after segments that nothing points at', async () => {
    expect(await save(await died(rows(5, 15), { stored: 3, pointed: 2 }))).toBe(8);
    expect((await job.task(1)).checkpoint).toEqual({ attempt: DEAD, seq: 4, items: 10 });
    const segment = decodeSegment((await job.deps.store.get(segmentKey(JOB, TASK, DEAD, 4))) ?? new Uint8Array());
    expect(segment).toMatchObject({ header: { tries: [[18, 1]] } });
    expect((await nextRuns())[0]).toBe(15);
  });

  it('is left alone when the task is no longer the dead one’s, or its checkpoint holds as much', async () => {
    const task = await died(rows(5, 9), { stored: 4 });
    expect(await save(task)).toBe(0);
    await setTask(job.deps.state, 1, { owner: '7_0.1' });
    expect(await save({ ...task, results: { path: path(), batchSha256, items: 20 } })).toBe(0);
    await setTask(job.deps.state, 1, { owner: DEAD, state: 'WAIT' });
    expect(await save(task)).toBe(0);
    expect((await job.task(1)).checkpoint).toEqual({ attempt: DEAD, seq: 4, items: 4 });
  });

  it.each<[string, (task: BeaconTask) => BeaconTask]>([
    ['a file that is not there', (task) => ({ ...task, results: { path: `${path()}-gone`, batchSha256, items: 20 } })],
    ['a file that was cut', (task) => (truncateSync(path(), 5_000), task)],
    ['a file that is none', (task) => (writeFileSync(path(), 'x'.repeat(9_000)), task)],
    ['a file of other items', (task) => ({ ...task, firstItem: 100 })],
    ['a file with a hole', (task) => (writeFileSync(path(), holed(readFileSync(path()))), task)],
    ['no file at all', ({ results: _none, ...task }) => task],
  ])('is not believed of %s', async (_name, damage) => {
    const many = rows(5, 25).map((row) => ({ ...row, output: JSON.stringify('x'.repeat(3_000)) }));
    expect(await save(damage(await died(many)))).toBe(0);
    expect(await job.task(1)).not.toHaveProperty('checkpoint');
  });
});

/** A page of output that never got to the disk. */
const holed = (bytes: Buffer): Buffer => {
  const at = bytes.lastIndexOf('xxxxxxxx');
  const page = Math.floor(at / 4_096) * 4_096;
  return Buffer.concat([bytes.subarray(0, page), Buffer.alloc(4_096), bytes.subarray(page + 4_096)]);
};
