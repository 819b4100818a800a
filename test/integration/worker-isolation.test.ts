import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBeacons } from '../../src/backends/beacon/index.ts';
import { effectiveRules } from '../../src/domain/builtin-rules.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { Beacon, BeaconReading } from '../../src/ports/beacon.ts';
import type { HandlerHost } from '../../src/ports/handler-host.ts';
import { decideRetry } from '../../src/retry/decide-retry.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { reportEnd } from '../../src/worker/report-end.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { elementInput, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

class Death extends Error {}

interface Life {
  readonly deps: WorkerDeps;
  /** What the worker left behind; null: it did not die. */
  readonly left: () => BeaconReading | null;
}

/** A worker that dies when it runs an item of `deadly`: nothing it does afterwards reaches anything. */
function mortal(life: number, deadly: ReadonlySet<number>, runs: Map<number, number>): Life {
  let dead = false;
  const path = join(job.path, `beacon-${life}`);
  const beacon = createBeacons().create(path);
  const unlessDead = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (dead) throw new Death();
          return (value as (...given: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  const handlers: HandlerHost = {
    load: () =>
      Promise.resolve({
        run: (_payload, { item }) => {
          runs.set(item.index, (runs.get(item.index) ?? 0) + 1);
          if (dead || deadly.has(item.index)) {
            dead = true;
            return Promise.reject(new Death());
          }
          return Promise.resolve().then(() => ({ ok: true, output: item.index }));
        },
        close: () => Promise.resolve(),
      }),
  };
  const silent: Beacon = {
    enter: (task) => !dead && beacon.enter(task),
    begin: (item) => (dead ? 0 : beacon.begin(item)),
    end: (token) => !dead && beacon.end(token),
    leave: () => !dead && beacon.leave(),
    exiting: () => false,
    close: () => beacon.close(),
  };
  const { store, state } = job.deps;
  const deps = { ...job.deps, store: unlessDead(store), state: unlessDead(state), handlers, beacon: silent };
  return { deps, left: () => (dead ? createBeacons().read(path) : null) };
}

/** What `advance` does with a task that waits for its decision. */
async function decide(): Promise<TaskItem> {
  const task = await job.task(0);
  const { cause = 'unknown', causeDetail: message = '', exitCode, signal } = task;
  const { plan, decision } = decideRetry({
    task,
    failure: {
      cause,
      message,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
    },
    died: true,
    isCanary: false,
    rules: effectiveRules({ rules: [] }),
    policy: { attempts: 3, backoff: { baseMs: 1, maxMs: 2 } },
    resources: { memoryBytes: 1, timeMs: 600_000 },
    most: { memoryBytes: 1, timeMs: 600_000 },
    random: 0,
  });
  expect(decision).not.toBe('give-up');
  const gone = (['suspects', 'strikes', 'quarantined', 'idleAttempts'] as const).filter(
    (name) => plan[name] === undefined,
  );
  await setTask(job.deps.state, 0, { ...plan, state: 'PENDING', checkpointSeen: task.checkpoint?.items ?? 0 }, [
    ...gone,
    'owner',
  ]);
  return job.task(0);
}

interface Outcome {
  readonly attempts: number;
  readonly runs: ReadonlyMap<number, number>;
}

/** Attempts until the task is committed. `blind`: nobody can say what was in flight. */
async function untilDone(deadly: ReadonlySet<number>, blind: boolean): Promise<Outcome> {
  const runs = new Map<number, number>();
  for (let attempts = 1; attempts <= 20; attempts += 1) {
    const { deps, left } = mortal(attempts, deadly, runs);
    const input = elementInput({ batchJobId: String(100 + attempts) });
    const ended = await runElement(deps, input).catch((error: unknown) => error);
    const reading = left();
    if (reading === null) {
      expect(ended).toMatchObject({ committed: 1 });
      return { attempts, runs };
    }
    expect(ended).toBeInstanceOf(Death);
    const context = { deps: job.deps, input };
    const seen = blind ? { ...reading, inFlight: [] } : reading;
    expect(await reportEnd(context, { reading: seen, status: 137, evidence: null })).toBe(true);
    await decide();
  }
  throw new Error('never done');
}

const HANDLER = 'export default () => 0;';

describe('an item among 200 that kills its worker each time', () => {
  it.each([
    ['named by the beacon', false, 4],
    ['named by nobody', true, 6],
  ])('%s, is put aside within a few attempts, and every other item is done', async (_name, blind, mostAttempts) => {
    await job.store(HANDLER, { tasks: [numbered(0, 200)] }, { handler: { concurrency: 4 } });
    const { attempts, runs } = await untilDone(new Set([137]), blind);
    expect(attempts).toBeLessThanOrEqual(mostAttempts);
    const rows = await job.outcomes(0);
    expect(rows).toHaveLength(200);
    const failed = rows.filter((row) => row.status === 'failed');
    expect(failed).toMatchObject([{ itemIndex: 137, errorClass: 'quarantined', cause: 'killed', attempts: 0 }]);
    expect(failed[0]?.errorMessage).toMatch(
      /signal 9 .*To run it again, name it: slurmctl retry bench-00000000 --items FILE$/,
    );
    expect(Math.max(...runs.values())).toBeLessThanOrEqual(mostAttempts);
    // Nothing was checkpointed before the first death; afterwards everybody else is saved before the suspects run.
    const others = [...runs].filter(([item]) => item !== 137).map(([, times]) => times);
    expect(others.reduce((sum, times) => sum + times, 0)).toBeLessThanOrEqual(199 * 2 + 13);
    const task = await job.task(0);
    expect(task).toMatchObject({ state: 'DONE', quarantined: { items: '137' } });
    for (const field of ['suspects', 'trying', 'inFlight', 'strikes', 'owner', 'signal'])
      expect(task).not.toHaveProperty(field);
  });

  it('is found beside others of its kind', async () => {
    await job.store(HANDLER, { tasks: [numbered(0, 60)] }, { handler: { concurrency: 3 } });
    await untilDone(new Set([5, 6, 40]), false);
    const failed = (await job.outcomes(0)).filter((row) => row.status === 'failed');
    expect(failed.map((row) => [row.itemIndex, row.errorClass])).toEqual([
      [5, 'quarantined'],
      [6, 'quarantined'],
      [40, 'quarantined'],
    ]);
  });
});

it('suspects that have survived are not blamed for a death while the result is sealed', async () => {
  await job.store(HANDLER, { tasks: [numbered(0, 3)] });
  await setTask(job.deps.state, 0, { suspects: '1' });
  let sealing: TaskItem | undefined;
  const leafParts: WorkerDeps['leafParts'] = {
    ...job.deps.leafParts,
    async write(...args) {
      sealing = await job.task(0);
      return job.deps.leafParts.write(...args);
    },
  };
  expect(await runElement({ ...job.deps, leafParts }, elementInput())).toMatchObject({ committed: 1 });
  expect(sealing).toMatchObject({ state: 'RUNNING', suspects: '1' });
  expect(sealing).not.toHaveProperty('trying');
});

describe('the report of a death', () => {
  const dieOnce = async (): Promise<{ reading: BeaconReading; input: ReturnType<typeof elementInput> }> => {
    await job.store(HANDLER, { tasks: [numbered(0, 20)] }, { handler: { concurrency: 2 } });
    const { deps, left } = mortal(1, new Set([7]), new Map());
    const input = elementInput();
    await runElement(deps, input).catch(() => null);
    const reading = left();
    expect(reading).not.toBeNull();
    return { reading: reading as BeaconReading, input };
  };

  it('names the cause, the items and how the process ended, and keeps the owner for the decision', async () => {
    const { reading, input } = await dieOnce();
    expect(await reportEnd({ deps: job.deps, input }, { reading, status: 137, evidence: null })).toBe(true);
    const task = await job.task(0);
    expect(task).toMatchObject({ state: 'WAIT', cause: 'killed', signal: 9, owner: '100_0.0' });
    expect(task).not.toHaveProperty('notBeforeMs');
    expect(task.inFlight).toMatch(/\b7\b|6-7|7-8/);
    expect(task.causeDetail).toMatch(/^the worker was killed by signal 9 while items? .*7.* running$/);
    expect(task.startedMs).toBeGreaterThan(0);
  });

  it('changes nothing once a restarted element has taken the task over', async () => {
    const { reading, input } = await dieOnce();
    await setTask(job.deps.state, 0, { owner: '100_0.1' });
    const before = await job.task(0);
    expect(await reportEnd({ deps: job.deps, input }, { reading, status: 137, evidence: null })).toBe(false);
    expect(await job.task(0)).toEqual(before);
  });

  it('may be made twice', async () => {
    const { reading, input } = await dieOnce();
    const report = (): Promise<boolean> =>
      reportEnd({ deps: job.deps, input }, { reading, status: 137, evidence: null });
    expect([await report(), await report()]).toEqual([true, false]);
  });
});

describe('a task that nobody suspects', () => {
  it('costs as many writes as ever', async () => {
    await job.store(HANDLER, { tasks: [numbered(0, 50)] });
    let writes = 0;
    const { state } = job.deps;
    const counted = {
      ...state,
      write: (...args: Parameters<typeof state.write>) => ((writes += 1), state.write(...args)),
    };
    const { deps } = mortal(1, new Set(), new Map());
    await runElement({ ...deps, state: counted }, elementInput());
    expect(await job.task(0)).toMatchObject({ state: 'DONE' });
    // The claim and the commit.
    expect(writes).toBe(2);
  });
});
