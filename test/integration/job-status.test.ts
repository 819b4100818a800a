import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Drivers } from '../../src/app/job-backends.ts';
import { statusDocument } from '../../src/app/status-document.ts';
import { asAttemptId, asSubmissionId, taskIdOf } from '../../src/domain/ids.ts';
import { metaKey, submissionKey, taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { QueueView } from '../../src/ports/queue-view.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { JOB } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

const TASKS = 2_000;
const WORKERS = 20;
const DONE = 60 * WORKERS;
const ITEMS = 100;
const ASKED = { cpus: 2, memoryBytes: 2 ** 30, timeMs: 3_600_000, handler: 'module' };

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

/** A job of an hour, a task a minute for each worker: 1,200 tasks are done, 20 run, of which one is slow and one is silent. */
async function storeTasks(nowMs: number): Promise<void> {
  const { state } = job.deps;
  await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
  await state.write(
    metaKey(JOB),
    {
      set: {
        createdMs: nowMs - 3_600_000,
        scheduler: 'slurm',
        asked: ASKED,
        tasks: TASKS + 1,
        items: TASKS * ITEMS + 1,
      },
    },
    { op: 'item-present' },
  );
  const base: TaskItem = { state: 'PENDING', generation: 0, wave: 0, items: ITEMS, attempts: 0, charged: 0 };
  const itemAt = (at: number): TaskItem => {
    if (at < DONE) {
      const startedMs = nowMs - 3_600_000 + Math.floor(at / WORKERS) * 60_000;
      const ran = { node: 'n1', startedMs, finishedMs: startedMs + 60_000, cpuMs: 30_000, maxRssBytes: 2 ** 28 };
      const win = {
        attempt: asAttemptId(`47_${at % WORKERS}.0`),
        sha256: '',
        rows: ITEMS,
        succeeded: ITEMS,
        failed: 0,
        ran,
      };
      return { ...base, state: 'DONE', attempts: 1, win };
    }
    if (at >= DONE + WORKERS) return base;
    const runsMs = at === DONE ? 900_000 : at === DONE + 1 ? 180_000 : 30_000;
    const silentMs = at === DONE + 1 ? 170_000 : 2_000;
    const times = { startedMs: nowMs - runsMs, heartbeatMs: nowMs - silentMs };
    return {
      ...base,
      state: 'RUNNING',
      attempts: 1,
      owner: asAttemptId(`47_${at % WORKERS}.0`),
      node: 'n2',
      progress: 45,
      ...times,
    };
  };
  await state.createMany(
    Array.from({ length: TASKS }, (_, at) => ({
      key: taskKey(JOB, taskIdOf(at + 1), 1),
      item: itemAt(at) as unknown as StateItem,
    })),
  );
  const row = {
    state: 'SUBMITTED',
    kind: 'array',
    jobName: `${JOB}.a`,
    handle: '47',
    submittedMs: 0,
    wave: 0,
    elements: 150,
  };
  await state.createMany([
    { key: submissionKey(JOB, asSubmissionId('0'.repeat(26))), item: row as unknown as StateItem },
  ]);
}

it('says how long is left, what is slow, what it used and why elements wait', async () => {
  const nowMs = job.deps.clock.nowMs();
  await storeTasks(nowMs);
  const drivers = { ...job.deps, env: {}, spills: async () => job.deps.spills } as unknown as Drivers;
  let looks = 0;
  const queueView: QueueView = {
    async look() {
      looks += 1;
      const waiting = (name: string, id: string, reason: string, elements: number) => ({
        handle: { id },
        name,
        waiting: elements,
        running: 50,
        reasons: [{ reason, elements }],
      });
      const queued = [waiting(`${JOB}.a`, '47', 'QOSMaxJobsPerUserLimit', 50), waiting('another', '48', 'Priority', 7)];
      return { picture: { askedMs: nowMs, running: 100, queued, isCut: false }, problem: null };
    },
    queued: async () => [],
  };
  const { pace, laggards, usage, queue, items } = await statusDocument(drivers, JOB, undefined, queueView);
  expect(looks).toBe(1);
  const truth = (WORKERS * ITEMS) / 60;
  expect(pace?.itemsPerSec).toBeGreaterThan(truth * 0.8);
  expect(pace?.itemsPerSec).toBeLessThan(truth * 1.1);
  const truthMs = (items.pending * 1_000) / truth;
  expect(pace?.leftAtLeastMs).toBeLessThan(truthMs * 1.05);
  expect(pace?.leftAtMostMs).toBeGreaterThan(truthMs * 0.95);
  expect(laggards).toMatchObject({ slow: 1, silent: 1, medianMs: 60_000 });
  expect(laggards?.tasks.map(({ task, why }) => [task, why])).toEqual([
    [taskIdOf(DONE + 2), 'silent'],
    [taskIdOf(DONE + 1), 'slow'],
  ]);
  expect(usage).toMatchObject({
    asked: { cpus: 2, memoryBytes: 2 ** 30, timeMs: 3_600_000 },
    cpuShare: 0.25,
    mostMemoryBytes: 2 ** 28,
    longestTaskMs: 60_000,
  });
  expect(usage?.cpuHours).toBeGreaterThan(DONE / 60);
  expect(queue).toEqual({
    askedAt: new Date(nowMs).toISOString(),
    running: 100,
    problem: null,
    waiting: [
      {
        reason: 'QOSMaxJobsPerUserLimit',
        elements: 50,
        says: 'its quality of service lets one user have no more jobs at a time; 100 of yours are running',
        todo: null,
      },
    ],
  });
  const plain = await statusDocument(drivers, JOB);
  expect(plain).not.toHaveProperty('queue');
  expect(plain.usage?.asked).toEqual(usage?.asked);
});
