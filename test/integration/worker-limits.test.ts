import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptIdOf, elementIdOf, taskIdOf } from '../../src/domain/ids.ts';
import { limitKey, type JobLimit, type LimitItem } from '../../src/domain/limit.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { createLimiter } from '../../src/limiter/limiter.ts';
import type { Limiter, LimitHolding, LimitWait } from '../../src/ports/limiter.ts';
import type { StateItem, StateTable } from '../../src/ports/state-table.ts';
import { startSession, type SessionOptions } from '../../src/worker/attempt-session.ts';
import type { ElementContext } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { heartbeat } from '../../src/worker/task-writes.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { limitItem, perMinute } from '../support/limit-rig.ts';
import { eventually } from '../support/live-processes.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

const using = (more: Partial<JobLimit>): { readonly limits: readonly JobLimit[] } => ({
  limits: [{ name: 'api', cost: {}, per: 'item', source: 'job.yaml:9:5', ...more }],
});

/** What is asked of the limiter, beside what it answers. */
function open(definition = perMinute(60_000), more: { readonly quotaPatienceMs?: number } = {}) {
  const told: unknown[] = [];
  const { state, clock, random, log } = job.deps;
  const { sharedTime: time } = state;
  if (time === undefined) throw new Error('a table without a time');
  const real = createLimiter({ state, time, clock, random, log, endsAtMs: null, ...more });
  const limiter: Limiter = {
    take: async (name, cost, signal) => {
      told.push(['take', name, cost]);
      return real.take(name, cost, signal);
    },
    tooManyRequests(name, ms) {
      told.push(['429', name, ms]);
      real.tooManyRequests(name, ms);
    },
    waiting: () => real.waiting(),
    holdings: () => real.holdings(),
    close: () => real.close(),
  };
  const set = limitItem(definition) as unknown as StateItem;
  const made = state.write(limitKey('api'), { set }, { op: 'item-absent' });
  const stored = async () => (await state.get(limitKey('api'))) as unknown as LimitItem;
  return { told, limiter, stored, made, figures: () => real.figures()['api'] };
}

const contextWith = (limiter: Limiter): ElementContext => ({
  deps: { ...job.deps, limiter },
  input: elementInput(),
  attempt: attemptIdOf(elementIdOf('100', 0), 0),
});

describe('limits of a job in its worker', () => {
  it('takes the cost of each item before its handler begins, and not after', async () => {
    const { told, limiter, made, figures } = open();
    await made;
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 5)] }, using({ cost: { requests: ['n'] } }));
    expect(await runElement({ ...job.deps, limiter }, elementInput())).toMatchObject({ committed: 1, failed: 0 });
    expect(told).toEqual([0, 1, 2, 3, 4].map((requests) => ['take', 'api', { requests }]));
    expect(figures()).toMatchObject({ granted: 5 });
  });

  it('tells with the commit what tries took, without their waits', async () => {
    const { limiter, made } = open(perMinute(120));
    await made;
    const code = "import { setTimeout } from 'node:timers/promises'; export default () => setTimeout(20);";
    await job.store(code, { tasks: [numbered(0, 3)] }, using({}));
    expect(await runElement({ ...job.deps, limiter }, elementInput())).toMatchObject({ committed: 1 });
    const busy = (await job.task(0)).win?.busy;
    expect(busy?.tries).toBe(3);
    expect(busy?.ms).toBeGreaterThanOrEqual(50);
    expect(busy?.ms).toBeLessThan(500);
    expect(busy?.waitedMs).toBeGreaterThan(400);
  });

  it('lets a handler take the turn of each call, settle it and tell of a refusal', async () => {
    const { told, limiter, made, stored } = open(perMinute(60_000));
    await made;
    const code = `export default async ({ n }, { limit, settle, tooManyRequests }) => {
      const turn = await limit('api', n + 2);
      turn.settle(n + 1);
      await limit('api');
      settle('api', { requests: 3 });
      const headers = new Headers({ 'retry-after': '2' });
      return [tooManyRequests('api', { status: 503, headers }), n === 1 && tooManyRequests('api', { status: 429, headers })];
    };`;
    const spec = { ...using({ per: 'call', cost: { requests: 7 } }), handler: { concurrency: 1 } };
    await job.store(code, { tasks: [numbered(0, 2)] }, spec);
    expect(await runElement({ ...job.deps, limiter }, elementInput())).toMatchObject({ committed: 1, failed: 0 });
    expect((await job.outcomes(0)).map(({ output }) => output)).toEqual(['[false,false]', '[false,true]']);
    expect(told.slice(0, 2)).toEqual([
      ['take', 'api', { requests: 2 }],
      ['take', 'api', { requests: 7 }],
    ]);
    expect(told.at(-1)).toEqual(['429', 'api', 2_000]);
    expect((await stored()).refusals).toBe(1);
  });

  it('fails an item whose field for the cost is no number, and says where', async () => {
    const { told, limiter, made } = open();
    await made;
    const lines = ['{"tokens":5}', '{"tokens":"many"}', '{}', '{"tokens":"6"}'];
    await job.store('export default () => 1;', { tasks: [lines] }, using({ cost: { requests: ['tokens'] } }));
    await runElement({ ...job.deps, limiter }, elementInput());
    const rows = await job.outcomes(0);
    expect(rows.map(({ cause }) => cause)).toEqual([null, 'bad-input', 'bad-input', null]);
    expect(rows[1]?.errorMessage).toBe(
      'payload.tokens is "many", expected a whole number of at least 0: the cost in requests of limit api (job.yaml:9:5)',
    );
    expect(rows[2]?.errorMessage).toContain('the item has no payload.tokens');
    expect(told).toHaveLength(2);
  });

  it('fails such an item alike when its handler asks', async () => {
    const { limiter, made } = open();
    await made;
    const spec = { ...using({ per: 'call', cost: { requests: ['tokens'] } }) };
    await job.store("export default (_, ctx) => ctx.limit('api');", { tasks: [['{}']] }, spec);
    await runElement({ ...job.deps, limiter }, elementInput());
    expect(await job.outcomes(0)).toMatchObject([{ cause: 'bad-input', errorClass: 'bad-input' }]);
  });

  it('refuses a name that the job does not list, with what it lists', async () => {
    const { limiter, made } = open();
    await made;
    await job.store("export default (_, ctx) => ctx.limit('apo');", { tasks: [['{}']] }, using({ per: 'call' }));
    await runElement({ ...job.deps, limiter }, elementInput());
    const [row] = await job.outcomes(0);
    expect(row?.errorMessage).toBe('the handler names the limit "apo"; the job lists api');
  });

  it('tells of a failure that is a refusal', async () => {
    const { told, limiter, made } = open();
    await made;
    const code = "export default (_, { attempt }) => { if (attempt === 1) throw new Error('status 429'); };";
    await job.store(code, { tasks: [['{}']] }, using({}));
    await runElement({ ...job.deps, limiter }, elementInput());
    expect(told).toEqual([
      ['take', 'api', {}],
      ['429', 'api', null],
      ['take', 'api', {}],
    ]);
  });

  it('does not count the wait against the timeout of the item', async () => {
    const { limiter, made } = open(perMinute(600));
    await made;
    const spec = { ...using({}), handler: { concurrency: 6, timeoutMs: 100 } };
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 6)] }, spec);
    expect(await runElement({ ...job.deps, limiter }, elementInput())).toMatchObject({ committed: 1, failed: 0 });
  });

  it('counts the wait in the handler neither', async () => {
    const { limiter, made } = open(perMinute(600));
    await made;
    const spec = { ...using({ per: 'call' }), handler: { concurrency: 6, timeoutMs: 100 } };
    await job.store("export default (_, { limit }) => limit('api').then(() => 1);", { tasks: [numbered(0, 6)] }, spec);
    expect(await runElement({ ...job.deps, limiter }, elementInput())).toMatchObject({ committed: 1, failed: 0 });
  });

  it('ends the element when the site has lost the limit', async () => {
    const { limiter, made } = open();
    await made;
    await job.store(
      'export default ({ n }) => n;',
      { tasks: [numbered(0, 6)] },
      {
        limits: [{ name: 'gone', cost: {}, per: 'item', source: 'job.yaml:9:5' }],
      },
    );
    await expect(runElement({ ...job.deps, limiter }, elementInput())).rejects.toMatchObject({ code: 'LIMIT_UNKNOWN' });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', cause: 'worker-error' });
  });

  it('says on the task what its calls wait for, and no more when they do not', async () => {
    let waits: LimitWait | null = { name: 'api', calls: 3, untilMs: 1_700_000_000_000.5 };
    const { limiter, made } = open();
    await made;
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 1)] }, using({}));
    const [context, key] = [contextWith({ ...limiter, waiting: () => waits }), taskKey(JOB, taskIdOf(0), 1)];
    await setTask(job.deps.state, 0, { state: 'RUNNING', owner: context.attempt });
    expect(await heartbeat(context, key, { rows: 0, failed: 0 })).toBe(true);
    expect((await job.task(0)).waiting).toEqual({
      kind: 'limit',
      name: 'api',
      calls: 3,
      untilMs: 1_700_000_000_001,
    });
    waits = null;
    expect(await heartbeat(context, key, { rows: 0, failed: 0 })).toBe(true);
    expect(await job.task(0)).not.toHaveProperty('waiting');
  });

  it.each([
    ['after five seconds of waiting, once before the heartbeats', true, [5_000, 30_000]],
    ['with its heartbeats where nothing waits', false, [30_000]],
  ] as const)('says so %s', async (_, isWaiting, beatsAt) => {
    const { limiter } = open();
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 1)] }, using({}));
    const clock = createManualClock();
    const waits: LimitWait | null = isWaiting ? { name: 'api', calls: 3, untilMs: null } : null;
    const { deps, ...context } = contextWith({ ...limiter, waiting: () => waits });
    const beats: unknown[] = [];
    const write: StateTable['write'] = async (_key, { set }) => {
      beats.push([clock.monotonicMs(), set?.['waiting'] !== undefined]);
      return { applied: true, item: {} };
    };
    const claimed = { task: taskIdOf(0), key: taskKey(JOB, taskIdOf(0), 1), item: await job.task(0) };
    const none = { stopTaking() {}, abort() {}, onlyWaits: () => false } as unknown as SessionOptions['running'];
    const session = startSession(
      { ...context, deps: { ...deps, clock, state: { ...deps.state, write } } },
      {
        claimed,
        running: none,
        checkpointer: { save: async () => 'saved' } as unknown as SessionOptions['checkpointer'],
        shipLog: async () => undefined,
        checkpointEveryMs: 3_600_000,
        progress: () => ({ rows: 0, failed: 0 }),
      },
    );
    await clock.advance(30_000);
    await session.close();
    expect(beats).toEqual(beatsAt.map((atMs) => [atMs, isWaiting]));
  });

  it('says on the task what it holds of the limits most is held of, in a few bytes, and nothing without', async () => {
    const { limiter, made } = open();
    await made;
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 1)] }, using({}));
    const long = (digit: number): string => `l${String(digit).repeat(62)}`;
    let holdings: LimitHolding[] = [1, 2, 3, 4].map((digit) => ({
      name: long(digit),
      had: 1_000_000_000,
      held: { unit: digit === 1 ? 'requests' : 'tokens', units: 1_000_000_000_000, untilMs: 1_700_000_000_001 },
    }));
    holdings[1] = { name: 'idle', had: 7, held: null };
    const context = contextWith({ ...limiter, waiting: () => null, holdings: () => holdings });
    const key = taskKey(JOB, taskIdOf(0), 1);
    await setTask(job.deps.state, 0, { state: 'RUNNING', owner: context.attempt });
    expect(await heartbeat(context, key, { rows: 0, failed: 0 })).toBe(true);
    const { holds } = await job.task(0);
    const held = { had: 1_000_000_000, left: 1_000_000_000_000, untilMs: 1_700_000_000_001 };
    expect(holds).toEqual([
      { limit: long(1), ...held },
      { limit: 'idle', had: 7 },
      { limit: long(3), ...held, unit: 'tokens' },
    ]);
    expect(JSON.stringify(holds).length).toBeLessThan(400);
    holdings = [];
    expect(await heartbeat(context, key, { rows: 0, failed: 0 })).toBe(true);
    expect(await job.task(0)).not.toHaveProperty('holds');
  });

  it('leaves what waits for its turn when the worker has to stop, and gives back what was bought ahead', async () => {
    const stop = new AbortController();
    const { limiter, made, stored } = open(perMinute(6));
    await made;
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 50)] }, using({}));
    const running = runElement({ ...job.deps, limiter, stop: stop.signal }, elementInput());
    const sold = async (): Promise<number> => (await stored()).sold['requests'] ?? 0;
    // The turn that is there at once, and one ahead.
    const most = await eventually('a turn ahead', async () => (await sold()) > 1 && sold());
    stop.abort('drain:terminated');
    expect(await running).toMatchObject({ stopped: 'drained', committed: 0 });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT' });
    expect(await sold()).toBeLessThan(most);
    expect(limiter.waiting()).toBeNull();
  });

  it('says that items only waited for their turn when the time of the element is over, with what is finished', async () => {
    const stop = new AbortController();
    const { limiter, made } = open(perMinute(6));
    await made;
    await job.store(`export default async () => { ${noting('"done"')} };`, { tasks: [numbered(0, 50)] }, using({}));
    const running = runElement({ ...job.deps, limiter, stop: stop.signal }, elementInput());
    await eventually('all lanes', () => job.notes().includes('done') && limiter.waiting()?.calls === 4);
    stop.abort('drain:time-limit');
    expect(await running).toMatchObject({ stopped: 'drained', committed: 0 });
    expect(await job.task(0)).toMatchObject({
      state: 'WAIT',
      cause: 'waiting',
      causeDetail: expect.stringMatching(
        /^the time of the element was over while it waited for limit api, with [1-9] of 50 items finished$/,
      ),
    });
  });

  describe('hands its tasks back when a quota is used up for long', () => {
    const HOUR_MS = 3_600_000;
    const spentIn = (amount: number) =>
      perMinute(60_000, { quotas: [{ unit: 'requests', amount, every: 'month', zone: 'UTC' }] });
    const ITEM = 'export default ({ n }) => n;';
    const CALL = `export default async ({ n }, { limit }) => {
      try { await limit('api'); } catch (error) { throw new Error('no answer'); }
      return n;
    };`;

    it.each([
      ['before the item', 'item', ITEM],
      ['by a handler that hides the reason', 'call', CALL],
    ] as const)('%s, with what is finished and at no cost', async (_, per, code) => {
      const { limiter, made, stored } = open(spentIn(3), { quotaPatienceMs: HOUR_MS });
      await made;
      const spec = { ...using({ per }), handler: { concurrency: 1 } };
      await job.store(code, { tasks: [numbered(0, 5), numbered(5, 5)] }, spec);
      const report = await runElement({ ...job.deps, limiter }, elementInput());
      expect(report).toMatchObject({ stopped: 'quota-spent', claimed: 1, committed: 0, failed: 0 });
      const { setMs } = await stored();
      const task = await job.task(0);
      expect(task).toMatchObject({
        state: 'WAIT',
        cause: 'quota-spent',
        causeDetail: expect.stringMatching(
          /^limit api: monthly 3 requests used up; goes on at \d{4}-\d\d-01 00:00 UTC \(items left: 2\)$/,
        ),
        checkpoint: { items: 3 },
        deferred: { items: 2, quota: { limit: 'api', setMs } },
      });
      expect(new Date(task.deferred?.dueMs ?? 0).getUTCDate()).toBe(1);
      expect(await job.task(1)).toMatchObject({ state: 'PENDING', attempts: 0 });
    });

    it('but not where the handler does without', async () => {
      const { limiter, made } = open(spentIn(3), { quotaPatienceMs: HOUR_MS });
      await made;
      const code = "export default async (_, { limit }) => limit('api').then(() => 1, () => 0);";
      const spec = { ...using({ per: 'call' }), handler: { concurrency: 1 } };
      await job.store(code, { tasks: [numbered(0, 5)] }, spec);
      expect(await runElement({ ...job.deps, limiter }, elementInput())).toMatchObject({ committed: 1, failed: 0 });
      expect((await job.outcomes(0)).map(({ output }) => output)).toEqual(['1', '1', '1', '0', '0']);
    });
  });
});
