import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { RetryRule } from '../../src/domain/retry-rules.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';
import { elementInput, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

/** Items 2 and 4 run out of memory until their third try; item 6 fails for good. */
const NEEDS_MORE = `export default async ({ n }, ctx) => {
  ${noting('`${n}/${ctx.attempt}`')}
  if ((n === 2 || n === 4) && ctx.attempt < 3) throw new RangeError('Array buffer allocation failed');
  if (n === 6) throw new TypeError('six');
  return { n };
};`;
const attempt = async (batchJobId: string) => runElement(job.deps, elementInput({ batchJobId }));
const again = (escalations: number) =>
  setTask(job.deps.state, 0, { state: 'PENDING', escalations }, ['notBeforeMs', 'owner']);

describe('items that need more than their worker has', () => {
  it('are left for later attempts, which run nothing else and count their tries on', async () => {
    await job.store(NEEDS_MORE, { tasks: [numbered(0, 8)] });
    expect(await attempt('100')).toMatchObject({ claimed: 1, committed: 0 });
    expect(await job.task(0)).toMatchObject({
      state: 'WAIT',
      cause: 'oom',
      causeDetail: 'RangeError: Array buffer allocation failed (items left: 2)',
      deferred: { items: 2, rule: 'built-in rule for oom' },
      checkpoint: { items: 6 },
    });
    expect(job.notes()).toHaveLength(8);

    await again(1);
    await attempt('101');
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', deferred: { items: 2 }, checkpoint: { items: 6 } });
    await again(2);
    expect(await attempt('102')).toMatchObject({ committed: 1, items: 8, failed: 1 });
    expect(job.notes().slice(8).toSorted()).toEqual(['2/2', '2/3', '4/2', '4/3']);
    expect((await job.outcomes(0)).map((row) => [row.status, row.attempts])).toEqual([
      ['succeeded', 1],
      ['succeeded', 1],
      ['succeeded', 3],
      ['succeeded', 1],
      ['succeeded', 3],
      ['succeeded', 1],
      ['failed', 1],
      ['succeeded', 1],
    ]);
    expect(await job.task(0)).not.toHaveProperty('deferred');
  });

  it('have failed when the task gets no other attempt', async () => {
    await job.store(
      NEEDS_MORE,
      { tasks: [numbered(0, 8)] },
      { retry: { items: 1, attempts: 1, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {} } },
    );
    expect(await attempt('100')).toMatchObject({ committed: 1, failed: 3 });
    expect((await job.outcomes(0))[2]).toMatchObject({ cause: 'oom', attempts: 1 });
  });
});

describe('items that wait beside one that no rule tries again', () => {
  const rules: readonly RetryRule[] = [
    { name: 'more', when: { cause: ['oom'] }, action: { do: 'escalate', memory: { factor: 2 }, times: 2 } },
    { name: 'no more', when: { cause: ['oom'] }, action: { do: 'fail' } },
    {
      name: 'later',
      when: { error: ['*at the end*'] },
      action: { do: 'retry', backoff: { baseMs: 300_000, maxMs: 300_000 } },
    },
  ];

  it('are tried again in an attempt that leaves none, and it ends by its own rule', async () => {
    const code = `export default async ({ n }, ctx) => {
      ${noting('`${n}/${ctx.attempt}`')}
      if (n === 1) throw new RangeError('Array buffer allocation failed');
      if (n === 2 && ctx.attempt === 1) throw new Error('x'.repeat(300) + ' at the end');
      return { n };
    };`;
    const retry = { items: 2, attempts: 3, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {}, rules };
    await job.store(code, { tasks: [numbered(0, 4)] }, { retry });
    const patient = { ...job.deps, backoffMs: (_tries: number, { baseMs }: { baseMs: number }) => baseMs };
    expect(await runElement(patient, elementInput({ batchJobId: '100' }))).toMatchObject({ committed: 0 });
    const left = await job.task(0);
    expect(left).toMatchObject({ cause: 'oom', deferred: { items: 2, rule: 'more' } });
    expect(left.deferred?.dueMs).toBeGreaterThan(left.heartbeatMs ?? 0);

    await setTask(job.deps.state, 0, { state: 'PENDING', leavesNone: true }, ['notBeforeMs', 'owner']);
    expect(await attempt('101')).toMatchObject({ committed: 1, items: 4, failed: 1 });
    const outcomes = await job.outcomes(0);
    expect(outcomes.map((row) => row.status)).toEqual(['succeeded', 'failed', 'succeeded', 'succeeded']);
    expect(outcomes[1]).toMatchObject({ cause: 'oom', attempts: 2 });
  });
});

describe('a pass that finds items left', () => {
  const capped: readonly RetryRule[] = [
    {
      name: 'capped',
      when: { cause: ['oom'] },
      action: { do: 'escalate', memory: { factor: 2 }, maxMemoryBytes: 1, times: 2 },
    },
    { name: 'hopeless', when: { cause: ['oom'] }, action: { do: 'fail' } },
  ];
  const dueMs = 1_700_000_900_000;
  const left = (more: object) => ({
    state: 'WAIT',
    attempts: 1,
    charged: 1,
    owner: '1000_0.0',
    checkpoint: { attempt: '1000_0.0', seq: 1, items: 3 },
    ...more,
  });

  it.each<[string, object, Partial<TaskItem>, readonly RetryRule[]]>([
    [
      'asks for more, and suspects nobody',
      { cause: 'oom', causeDetail: 'MemoryError: x (items left: 2)', deferred: { items: 2 } },
      { cause: 'oom', escalations: 1 },
      [],
    ],
    [
      'asks for more at once, whoever else waits',
      { cause: 'oom', causeDetail: 'MemoryError: x (items left: 2)', deferred: { items: 2, dueMs } },
      { cause: 'oom', escalations: 1 },
      [],
    ],
    [
      'lets those go on that wait beside one that is not tried again, when the first of them is due',
      { cause: 'oom', causeDetail: 'MemoryError: x (items left: 2)', deferred: { items: 2, dueMs, rule: 'capped' } },
      { state: 'WAIT', cause: 'oom', leavesNone: true, notBeforeMs: dueMs },
      capped,
    ],
    [
      'waits until the first of them is due',
      {
        cause: 'rate-limited',
        causeDetail: 'RateLimitError: slow (items left: 2)',
        deferred: { items: 2, dueMs },
      },
      { state: 'WAIT', cause: 'rate-limited', notBeforeMs: dueMs },
      [],
    ],
  ])('%s', async (_name, ended, expected, rules) => {
    await withTempDir(async (root) => {
      const retry = { items: 1, attempts: 3, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {}, rules };
      const rig = createRig(root, { spec: { retry } });
      const deps = rig.process();
      const { job: id } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      const [task] = await rig.tasks(id);
      await deps.state.write(taskKey(id, task!.id, 1), { set: left(ended) as never }, { op: 'item-present' });
      await advanceJob(deps, { job: id, waitLeaseMs: 60_000, patienceMs: 0 });
      const after = (await rig.tasks(id))[0] as TaskItem;
      expect(after).toMatchObject(expected);
      expect(after.suspects).toBeUndefined();
      if (after.escalations === 1) expect(after.notBeforeMs ?? 0).toBeLessThan(dueMs);
    });
  });
});
