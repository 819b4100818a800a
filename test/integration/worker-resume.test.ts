import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import { segmentKey } from '../../src/domain/keys.ts';
import type { StopReason } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { createListLog, elementInput, JOB, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type FixtureSpec, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

/** Notes every call; items from 5 on wait for their signal unless the file `go` exists. */
const STOPS_AT_FIVE = `export default async ({ n }, ctx) => {
  ${noting('n')}
  const { existsSync } = await import('node:fs');
  if (n >= 5 && !existsSync(new URL('./go', import.meta.url)))
    await new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
  if (n === 2) throw new Error('two');
  return { n, v: n === 3 ? NaN : 1, ...(existsSync(new URL('./large', import.meta.url)) && { text: 'x'.repeat(5_000_000) }) };
};`;

/** Runs an element until item 5 is in flight, then tells it to stop; `endsAtMs` near makes the grace short. */
async function drained(reason: StopReason, spec: FixtureSpec = {}, endsInMs = 16_000) {
  await job.store(
    STOPS_AT_FIVE,
    { tasks: [numbered(0, 10)] },
    { handler: { concurrency: 2 }, resources: { cpus: 1, memoryBytes: 1, timeMs: 60_000 }, ...spec },
  );
  const stop = new AbortController();
  const running = runElement({ ...job.deps, stop: stop.signal }, elementInput({ endsAtMs: Date.now() + endsInMs }));
  await expect.poll(() => job.notes().includes('5') && job.notes().includes('6'), { timeout: 20_000 }).toBe(true);
  stop.abort(reason);
  return running;
}

const secondAttempt = async (more: Parameters<typeof elementInput>[0] = {}) => {
  writeFileSync(`${job.path}/go`, '');
  await setTask(job.deps.state, 0, { state: 'PENDING' });
  return runElement(job.deps, elementInput({ batchJobId: '101', ...more }));
};
const calls = (n: number): number => job.notes().filter((note) => note === String(n)).length;

describe('drain', () => {
  it('saves what is finished, releases the task with its cause and leaves', async () => {
    expect(await drained('drain:time-limit')).toEqual({
      claimed: 1,
      committed: 0,
      items: 0,
      failed: 0,
      stopped: 'drained',
    });
    const task = await job.task(0);
    expect(task).toMatchObject({
      state: 'WAIT',
      cause: 'time-limit',
      attempts: 1,
      charged: 1,
      checkpoint: { attempt: '100_0.0', seq: 1, items: 5 },
    });
    expect(task.causeDetail).toContain('5 of 10 items finished');
    // Whoever decides about the retry asks the batch system what it knows of the owner.
    expect(task.owner).toBe('100_0.0');
    // Absent: reconcile has not decided about the retry yet.
    expect(task).not.toHaveProperty('notBeforeMs');
  });

  it('a second attempt reruns no finished item, failed ones included', async () => {
    await drained('drain:terminated', { output: { mode: 'infer' } });
    expect(await secondAttempt()).toMatchObject({ committed: 1, items: 10, failed: 1 });
    for (const n of [0, 1, 2, 3, 4]) expect(calls(n), `item ${n}`).toBe(1);
    expect((await job.outcomes(0)).map((row) => row.itemIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const done = await job.done(0);
    expect(done.timings.resumedItems).toBe(5);
    // Item 3 gave NaN, which its JSON no longer shows: what was observed came with the checkpoint.
    expect(done.observed?.find((column) => column.column === 'v')?.kinds.toSorted()).toEqual(['double', 'int']);
    expect(await job.task(0)).not.toHaveProperty('checkpoint');
  });

  it('an attempt that dies after resuming leaves a pointer that covers everything before it', async () => {
    await drained('drain:time-limit');
    await setTask(job.deps.state, 0, { state: 'PENDING' });
    const stop = new AbortController();
    const second = runElement(
      { ...job.deps, stop: stop.signal },
      elementInput({ batchJobId: '101', endsAtMs: Date.now() + 16_000 }),
    );
    await expect.poll(() => calls(5) > 1 || calls(6) > 1, { timeout: 20_000 }).toBe(true);
    stop.abort('drain:terminated');
    await second;
    expect((await job.task(0)).checkpoint).toEqual({ attempt: '101_0.0', seq: 1, items: 5, failed: 1 });
    expect(await secondAttempt({ batchJobId: '102' })).toMatchObject({ committed: 1, items: 10 });
    for (const n of [0, 1, 2, 3, 4]) expect(calls(n), `item ${n}`).toBe(1);
  });

  it('cuts large outputs into several segments, and resumes from all of them', async () => {
    writeFileSync(`${job.path}/large`, '');
    await drained('drain:time-limit');
    expect((await job.task(0)).checkpoint).toEqual({ attempt: '100_0.0', seq: 2, items: 5, failed: 1 });
    expect(await secondAttempt()).toMatchObject({ committed: 1, items: 10, failed: 1 });
    for (const n of [0, 1, 2, 3, 4]) expect(calls(n), `item ${n}`).toBe(1);
  });

  it('an element told to stop before it began takes nothing', async () => {
    await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
    const report = await runElement({ ...job.deps, stop: AbortSignal.abort('drain:terminated') }, elementInput());
    expect(report).toMatchObject({ claimed: 0, stopped: 'drained' });
    expect((await job.task(0)).state).toBe('PENDING');
  });

  it('items that end within the grace count', async () => {
    const code = `export default async ({ n }) => { ${noting('n')} await new Promise((r) => setTimeout(r, n === 0 ? 300 : 1)); return n; };`;
    await job.store(code, { tasks: [numbered(0, 50)] }, { handler: { concurrency: 1 } });
    const stop = new AbortController();
    const running = runElement({ ...job.deps, stop: stop.signal }, elementInput());
    await expect.poll(() => job.notes().length, { timeout: 20_000 }).toBe(1);
    stop.abort('drain:terminated');
    expect(await running).toMatchObject({ stopped: 'drained' });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', cause: 'preempted', checkpoint: { items: 1 } });
  });
});

describe('checkpoints while running', () => {
  it('are segments of what is new, named by one pointer, gone after the commit', async () => {
    const code = `export default async ({ n }) => { await new Promise((r) => setTimeout(r, 40)); return n; };`;
    await job.store(code, { tasks: [numbered(0, 30)] }, { handler: { concurrency: 2 }, checkpoint: { everyMs: 100 } });
    const pointers: unknown[] = [];
    const state = {
      ...job.deps.state,
      async write(...args: Parameters<typeof job.deps.state.write>) {
        const result = await job.deps.state.write(...args);
        if (result.applied && args[1].set?.['checkpoint'] !== undefined) pointers.push(args[1].set['checkpoint']);
        return result;
      },
    };
    expect(await runElement({ ...job.deps, state }, elementInput())).toMatchObject({ committed: 1 });
    const seqs = pointers.map((pointer) => (pointer as { readonly seq: number }).seq);
    expect(seqs.length).toBeGreaterThan(1);
    // Items that end while a segment is on its way are the next one of the same save.
    for (const [at, seq] of seqs.entries()) expect(seq).toBeGreaterThan(seqs[at - 1] ?? 0);
    expect(await job.deps.store.head(segmentKey(JOB, taskIdOf(0), asAttemptId('100_0.0'), 1))).toBeNull();
  });
});

describe('a checkpoint that does not fit is not used', () => {
  const FIRST = segmentKey(JOB, taskIdOf(0), asAttemptId('100_0.0'), 1);
  const damaged = async (damage: () => Promise<unknown>, problem: string) => {
    await drained('drain:time-limit');
    await damage();
    const log = job.deps.log as ReturnType<typeof createListLog>;
    expect(await secondAttempt()).toMatchObject({ committed: 1, items: 10 });
    expect(log.lines.find((line) => line.message.startsWith('checkpoint not usable'))?.fields['problem']).toContain(
      problem,
    );
    expect(calls(0)).toBe(2);
    expect((await job.done(0)).timings.resumedItems).toBe(0);
  };

  it('missing', () => damaged(() => job.deps.store.delete([FIRST]), 'missing'));
  it('altered', () =>
    damaged(async () => {
      const text = new TextDecoder().decode((await job.deps.store.get(FIRST)) ?? new Uint8Array());
      await job.deps.store.put(FIRST, text.replace('"v\\":1', '"v\\":2'));
    }, 'sha-256'));
  it('with another number of items than the pointer says', () =>
    damaged(
      () => setTask(job.deps.state, 0, { checkpoint: { attempt: '100_0.0', seq: 1, items: 6 } }),
      'found 5 items, the pointer says 6',
    ));
  it('of another generation', () => damaged(() => setTask(job.deps.state, 0, { generation: 2 }), 'generation'));
});
