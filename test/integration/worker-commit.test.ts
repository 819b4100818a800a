import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqliteResultFiles } from '../../src/backends/result-file/index.ts';
import { asTaskId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { doneKey } from '../../src/domain/keys.ts';
import type { DoneManifest } from '../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../src/domain/outcome.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { elementInput, JOB, readTask, specOf, storeJob, workerDeps, type JobOptions } from '../support/worker-job.ts';

let dir: { readonly path: string; readonly remove: () => void };
let deps: WorkerDeps;
beforeEach(async () => {
  dir = makeTempDir('worker');
  deps = await workerDeps(dir.path);
});
afterEach(() => dir.remove());

const handler = (code: string): string => {
  const path = join(dir.path, `handler-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.mjs`);
  writeFileSync(path, code);
  return path;
};
const store = (code: string, options: JobOptions, spec: Partial<JobSpec> = {}) =>
  storeJob(deps, specOf(handler(code), spec), options);

async function outcomes(number: number): Promise<ItemOutcome[]> {
  const { win } = await readTask(deps.state, number);
  const done = await readDone(number);
  expect(win).toBeDefined();
  const path = join(dir.path, `read-${number}.sqlite`);
  await deps.store.getFile(done.files.results.key, path, { sha256: done.files.results.sha256 });
  const sealed = (await createSqliteResultFiles()).openSealed(path);
  const rows = [...sealed.byIndex()];
  sealed.close();
  return rows;
}

async function readDone(number: number): Promise<DoneManifest> {
  const { win } = await readTask(deps.state, number);
  if (win === undefined) throw new Error(`task ${number} has no winner`);
  const key = doneKey(JOB, asTaskId(String(number).padStart(6, '0')), win.attempt);
  const bytes = await deps.store.get(key, { sha256: win.sha256 });
  return JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())) as DoneManifest;
}

describe('a whole element', () => {
  it('claims every task, runs every item and commits', async () => {
    const tasks = [
      ['{"n":1}', '{"n":2}', '{"n":3}'],
      ['{"n":4}', '{"n":5}'],
    ];
    await store('export default async ({ n }) => ({ square: n * n });', { tasks });
    const report = await runElement(deps, elementInput());
    expect(report).toEqual({ claimed: 2, committed: 2, items: 5, failed: 0, stopped: 'no-tasks' });
    const task = await readTask(deps.state, 0);
    expect(task).toMatchObject({
      state: 'DONE',
      attempts: 1,
      charged: 1,
      win: { attempt: '100_0.0', rows: 3, succeeded: 3, failed: 0 },
    });
    for (const field of ['owner', 'node', 'heartbeatMs', 'progress', 'progressFailed', 'checkpoint', 'cause'])
      expect(task, field).not.toHaveProperty(field);
    expect((await outcomes(1)).map((row) => [row.itemIndex, row.itemId, row.output])).toEqual([
      [3, '3', '{"square":16}'],
      [4, '4', '{"square":25}'],
    ]);
    const done = await readDone(0);
    expect(done).toMatchObject({ rows: 3, firstItem: 0, generation: 1, node: 'n1', files: { log: null } });
    expect(await deps.store.head(done.files.part.key)).toMatchObject({ bytes: done.files.part.bytes });
  });
});
