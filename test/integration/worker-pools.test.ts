import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemIds } from '../../src/backends/random.ts';
import { attemptIdOf, elementIdOf, taskIdOf } from '../../src/domain/ids.ts';
import { poolSlotKey, type JobPool, type PoolSlotItem } from '../../src/domain/pool.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { createPools } from '../../src/limiter/pools.ts';
import { evictSlot, setPool } from '../../src/limiter/site-pools.ts';
import type { Pools } from '../../src/ports/limiter.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { heartbeat } from '../../src/worker/task-writes.ts';
import { eventually } from '../support/live-processes.ts';
import { createListLog, elementInput, JOB, setTask, specOf, storeJob } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

const using = (...pools: readonly Partial<JobPool>[]): { readonly pools: readonly JobPool[] } => ({
  pools: pools.map((pool) => ({ name: 'db', priority: 0, per: 'item', source: 'job.yaml:9:5', ...pool })),
});

/** A pool of the site, and a process that uses it; the lease is short, so that a lost slot is seen soon. */
async function openPool(slots: number, { name = 'db', leaseMs = 3_000 } = {}) {
  const { state } = job.deps;
  await setPool(state, { name, definition: { slots, leaseMs } }, { source: 'a test', nowMs: 0 });
  const slot = async (index: number): Promise<PoolSlotItem | null> =>
    (await state.get(poolSlotKey(name, index))) as unknown as PoolSlotItem | null;
  return { slot, held: async (index: number) => (await slot(index))?.owner !== undefined };
}

function openPools(priorities: Readonly<Record<string, number>> = {}): Pools {
  const { state, clock, random, log } = job.deps;
  const holder = { job: JOB, node: 'n1' };
  return createPools({ state, clock, random, ids: createSystemIds(clock), log, holder, priorities });
}

const run = (more: Partial<WorkerDeps> = {}) => runElement({ ...job.deps, openPools, ...more }, elementInput());

interface RunOut {
  readonly code: string;
  readonly per: JobPool['per'];
  readonly taken: boolean;
  readonly at: { readonly begun: number; readonly calls: number };
}

/** Handler code that notes how many of its kind are at work, for a while. */
const COUNTING = `let live = 0;
export default async (_, { slots }) => {
  live += 1;
  ${noting('live')}
  await new Promise((resolve) => setTimeout(resolve, 60));
  live -= 1;
  return slots;
};`;

describe('pools of a job in its worker', () => {
  it('holds a slot around each item, and gives it back', async () => {
    const { slot } = await openPool(2);
    await job.store(COUNTING, { tasks: [numbered(0, 6)] }, using({}));
    expect(await run()).toMatchObject({ committed: 1, failed: 0 });
    expect(Math.max(...job.notes().map(Number))).toBe(2);
    const outputs = (await job.outcomes(0)).map(({ output }) => JSON.parse(output ?? '') as unknown);
    const fences = outputs.map((output) => JSON.stringify(output));
    expect(new Set(fences).size).toBe(6);
    expect(outputs).toContainEqual({ db: { index: 0, fence: 1 } });
    const left = [await slot(0), await slot(1)];
    expect(left.map((item) => item?.owner)).toEqual([undefined, undefined]);
    expect((left[0]?.fence ?? 0) + (left[1]?.fence ?? 0)).toBe(6);
  });

  it('tells commands their slot by the environment', async () => {
    await openPool(1, { name: 'my-db' });
    const program = join(job.path, 'show');
    writeFileSync(program, '#!/bin/sh\necho "[$SLURMCTL_POOL_MY_DB_SLOT, $SLURMCTL_POOL_MY_DB_FENCE]"\n');
    chmodSync(program, 0o700);
    const handler = { kind: 'command', argv: [program], concurrency: 2, timeoutMs: 10_000 } as const;
    await storeJob(job.deps, { ...specOf('', using({ name: 'my-db' })), handler }, { tasks: [numbered(0, 2)] });
    expect(await run()).toMatchObject({ committed: 1, failed: 0 });
    expect((await job.outcomes(0)).map(({ output }) => output ?? '').toSorted()).toEqual(['[0,1]', '[0,2]']);
  });

  it('gives a handler slots when it asks, takes back what it forgets, and refuses what the job does not list', async () => {
    const { held } = await openPool(1);
    const code = `export default async ({ n }, ctx) => {
      if (n === 2) return ctx.pool('dbb');
      const slot = await ctx.pool('db');
      if (n === 0) await slot.release();
      return [slot.index, slot.fence, slot.signal.aborted, ctx.slots];
    };`;
    await job.store(code, { tasks: [numbered(0, 3)] }, { ...using({ per: 'call' }), handler: { concurrency: 1 } });
    await run();
    const rows = await job.outcomes(0);
    expect(rows.map(({ output }) => output)).toEqual(['[0,1,false,{}]', '[0,2,false,{}]', null]);
    expect(rows[2]?.errorMessage).toBe('the handler names the pool "dbb"; the job lists db');
    expect(await held(0)).toBe(false);
  });

  it('gives a handler the slot of its try when it asks for one more of that pool', async () => {
    await openPool(1);
    const code = `export default async (_, ctx) => {
      const slot = await ctx.pool('db');
      await slot.release();
      return [slot.index, slot.fence];
    };`;
    await job.store(code, { tasks: [numbered(0, 2)] }, using({}));
    expect(await run()).toMatchObject({ failed: 0 });
    expect((await job.outcomes(0)).map(({ output }) => output)).toEqual(['[0,1]', '[0,2]']);
  });

  it('counts the wait of a handler against its timeout only when it has had a slot', async () => {
    await openPool(1);
    await openPool(1, { name: 'other' });
    const code = `export default async ({ n }, ctx) => {
      const names = n < 2 ? ['db'] : n === 2 ? ['db', 'other'] : ['other', 'db'];
      for (const name of names) await ctx.pool(name);
      await new Promise((resolve) => setTimeout(resolve, n < 2 ? 200 : 0));
      return n;
    };`;
    const spec = {
      ...using({ per: 'call' }, { name: 'other', per: 'call' }),
      handler: { concurrency: 2, timeoutMs: 300 },
    };
    await job.store(code, { tasks: [numbered(0, 2), numbered(2, 2)] }, spec);
    expect(await run()).toMatchObject({ committed: 2 });
    expect((await job.outcomes(0)).map(({ cause }) => cause)).toEqual([null, null]);
    // These two wait for each other.
    expect((await job.outcomes(1)).map(({ cause }) => cause)).toContain('timeout-item');
  });

  it('runs an item again whose slot is taken away, at no cost of its tries', async () => {
    await openPool(1, { leaseMs: 900 });
    const code = `export default async (_, { signal, attempt, slots }) => {
      ${noting('attempt + " " + slots.db.fence')}
      if (slots.db.fence > 1) return attempt;
      await new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };`;
    const log = createListLog();
    await job.store(code, { tasks: [numbered(0, 1)] }, using({}));
    const running = run({ log });
    await eventually('the handler', () => job.notes().length === 1 && job.notes()[0] !== '');
    await evictSlot(job.deps.state, { name: 'db', slot: 0 }, { source: 'ada@login1' });
    expect(await running).toMatchObject({ committed: 1, failed: 0 });
    expect(job.notes()).toEqual(['1 1', '1 3']);
    expect(await job.outcomes(0)).toMatchObject([{ status: 'succeeded', attempts: 1 }]);
    const { log: key } = (await job.done(0)).files;
    const text = new TextDecoder().decode((await job.deps.store.get(key?.key ?? '')) ?? undefined);
    expect(text).toContain('slot 0 of pool db was taken away by ada@login1');
    expect(text).toContain('slot-lost');
  });

  it('leaves what waits for a slot when the worker has to stop', async () => {
    const { slot } = await openPool(1);
    const other = openPools();
    const taken = await other.acquire('db');
    const stop = new AbortController();
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 20)] }, using({ priority: 7 }));
    let seen: Pools | undefined;
    const running = run({ stop: stop.signal, openPools: (priorities) => (seen = openPools(priorities)) });
    await eventually('all lanes', () => seen?.waiting()?.calls === 4);
    const inLine = await eventually('a place in line', async () => {
      for await (const { item } of job.deps.state.query('P#db', 'Q#')) return item;
      return null;
    });
    expect(inLine).toMatchObject({ job: JOB, node: 'n1', priority: 7 });
    stop.abort('drain:terminated');
    expect(await running).toMatchObject({ stopped: 'drained', committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', attempts: 1 });
    expect(seen?.waiting()).toBeNull();
    await taken.release();
    expect(await slot(0)).toEqual({ fence: 1 });
  });

  describe('when the time of the element is over', () => {
    const HANDLED = `export default async ({ n }, ctx) => {
      ${noting('"begun"')}
      if (n < 2) return n;
      const slot = await ctx.pool('db');
      return slot.index;
    };`;
    const RUNNING = `export default async ({ n }, { signal }) => {
      ${noting('"begun"')}
      await new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };`;

    /** The one slot is somebody else's until `after`; the element is told to stop when `begun` handlers are at work and `calls` wait. */
    async function runOut({ code, per, taken, at }: RunOut) {
      await openPool(1);
      const other = openPools();
      if (taken) await other.acquire('db');
      const stop = new AbortController();
      let seen: Pools | undefined;
      await job.store(code, { tasks: [numbered(0, 6)] }, { ...using({ per }), handler: { concurrency: 3 } });
      // So close to its end that nothing in flight is left any time.
      const endsAtMs = job.deps.clock.nowMs() + 31_000;
      const deps = {
        ...job.deps,
        stop: stop.signal,
        clock: {
          ...job.deps.clock,
          nowMs: () => (stop.signal.aborted ? endsAtMs - 9_000 : endsAtMs - 31_000),
          monotonicMs: () => job.deps.clock.monotonicMs() + (stop.signal.aborted ? 22_000 : 0),
        },
        openPools: (priorities: Readonly<Record<string, number>>) => (seen = openPools(priorities)),
      };
      const running = runElement(deps, elementInput({ endsAtMs }));
      await eventually('the waits', () => seen?.waiting()?.calls === at.calls && job.notes().length >= at.begun);
      stop.abort('drain:time-limit');
      expect(await running).toMatchObject({ stopped: 'drained', committed: 0 });
      await other.close();
      return job.task(0);
    }

    it.each([
      ['before their handlers', 'export default ({ n }) => n;', 'item', 0, 0],
      ['in their handlers', HANDLED, 'call', 5, 2],
    ] as const)('says that items only waited for slots: %s', async (_, code, per, begun, done) => {
      const task = await runOut({ code, per, taken: true, at: { begun, calls: 3 } });
      expect(task).toMatchObject({
        state: 'WAIT',
        cause: 'waiting',
        causeDetail: `the time of the element was over while it waited for pool db, with ${done} of 6 items finished`,
      });
      expect(task.checkpoint?.items ?? 0).toBe(done);
    });

    it('does not say so when one of them ran', async () => {
      const task = await runOut({ code: RUNNING, per: 'item', taken: false, at: { begun: 1, calls: 2 } });
      expect(task).toMatchObject({ state: 'WAIT', cause: 'time-limit' });
    });
  });

  it('ends the element when the site has lost the pool', async () => {
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 6)] }, using({ name: 'gone' }));
    await expect(run()).rejects.toMatchObject({ code: 'POOL_UNKNOWN' });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', cause: 'worker-error' });
  });

  it('does not deadlock between jobs that list two pools in different orders', async () => {
    await openPool(1, { name: 'a' });
    await openPool(1, { name: 'b' });
    await job.store(COUNTING, { tasks: [numbered(0, 3), numbered(3, 3)] }, using({ name: 'b' }, { name: 'a' }));
    const asked: string[] = [];
    const noted = (priorities: Readonly<Record<string, number>>): Pools => {
      const pools = openPools(priorities);
      const acquire: Pools['acquire'] = (name, signal) => (asked.push(name), pools.acquire(name, signal));
      return { ...pools, acquire, close: () => (asked.push('closed'), pools.close()) };
    };
    expect(await run({ openPools: noted })).toMatchObject({ committed: 2, failed: 0 });
    expect([asked[0], asked.at(-1)]).toEqual(['a', 'closed']);
    expect(Math.max(...job.notes().map(Number))).toBe(1);
  });

  it('says on the task which pool most of its calls wait for', async () => {
    const wait = { calls: 2 };
    const pools: Pools = { ...openPools(), waiting: () => ({ name: 'db', calls: wait.calls }) };
    const limiter = {
      take: () => Promise.reject(new Error('nobody takes')),
      tooManyRequests() {},
      waiting: () => ({ name: 'api', calls: 1, untilMs: null }),
      holdings: () => [],
      close: () => Promise.resolve(),
    };
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 1)] }, using({}));
    const attempt = attemptIdOf(elementIdOf('100', 0), 0);
    const context = { deps: { ...job.deps, limiter }, input: elementInput(), attempt, pools };
    const key = taskKey(JOB, taskIdOf(0), 1);
    await setTask(job.deps.state, 0, { state: 'RUNNING', owner: attempt });
    expect(await heartbeat(context, key, { rows: 0, failed: 0 })).toBe(true);
    expect((await job.task(0)).waiting).toEqual({ kind: 'pool', name: 'db', calls: 2 });
    wait.calls = 1;
    expect(await heartbeat(context, key, { rows: 0, failed: 0 })).toBe(true);
    expect((await job.task(0)).waiting).toEqual({ kind: 'limit', name: 'api', calls: 1 });
  });
});
