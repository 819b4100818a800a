import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taskIdOf } from '../../src/domain/ids.ts';
import { batchKey } from '../../src/domain/keys.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

const MINUTE_MS = 60_000;
/** Longer than an owner may be silent. */
const LONG_MS = 11 * MINUTE_MS;

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

/** Time moves only where a test lets it: a step of the worker that takes 11 minutes, and the heartbeats of the task meanwhile. */
function slowly() {
  const manual = createManualClock();
  const clock = { ...manual, sleep: () => Promise.resolve() };
  const beats: number[] = [];
  const others: string[] = [];
  const { state } = job.deps;
  const deps: WorkerDeps = {
    ...job.deps,
    clock,
    state: {
      ...state,
      write(key, change, when) {
        const set = Object.keys(change.set ?? {}).join(' ');
        if (set === 'heartbeatMs progress progressFailed') beats.push(manual.monotonicMs());
        else others.push(set);
        return state.write(key, change, when);
      },
    },
  };
  return { deps, beats, others, takesLong: () => manual.advance(LONG_MS) };
}

const EVERY_30_S = Array.from({ length: LONG_MS / 30_000 }, (_, at) => (at + 1) * 30_000);
const HANDLER = 'export default ({ n }) => n;';

describe('an attempt is heard of every 30 s', () => {
  it('while its part is written', async () => {
    await job.store(HANDLER, { tasks: [numbered(0, 3)] });
    const { deps, beats, takesLong } = slowly();
    const leafParts: WorkerDeps['leafParts'] = {
      async write(...args) {
        await takesLong();
        return job.deps.leafParts.write(...args);
      },
    };
    expect(await runElement({ ...deps, leafParts }, elementInput())).toMatchObject({ committed: 1 });
    expect(beats).toEqual(EVERY_30_S);
  });

  it('while its result is stored', async () => {
    await job.store(HANDLER, { tasks: [numbered(0, 3)] });
    const { deps, beats, takesLong } = slowly();
    let isFirst = true;
    const store: WorkerDeps['store'] = {
      ...deps.store,
      async putFile(...args) {
        if (isFirst) {
          isFirst = false;
          await takesLong().catch(() => undefined);
        }
        return job.deps.store.putFile(...args);
      },
    };
    await runElement({ ...deps, store }, elementInput()).catch(() => null);
    // Reporting is given up after ten minutes.
    expect(beats.slice(0, 19)).toEqual(EVERY_30_S.slice(0, 19));
  });

  const slowBatch = ({ deps, takesLong }: ReturnType<typeof slowly>): WorkerDeps => ({
    ...deps,
    store: {
      ...deps.store,
      async get(key, ...more) {
        if (key === batchKey(JOB, taskIdOf(0))) await takesLong();
        return job.deps.store.get(key, ...more);
      },
    },
  });

  it('while its batch is read', async () => {
    await job.store(HANDLER, { tasks: [numbered(0, 3)] });
    const slow = slowly();
    expect(await runElement(slowBatch(slow), elementInput())).toMatchObject({ committed: 1 });
    expect(slow.beats).toEqual(EVERY_30_S);
  });

  it('and runs nothing when it has lost its task meanwhile', async () => {
    await job.store(`export default () => { throw new Error('run'); };`, { tasks: [numbered(0, 3)] });
    const slow = slowly();
    const deps = slowBatch(slow);
    const store: WorkerDeps['store'] = {
      ...deps.store,
      async get(key, ...more) {
        if (key === batchKey(JOB, taskIdOf(0))) await setTask(job.deps.state, 0, { owner: '200_0.0' });
        const bytes = await deps.store.get(key, ...more);
        // The answers of the last heartbeats.
        await new Promise((resolve) => setImmediate(resolve));
        return bytes;
      },
    };
    expect(await runElement({ ...deps, store }, elementInput())).toMatchObject({ claimed: 1, committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', owner: '200_0.0' });
  });

  it('while its last checkpoint is saved', async () => {
    const stop = new AbortController();
    await job.store(HANDLER, { tasks: [numbered(0, 3)] }, { handler: { concurrency: 1 } });
    const { deps, beats, takesLong } = slowly();
    let isFirst = true;
    const store: WorkerDeps['store'] = {
      ...deps.store,
      async put(...args) {
        if (isFirst) {
          isFirst = false;
          await takesLong();
        }
        return job.deps.store.put(...args);
      },
    };
    const handlers: WorkerDeps['handlers'] = {
      async load(...args) {
        const loaded = await deps.handlers.load(...args);
        return {
          ...loaded,
          run(payload, context) {
            if (context.item.index === 1) stop.abort('drain:terminated');
            return loaded.run(payload, context);
          },
        };
      },
    };
    const report = await runElement({ ...deps, store, handlers, stop: stop.signal }, elementInput());
    expect(report).toMatchObject({ stopped: 'drained' });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', checkpoint: { items: 2 } });
    expect(beats).toEqual(EVERY_30_S);
  });
});

it('a short task costs the claim and the commit, and no heartbeat', async () => {
  await job.store(HANDLER, { tasks: [numbered(0, 3)] });
  const { deps, beats, others } = slowly();
  expect(await runElement(deps, elementInput())).toMatchObject({ committed: 1 });
  expect(beats).toEqual([]);
  expect(others).toHaveLength(2);
});
