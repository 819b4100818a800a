import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/app-error.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { runElement, type ElementReport } from '../../src/worker/run-element.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { elementInput, readTask, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

describe('several workers', () => {
  it('race for the same tasks: each is committed once and every item is in one winner', async () => {
    const tasks = Array.from({ length: 24 }, (_, n) => numbered(n * 5, 5));
    await job.store('export default async ({ n }) => n;', { tasks });
    // All of them believe to be element 0, so that every claim is contended.
    const reports = await Promise.all(
      [0, 1, 2, 3].map((index) => runElement(job.deps, elementInput({ batchJobId: String(200 + index) }))),
    );
    expect(reports.map((report) => report.claimed).reduce((a, b) => a + b)).toBe(24);
    expect(reports.map((report) => report.committed).reduce((a, b) => a + b)).toBe(24);
    const seen: number[] = [];
    for (let number = 0; number < 24; number += 1) {
      expect(await job.task(number)).toMatchObject({ state: 'DONE', attempts: 1 });
      seen.push(...(await job.outcomes(number)).map((row) => Number(row.output)));
    }
    expect(seen).toEqual(Array.from({ length: 120 }, (_, n) => n));
  });
});

/** Handler whose item n waits until the file `go<n>` exists beside it or its signal is aborted, and notes both. */
const HELD = `export default async ({ n }, ctx) => {
  ${noting("'started ' + n")}
  const { existsSync } = await import('node:fs');
  while (!existsSync(new URL('./go' + n, import.meta.url)) && !ctx.signal.aborted) await new Promise((r) => setTimeout(r, 5));
  ctx.signal.throwIfAborted();
  ${noting("'ended ' + n")}
  return n;
};`;

describe('a zombie', () => {
  const go = (n: number): void => writeFileSync(`${job.path}/go${n}`, '');
  /** A worker whose task is taken away while its handler runs. */
  async function zombie(state: Parameters<typeof setTask>[2]): Promise<{ readonly running: Promise<ElementReport> }> {
    await job.store(HELD, { tasks: [numbered(0, 2)] }, { checkpoint: { everyMs: 20 }, handler: { concurrency: 2 } });
    const running = runElement(job.deps, elementInput());
    await expect.poll(() => job.notes().length, { timeout: 20_000 }).toBe(2);
    await setTask(job.deps.state, 0, state);
    return { running };
  }

  it('moves neither the checkpoint nor the state of a task that another attempt owns, and stops its handler', async () => {
    const theirs = { owner: '999_0.0', checkpoint: { attempt: '999_0.0', seq: 3, items: 1 } };
    const { running } = await zombie(theirs);
    go(0);
    // The checkpoint after item 0 is refused, which aborts item 1: nobody lets it go.
    expect(await running).toMatchObject({ claimed: 1, committed: 0 });
    expect(job.notes()).not.toContain('ended 1');
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', ...theirs });
  });

  it('told to stop, leaves the task of the other attempt alone', async () => {
    await job.store(HELD, { tasks: [numbered(0, 1)] }, { resources: { cpus: 1, memoryBytes: 1, timeMs: 60_000 } });
    const stop = new AbortController();
    const running = runElement({ ...job.deps, stop: stop.signal }, elementInput({ endsAtMs: Date.now() + 16_000 }));
    await expect.poll(() => job.notes().length, { timeout: 20_000 }).toBe(1);
    await setTask(job.deps.state, 0, { owner: '999_0.0' });
    stop.abort('drain:time-limit');
    expect(await running).toMatchObject({ stopped: 'drained', committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', owner: '999_0.0' });
  });

  it('cannot commit over a winner', async () => {
    const win = { attempt: '999_0.0', sha256: 'x', rows: 2, succeeded: 2, failed: 0 };
    const { running } = await zombie({ state: 'DONE', win });
    go(0);
    go(1);
    expect(await running).toMatchObject({ committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'DONE', win });
  });

  it('cannot commit over a winner even when the state says otherwise', async () => {
    const win = { attempt: '999_0.0', sha256: 'x', rows: 2, succeeded: 2, failed: 0 };
    const { running } = await zombie({ state: 'WAIT', win });
    go(0);
    go(1);
    expect(await running).toMatchObject({ committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', win });
  });

  it('cannot commit into another generation', async () => {
    const { running } = await zombie({ state: 'PENDING', generation: 2, wave: 9 });
    go(0);
    go(1);
    expect(await running).toMatchObject({ committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'PENDING', generation: 2 });
  });

  it('with a finished output still wins a task that was given up: work is conserved', async () => {
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 2)] });
    const leafParts = {
      async write(...args: Parameters<typeof job.deps.leafParts.write>) {
        await setTask(job.deps.state, 0, { state: 'WAIT', cause: 'lost' }, ['owner']);
        return job.deps.leafParts.write(...args);
      },
    };
    expect(await runElement({ ...job.deps, leafParts }, elementInput())).toMatchObject({ committed: 1 });
    expect(await job.task(0)).toMatchObject({ state: 'DONE', win: { attempt: '100_0.0' } });
    expect(await job.task(0)).not.toHaveProperty('cause');
  });
});

/** A table that loses the answers of some writes, applied or not. */
function hostile(state: StateTable, seed: number): StateTable & { readonly lost: () => number } {
  const random = createSeededRandom(seed);
  let lost = 0;
  return {
    ...state,
    lost: () => lost,
    async write(key, change, when) {
      const fate = random.next();
      const uncertain = (): AppError => {
        lost += 1;
        return new AppError('STATE_UNCERTAIN', { message: 'the answer was lost' });
      };
      if (fate < 0.2) throw uncertain();
      const result = await state.write(key, change, when);
      if (fate < 0.5) throw uncertain();
      if (fate < 0.6) throw new AppError('STATE_UNAVAILABLE', { message: 'not now' });
      return result;
    },
  };
}

describe('lost answers', () => {
  it('on claim and commit change nothing: every task is claimed and committed once', async () => {
    const tasks = Array.from({ length: 12 }, (_, n) => numbered(n, 1));
    await job.store('export default ({ n }) => n;', { tasks });
    const state = hostile(job.deps.state, 7);
    const deps = { ...job.deps, state, backoffMs: () => 0 };
    const reports = await Promise.all(
      [0, 1].map((index) => runElement(deps, elementInput({ batchJobId: String(300 + index) }))),
    );
    expect(state.lost()).toBeGreaterThan(10);
    for (let number = 0; number < 12; number += 1)
      expect(await readTask(job.deps.state, number)).toMatchObject({
        state: 'DONE',
        attempts: 1,
        charged: 1,
        win: { rows: 1 },
      });
    expect(reports.map((report) => report.committed).reduce((a, b) => a + b)).toBe(12);
  });
});
