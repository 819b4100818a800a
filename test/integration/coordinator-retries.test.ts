import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { readBreakers } from '../../src/coordinator/breakers.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { STALLED_AGAIN_MS, STALLED_MS } from '../../src/coordinator/judge-running.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { Task } from '../../src/coordinator/task-list.ts';
import type { AttemptRecord } from '../../src/domain/history.ts';
import type { AttemptId, JobId } from '../../src/domain/ids.ts';
import { historyKey, taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { BatchSystem } from '../../src/ports/batch-system.ts';
import type { StateValue } from '../../src/ports/state-table.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createCrashSwitch } from '../support/crash.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });
const submit = async (rig: Rig): Promise<JobId> => (await submitJob(rig.process(), rig.wanted, { patienceMs: 0 })).job;
const advance = (rig: Rig, job: JobId) => advanceJob(rig.process(), pass(job));
const REFUSED = 'Error: connect ECONNREFUSED 10.0.0.7:443';

const ownerIn = (rig: Rig): AttemptId => {
  const array = rig.batch.accepted.findLast(({ request }) => request.array !== undefined);
  return `${array?.handle.id}_0.0` as AttemptId;
};

/** Somebody claims the claimable tasks that are chosen, and what `end` says becomes of each of them. */
async function claim(rig: Rig, job: JobId, end: (task: Task) => Partial<TaskItem> | null): Promise<number> {
  const { state } = rig.process();
  let claimed = 0;
  for (const task of await rig.tasks(job)) {
    const ended = task.state === 'PENDING' ? end(task) : null;
    if (ended === null) continue;
    claimed += 1;
    const owner = ownerIn(rig);
    const set = { state: 'RUNNING', owner, heartbeatMs: rig.clock.nowMs(), startedMs: rig.clock.nowMs(), ...ended };
    await state.write(
      taskKey(job, task.id, 1),
      { set: set as Record<string, StateValue>, add: { attempts: 1, charged: 1 } },
      { op: 'equals', path: 'state', value: 'PENDING' },
    );
  }
  return claimed;
}
const handedBack = (causeDetail: string) => (): Partial<TaskItem> => ({
  state: 'WAIT',
  cause: 'handler-error',
  causeDetail,
});
const committed = (): Partial<TaskItem> => ({
  state: 'DONE',
  win: { attempt: '100_0.0' as AttemptId, sha256: '', rows: 5, succeeded: 5, failed: 0 },
});
const recordOf = async (rig: Rig, job: JobId, task: Task): Promise<AttemptRecord> =>
  (await rig.process().state.get(historyKey(job, task.id, task.attempts))) as unknown as AttemptRecord;
const statesOf = async (rig: Rig, job: JobId): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { state } of await rig.tasks(job)) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
};

describe('a decision', () => {
  it(
    'is on record before the task moves, wherever the pass dies',
    () =>
      withTempDir(async (root) => {
        for (let at = 0, over = false; !over; at += 1) {
          const rig = createRig(`${root}/${at}`, { items: 5 });
          const job = await submit(rig);
          await claim(rig, job, handedBack('TypeError: x is not a function'));
          const crash = createCrashSwitch({ at, when: 'after' });
          over = await advanceJob(rig.process(crash), pass(job)).then(
            () => true,
            () => false,
          );
          const [task] = (await rig.tasks(job)) as [Task];
          if (task.notBeforeMs !== undefined || task.state === 'PENDING')
            expect(await recordOf(rig, job, task)).not.toBeNull();
          rig.clock.skip(3_600_000);
          await advance(rig, job);
          const [after] = (await rig.tasks(job)) as [Task];
          expect(after).toMatchObject({ attempts: 1, charged: 1, cause: 'handler-error', idleAttempts: 1 });
          expect(await recordOf(rig, job, after)).toMatchObject({
            attempt: ownerIn(rig),
            cause: 'handler-error',
            decision: 'retry',
            charged: true,
            rule: 'built-in rule for everything else',
            why: 'retried (1 of 3 attempts used)',
            fingerprint: after.fingerprint,
            savedItems: 0,
            memoryBytes: 1e9,
            timeMs: 60_000,
          });
        }
      }),
    60_000,
  );

  it('takes with it what belonged to the attempt, and asks for more where the memory ran out', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { items: 5 });
      const job = await submit(rig);
      await claim(rig, job, () => ({ state: 'WAIT', cause: 'oom', signal: 9, inFlight: '2-3', trying: '1-4' }));
      const { steps } = await advance(rig, job);
      const [task] = (await rig.tasks(job)) as [Task];
      expect(task).toMatchObject({
        charged: 0,
        escalations: 1,
        suspects: '2-3',
        needs: { memoryBytes: 1_431 * 2 ** 20 },
      });
      for (const gone of ['owner', 'heartbeatMs', 'startedMs', 'signal', 'inFlight', 'trying'])
        expect(task).not.toHaveProperty(gone);
      expect(steps.join()).toContain('retried with 1.4 GiB of memory');
      expect(await recordOf(rig, job, task)).toMatchObject({
        decision: 'escalate',
        signal: 9,
        suspects: '2-3',
        charged: false,
      });
    }));
});

describe('failures that many tasks share', () => {
  const shared = {
    items: 60,
    slots: 12,
    spec: { retry: { items: 1, attempts: 3, backoff: { baseMs: 1_000, maxMs: 1_000 }, tolerate: {} } },
  };

  it('hold the tasks back while one of them tries, and let all go when it gets through', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, shared);
      const job = await submit(rig);
      expect(await claim(rig, job, handedBack(REFUSED))).toBe(12);
      await advance(rig, job);
      const { stored } = await readBreakers(rig.process().state, job);
      expect([...stored.values()]).toMatchObject([{ state: 'OPEN', tasks: 12, example: REFUSED, pauseMs: 30_000 }]);
      rig.clock.skip(10_000);
      const held = await advance(rig, job);
      expect(await statesOf(rig, job)).toEqual({ WAIT: 12 });
      expect(held.nextDueMs).toBeGreaterThan(10_000);
      rig.clock.skip(30_000);
      await advance(rig, job);
      expect(await statesOf(rig, job)).toEqual({ WAIT: 11, PENDING: 1 });
      // It fails like the others: that costs it nothing, and the next one waits longer.
      await claim(rig, job, handedBack(REFUSED));
      await advance(rig, job);
      const [canary] = (await rig.tasks(job)) as [Task];
      expect(canary).toMatchObject({ state: 'WAIT', attempts: 2, charged: 1, idleAttempts: 2 });
      const [breaker] = [...(await readBreakers(rig.process().state, job)).stored.values()];
      expect(breaker).toMatchObject({ state: 'OPEN', pauseMs: 60_000, failedCanaries: 1 });
      rig.clock.skip(70_000);
      await advance(rig, job);
      expect(await claim(rig, job, committed)).toBe(1);
      await advance(rig, job);
      expect(await statesOf(rig, job)).toEqual({ DONE: 1, PENDING: 11 });
      expect(await readMeta(rig.process().state, job)).not.toHaveProperty('notes');
    }));

  it('are given up when one try after the other fails, with that as their reason', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, shared);
      const job = await submit(rig);
      for (let round = 0; round < 40 && (await statesOf(rig, job))['DEAD'] !== 12; round += 1) {
        await claim(rig, job, handedBack(REFUSED));
        await advance(rig, job);
        rig.clock.skip(3_600_000);
        rig.batch.endAll();
        await advance(rig, job);
      }
      expect(await statesOf(rig, job)).toEqual({ DEAD: 12 });
      const [, other] = (await rig.tasks(job)) as [Task, Task];
      expect(await recordOf(rig, job, other)).toMatchObject({
        decision: 'give-up',
        why: 'given up: 10 tries with one task, ever further apart, failed in the same way',
      });
      const attempts = (await rig.tasks(job)).reduce((sum, task) => sum + task.attempts, 0);
      expect(attempts).toBe(12 + 10);
    }));

  it('of one item are no reason to give up those that were left beside it: once more, and each ends by its own', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, shared);
      const job = await submit(rig);
      const left = () => ({ ...handedBack(`${REFUSED} (items left: 3)`)(), deferred: { items: 3 } });
      const end = ({ id, leavesNone }: Task) =>
        leavesNone === true ? committed() : id === '000004' ? handedBack(REFUSED)() : left();
      const steps: string[] = [];
      for (let round = 0; round < 40 && (await statesOf(rig, job))['DONE'] !== 11; round += 1) {
        await claim(rig, job, end);
        steps.push(...(await advance(rig, job)).steps);
        rig.clock.skip(3_600_000);
        rig.batch.endAll();
        steps.push(...(await advance(rig, job)).steps);
      }
      expect(await statesOf(rig, job)).toEqual({ DONE: 11, DEAD: 1 });
      const tasks = await rig.tasks(job);
      expect(tasks.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(12 + 10 + 11);
      const why = '10 tries with one task, ever further apart, failed in the same way';
      const once = `retried once more, so that each item that was left ends by its own rule: ${why}`;
      const [, other] = tasks as [Task, Task];
      const record = await recordOf(rig, job, { ...other, attempts: other.attempts - 1 });
      expect(record).toMatchObject({ decision: 'retry', why: once });
      expect(steps.filter((step) => step.endsWith(once))).toHaveLength(11);
      expect(steps.filter((step) => step.endsWith(`given up: ${why}`))).toHaveLength(1);
      expect(steps.join('\n')).toContain('; 1 of them is given up, the others have items left and are tried once more');
    }));

  it('do not hold back tasks that fail in ways of their own', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, shared);
      const job = await submit(rig);
      const words = ['apple', 'pear', 'plum', 'fig', 'date', 'lime', 'kiwi', 'nut', 'oat', 'rye', 'pea', 'yam'];
      await claim(rig, job, ({ id }) => handedBack(`Error: no ${words[Number(id)]}`)());
      await advance(rig, job);
      rig.clock.skip(2_000);
      await advance(rig, job);
      expect(await statesOf(rig, job)).toEqual({ PENDING: 12 });
    }));
});

it('a job in which nothing works retries one task at a time in the end, and gives up none for that', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 150, slots: 30 });
    const job = await submit(rig);
    let round = 0;
    const fail = () =>
      claim(rig, job, ({ id }) => handedBack(`Error: ${'x'.repeat(1 + Number(id))}${'y'.repeat(round)}`)());
    const sizes: number[] = [];
    for (; round < 8; round += 1) {
      sizes.push(await fail());
      await advance(rig, job);
      rig.clock.skip(120_000);
      rig.batch.endAll();
      await advance(rig, job);
    }
    expect(sizes.slice(0, 6)).toEqual([30, 20, 1, 1, 1, 1]);
    expect((await readMeta(rig.process().state, job))?.notes?.join()).toContain('retried one at a time');
  }));

describe('a worker that gives no sign of life while its element runs', () => {
  const running = (rig: Rig, cancelled: unknown[]) => {
    const deps = rig.process();
    const batch: BatchSystem = {
      ...deps.batch,
      states: async (handles) =>
        handles.flatMap(({ id, count }) =>
          Array.from(
            { length: count },
            (_, index) => ({ id, index, phase: 'running', cause: null, rawState: 'RUNNING' }) as const,
          ),
        ),
      async cancel(handle, indices) {
        cancelled.push([handle.id, indices]);
      },
    };
    return { ...deps, batch };
  };

  it('is looked at twice, then cancelled and retried', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { items: 5 });
      const job = await submit(rig);
      await claim(rig, job, () => ({}));
      const cancelled: unknown[] = [];
      rig.clock.skip(STALLED_MS);
      const first = await advanceJob(running(rig, cancelled), pass(job));
      expect([first.nextDueMs, cancelled.length]).toEqual([60_000, 0]);
      rig.clock.skip(STALLED_AGAIN_MS);
      const [owner] = (await rig.tasks(job)).map((task) => task.owner);
      const { steps } = await advanceJob(running(rig, cancelled), pass(job));
      expect(cancelled).toEqual([[owner?.split('_')[0], [0]]]);
      expect(steps.join()).toContain('hung (no sign of life since');
      const [task] = (await rig.tasks(job)) as [Task];
      expect(task).toMatchObject({ cause: 'hung', suspects: '0-4' });
      expect(task).not.toHaveProperty('stalled');
    }));

  it('is left alone when its heartbeat comes in between', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { items: 5 });
      const job = await submit(rig);
      await claim(rig, job, () => ({}));
      const cancelled: unknown[] = [];
      rig.clock.skip(STALLED_MS);
      await advanceJob(running(rig, cancelled), pass(job));
      const [task] = (await rig.tasks(job)) as [Task];
      const heartbeat = { set: { heartbeatMs: rig.clock.nowMs() } };
      await rig.process().state.write(taskKey(job, task.id, 1), heartbeat, { op: 'item-present' });
      rig.clock.skip(STALLED_AGAIN_MS);
      await advanceJob(running(rig, cancelled), pass(job));
      expect([(await statesOf(rig, job))['RUNNING'], cancelled.length]).toEqual([1, 0]);
    }));
});

it('failures beyond what is tolerated are told while the job goes on', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 10 });
    const job = await submit(rig);
    await claim(rig, job, ({ id }) => (id === '000000' ? { state: 'DEAD' } : null));
    await advance(rig, job);
    const meta = await readMeta(rig.process().state, job);
    expect(meta).toMatchObject({
      state: 'RUNNING',
      notes: ['5 of 10 items have failed for good, more than retry.tolerate allows: the job will end as FAILED'],
    });
  }));
