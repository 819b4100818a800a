import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Drivers } from '../../src/app/job-backends.ts';
import { reportDocument } from '../../src/app/report-document.ts';
import type { AttemptRecord } from '../../src/domain/history.ts';
import { asAttemptId, asSubmissionId, taskIdOf } from '../../src/domain/ids.ts';
import { historyKey, submissionKey, taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { elementInput, JOB } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

const report = () => reportDocument(job.deps as unknown as Drivers, JOB);

it('knows of workers what they said with their commits, while the job runs', async () => {
  const code = `const held = Buffer.alloc(64 * 1024 ** 2, 1);
export default async ({ n }) => { const end = Date.now() + 20; while (Date.now() < end); return n + held[0]; };`;
  await job.store(code, { tasks: [numbered(0, 2), numbered(2, 2), numbered(4, 2)] });
  expect(await report()).toMatchObject({ cpu: null, memory: null, time: null, advice: [] });
  await runElement(job.deps, elementInput());
  const { attempts, cpu, memory, time, cost, asked } = await report();
  expect(attempts).toEqual({ withResult: 3, measured: 3, failed: 0, running: 0, elements: 1 });
  const runs = await Promise.all([0, 1, 2].map(async (n) => (await job.task(n)).win?.ran));
  expect(memory?.mostBytes).toBe(Math.max(...runs.map((ran) => ran?.maxRssBytes ?? 0)));
  expect(memory?.mostBytes).toBeGreaterThan(64 * 1024 ** 2);
  expect(cpu?.usedMs).toBe(runs.reduce((sum, ran) => sum + (ran?.cpuMs ?? 0), 0));
  expect(cpu?.share).toBeGreaterThan(0.1);
  expect(time?.mostMs).toBeGreaterThanOrEqual(120);
  expect(cost.cpuHours * 3_600_000).toBeGreaterThanOrEqual(120 * (asked?.cpus ?? 0));
});

it('adds up many tasks with the attempts that failed before', async () => {
  const { state } = job.deps;
  const count = 2_000;
  await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
  const shards = 1;
  const base: TaskItem = { state: 'DONE', generation: 0, wave: 0, items: 1, attempts: 1, charged: 1 };
  await state.createMany(
    Array.from({ length: count }, (_, at) => {
      const ran = { node: 'n1', startedMs: 1_000, finishedMs: 61_000, cpuMs: 30_000, maxRssBytes: (at + 1) * 1_024 };
      const win = { attempt: asAttemptId(`47_${at}.0`), sha256: '', rows: 1, succeeded: 1, failed: 0, ran };
      return { key: taskKey(JOB, taskIdOf(at + 1), shards), item: { ...base, win } as unknown as StateItem };
    }),
  );
  await state.createMany(
    Array.from({ length: 1_000 }, (_, at) => ({
      key: historyKey(JOB, taskIdOf(at + 1), 1),
      item: recordAt(at) as unknown as StateItem,
    })),
  );
  const row = { state: 'SUBMITTED', kind: 'array', handle: '47', submittedMs: 0, wave: 0, elements: count };
  await state.createMany([
    { key: submissionKey(JOB, asSubmissionId('0'.repeat(26))), item: row as unknown as StateItem },
  ]);
  const { attempts, cpu, memory, wait, wasted } = await report();
  expect(attempts).toEqual({ withResult: count, measured: count, failed: 1_000, running: 0, elements: count });
  expect(cpu?.usedMs).toBe(count * 30_000);
  expect(memory).toMatchObject({ p50Bytes: 1_000 * 1_024, p95Bytes: 1_900 * 1_024, mostBytes: count * 1_024 });
  expect(wait).toMatchObject({ p50Ms: 1_000, mostMs: 1_000 });
  expect(wasted).toMatchObject({ attempts: 1_000, ms: 1_000 * 500, causes: [{ cause: 'oom' }] });
});

const recordAt = (at: number): AttemptRecord => ({
  attempt: asAttemptId(`47_${at}.0`),
  generation: 0,
  node: 'n2',
  startedMs: 1_000,
  endedMs: 1_500,
  cause: 'oom',
  detail: 'killed',
  savedItems: 0,
  decision: 'retry',
  rule: 'r',
  why: 'w',
  charged: true,
});
