import { describe, expect, it } from 'vitest';
import { BUILTIN_RULES } from '../../../src/domain/builtin-rules.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import type { HandlerContext, HandlerResult } from '../../../src/ports/handler-host.ts';
import type { TryPolicy } from '../../../src/worker/judge-try.ts';
import { DEFER_MS } from '../../../src/worker/deferral.ts';
import { createOutputNormaliser } from '../../../src/worker/normalise-output.ts';
import { runItems, type RunItemsOptions } from '../../../src/worker/run-items.ts';
import { ABORT_GRACE_MS } from '../../../src/worker/try-slots.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createListLog } from '../../support/worker-job.ts';

type Run = (payload: unknown, context: HandlerContext) => Promise<HandlerResult>;
const ok = (output: unknown): HandlerResult => ({ ok: true, output });
const error: HandlerResult = {
  ok: false,
  cause: 'handler-error',
  errorClass: 'E',
  errorMessage: 'boom',
  detail: 'stack',
};
const policy = (more: Partial<TryPolicy>): TryPolicy => ({
  rules: BUILTIN_RULES,
  items: 1,
  backoff: { baseMs: 100, maxMs: 100 },
  escalations: null,
  ...more,
});
/** A promise and the way to settle it. */
function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

function start(count: number, run: Run, more: Partial<RunItemsOptions> = {}) {
  const clock = createManualClock();
  const outcomes: ItemOutcome[] = [];
  const log = createListLog();
  const options: RunItemsOptions = {
    batch: { items: count, item: (n) => ({ itemId: `i${n}`, itemIndex: n, payload: n, json: String(n) }) },
    isFinished: () => false,
    handler: { run, close: () => Promise.resolve() },
    shared: { job: { id: 'j', name: 'j' }, task: { id: 't' }, scratch: '/s' },
    concurrency: 2,
    timeoutMs: 1_000,
    policy: policy({}),
    tries: new Map(),
    normaliser: createOutputNormaliser({ mode: 'json' }),
    log,
    onOutcome: (outcome) => outcomes.push(outcome),
    clock,
    random: { next: () => 0.5 },
    backoffMs: (tries, { baseMs }) => tries * baseMs,
    ...more,
  };
  return { running: runItems(options), clock, outcomes, log };
}

describe('runItems', () => {
  it('gives every item one outcome with its output, at most `concurrency` in flight', async () => {
    let inFlight = 0;
    let most = 0;
    const { running, outcomes } = start(
      20,
      async (payload) => {
        most = Math.max(most, (inFlight += 1));
        await Promise.resolve();
        inFlight -= 1;
        return ok({ payload });
      },
      { concurrency: 3 },
    );
    expect(await running.ended).toBe(true);
    expect(most).toBe(3);
    expect(outcomes.map((row) => row.itemIndex).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n),
    );
    expect(outcomes[7]).toMatchObject({ status: 'succeeded', attempts: 1, output: '{"payload":7}', cause: null });
  });

  it('skips what an earlier attempt finished', async () => {
    const seen: unknown[] = [];
    const { running } = start(
      5,
      (payload) => {
        seen.push(payload);
        return Promise.resolve(ok(null));
      },
      { isFinished: (n) => n !== 3 },
    );
    expect(await running.ended).toBe(true);
    expect(seen).toEqual([3]);
  });

  it('ends at once when nothing is left', async () => {
    expect(await start(3, () => Promise.resolve(ok(1)), { isFinished: () => true }).running.ended).toBe(true);
  });

  it('retries an item after the backoff without holding its lane, and logs each failure', async () => {
    const order: string[] = [];
    const { running, clock, outcomes, log } = start(
      3,
      (payload, context) => {
        order.push(`${String(payload)}/${context.attempt}`);
        return Promise.resolve(payload === 0 && context.attempt < 3 ? error : ok(payload));
      },
      { concurrency: 1, policy: policy({ items: 3 }) },
    );
    await clock.advance(99);
    expect(order).toEqual(['0/1', '1/1', '2/1']);
    await clock.advance(1);
    expect(order.at(-1)).toBe('0/2');
    await clock.advance(200);
    expect(await running.ended).toBe(true);
    expect(outcomes.find((row) => row.itemIndex === 0)).toMatchObject({ status: 'succeeded', attempts: 3 });
    expect(log.lines.map((line) => [line.fields['item'], line.fields['try'], line.fields['errorMessage']])).toEqual([
      ['i0', 1, 'boom'],
      ['i0', 2, 'boom'],
    ]);
  });

  it('gives up after retry.items tries, and never retries bad input or bad output', async () => {
    let calls = 0;
    const results: HandlerResult[] = [error, { ...error, cause: 'bad-input' }, ok(() => 1)];
    const { running, clock, outcomes } = start(
      3,
      (payload) => {
        calls += 1;
        return Promise.resolve(results[payload as number] as HandlerResult);
      },
      {
        policy: policy({ items: 2, backoff: { baseMs: 1, maxMs: 1 } }),
      },
    );
    await clock.advance(10);
    expect(await running.ended).toBe(true);
    expect(calls).toBe(4);
    expect(outcomes.toSorted((a, b) => a.itemIndex - b.itemIndex).map((row) => [row.cause, row.attempts])).toEqual([
      ['handler-error', 2],
      ['bad-input', 1],
      ['bad-output', 1],
    ]);
  });

  it('a record that is not one never reaches the handler', async () => {
    const batch = {
      items: 1,
      item: () => ({ itemId: '0', itemIndex: 0, payload: null, json: 'x', problem: 'line 3 is ragged' }),
    };
    const { running, outcomes } = start(
      1,
      () => {
        throw new Error('called');
      },
      { batch },
    );
    expect(await running.ended).toBe(true);
    expect(outcomes).toEqual([
      expect.objectContaining({
        status: 'failed',
        cause: 'bad-input',
        errorClass: 'bad-input',
        errorMessage: 'line 3 is ragged',
        attempts: 0,
      }),
    ]);
  });

  it('aborts the signal at the timeout and fails the item even when the handler then succeeds', async () => {
    const { running, clock, outcomes } = start(1, async (_payload, { signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      return ok('late');
    });
    await clock.advance(1_000);
    expect(await running.ended).toBe(true);
    expect(outcomes).toEqual([
      expect.objectContaining({
        cause: 'timeout-item',
        durationMs: 1_000,
        errorMessage: 'took longer than handler.timeout (1000 ms)',
      }),
    ]);
  });

  it('gives up on a handler that ignores its signal, and ignores its late result', async () => {
    const late = deferred<HandlerResult>();
    const { running, clock, outcomes } = start(
      2,
      (payload) => (payload === 0 ? late.promise : Promise.resolve(ok(1))),
      { concurrency: 1 },
    );
    await clock.advance(1_000 + ABORT_GRACE_MS - 1);
    expect(outcomes).toEqual([]);
    await clock.advance(1);
    expect(await running.ended).toBe(true);
    late.resolve(ok('late'));
    await clock.advance(1);
    expect(outcomes.map((row) => [row.itemIndex, row.cause])).toEqual([
      [0, 'timeout-item'],
      [1, null],
    ]);
  });

  it('times each try from its own start', async () => {
    const tries: ReturnType<typeof deferred<HandlerResult>>[] = [];
    const { running, clock, outcomes } = start(3, () => {
      const one = deferred<HandlerResult>();
      tries.push(one);
      return one.promise;
    });
    await clock.advance(600);
    tries[0]?.resolve(ok(0));
    await clock.advance(399);
    expect(outcomes.map((row) => row.itemIndex)).toEqual([0]);
    tries[1]?.resolve(ok(1));
    await clock.advance(200);
    tries[2]?.resolve(ok(2));
    await clock.advance(0);
    expect(await running.ended).toBe(true);
    expect(outcomes.map((row) => [row.itemIndex, row.status, row.durationMs])).toEqual([
      [0, 'succeeded', 600],
      [1, 'succeeded', 999],
      [2, 'succeeded', 599],
    ]);
  });

  it('draining: nothing new starts, what ends in time counts, what is aborted leaves no outcome', async () => {
    const first = deferred<HandlerResult>();
    const { running, clock, outcomes } = start(5, (payload, { signal }) =>
      payload === 0
        ? first.promise
        : new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve(error));
          }),
    );
    await clock.advance(10);
    running.stopTaking();
    first.resolve(ok('in time'));
    await clock.advance(10);
    running.abort('drain');
    await clock.advance(0);
    expect(await running.ended).toBe(false);
    expect(outcomes.map((row) => [row.itemIndex, row.status])).toEqual([[0, 'succeeded']]);
  });

  it('draining does not wait for a handler that ignores its signal, nor for a backoff', async () => {
    const { running, clock, outcomes } = start(
      2,
      (payload) => (payload === 0 ? Promise.resolve(error) : new Promise(() => undefined)),
      {
        policy: policy({ items: 2, backoff: { baseMs: 500_000, maxMs: 500_000 } }),
        timeoutMs: 900_000,
      },
    );
    await clock.advance(10);
    running.stopTaking();
    running.abort('drain');
    await clock.advance(1_000);
    expect(await running.ended).toBe(false);
    expect(outcomes).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  it('an outcome that cannot be kept ends the run with that error', async () => {
    const { running, clock } = start(
      4,
      (payload) => (payload === 0 ? Promise.resolve(ok(1)) : new Promise(() => undefined)),
      {
        onOutcome: () => {
          throw new Error('disk full');
        },
      },
    );
    const ended = expect(running.ended).rejects.toThrow('disk full');
    await clock.advance(1_000);
    await ended;
  });

  it('handlers that never wait do not starve timers', async () => {
    const manual = createManualClock();
    let spun = 0;
    const doneAtPause: number[] = [];
    const busyClock = {
      ...manual,
      monotonicMs: () => manual.monotonicMs() + spun,
      sleep(ms: number) {
        doneAtPause.push(outcomes.length);
        return manual.sleep(ms);
      },
    };
    const spin: Run = () => {
      // Each item keeps the processor for a millisecond.
      spun += 1;
      return Promise.resolve(ok(1));
    };
    const { running, outcomes } = start(1_000, spin, { concurrency: 8, clock: busyClock, timeoutMs: 1e9 });
    while (outcomes.length < 1_000) await manual.advanceToNext();
    expect(await running.ended).toBe(true);
    expect(doneAtPause.length).toBeGreaterThan(15);
    expect(Math.max(...doneAtPause.map((count, at) => count - (doneAtPause[at - 1] ?? 0)))).toBeLessThanOrEqual(60);
  });

  it('gives the handler its place in the job', async () => {
    let seen: HandlerContext | null = null;
    const { running, log } = start(1, (_payload, context) => {
      seen = context;
      context.log.info('hello', { n: 1 });
      expect({ ...context }).toMatchObject({
        attempt: 1,
        job: { id: 'j', name: 'j' },
        task: { id: 't' },
        item: { id: 'i0', index: 0 },
        scratch: '/s',
      });
      expect(context.signal.aborted).toBe(false);
      return Promise.resolve(ok(1));
    });
    expect(await running.ended).toBe(true);
    expect(seen).not.toBeNull();
    expect(log.lines).toEqual([{ level: 'info', message: 'hello', fields: { item: 'i0', try: 1, n: 1 } }]);
  });
});

describe('items left for a later attempt', () => {
  const oom: HandlerResult = { ...error, cause: 'oom', errorClass: 'MemoryError', errorMessage: 'too big' };
  const minutes = { baseMs: 300_000, maxMs: 300_000 };
  const waiting = policy({ items: 9, backoff: minutes, escalations: 0 });

  it('are those that need more memory, once nothing else is left to run', async () => {
    const slow = deferred<HandlerResult>();
    const results = [oom, slow.promise, ok(1), { ...oom, exitCode: 3, signal: 'SIGKILL' }];
    const tries = new Map([[3, 4]]);
    const { running, clock, outcomes } = start(
      4,
      (payload) => Promise.resolve(results[payload as number] as HandlerResult),
      {
        policy: policy({ escalations: 0 }),
        tries,
      },
    );
    await clock.advance(500);
    expect(outcomes.map((row) => row.itemIndex)).toEqual([2]);
    slow.resolve(ok(1));
    await clock.advance(0);
    expect(await running.ended).toBe(false);
    expect(outcomes.map((row) => row.itemIndex)).toEqual([2, 1]);
    expect(running.deferred()).toEqual({
      cause: 'oom',
      detail: 'MemoryError: too big (items left: 2)',
      rule: 'built-in rule for oom',
      items: [0, 3],
      needsMore: true,
    });
    expect(tries).toEqual(
      new Map([
        [3, 5],
        [0, 1],
      ]),
    );
    expect(clock.pending()).toBe(0);
  });

  it('are those with long waits, when nothing else is left, and it is known when the first is due', async () => {
    const { running, clock, outcomes } = start(
      6,
      (payload) => Promise.resolve(payload === 5 ? ok(1) : { ...error, exitCode: 75, errorClass: '' }),
      { policy: waiting, concurrency: 2 },
    );
    await clock.advance(0);
    expect(await running.ended).toBe(false);
    expect(outcomes.map((row) => row.itemIndex)).toEqual([5]);
    expect(running.deferred()).toEqual({
      cause: 'handler-error',
      detail: 'boom (items left: 5)',
      exitCode: 75,
      rule: 'built-in rule for everything else',
      items: [0, 1, 2, 3, 4],
      needsMore: false,
      dueMs: clock.nowMs() + 300_000,
    });
  });

  it('are both kinds at once: the need is named, and when the first wait is over', async () => {
    const { running, clock } = start(3, (payload) => Promise.resolve(payload === 1 ? oom : error), {
      policy: waiting,
    });
    await clock.advance(0);
    expect(await running.ended).toBe(false);
    expect(running.deferred()).toEqual({
      cause: 'oom',
      detail: 'MemoryError: too big (items left: 3)',
      rule: 'built-in rule for oom',
      items: [1, 0, 2],
      needsMore: true,
      dueMs: clock.nowMs() + 300_000,
    });
  });

  it('are none while something else runs: it may be over in time', async () => {
    const slow = deferred<HandlerResult>();
    const { running, clock, outcomes } = start(
      2,
      (payload, { attempt }) => (payload === 1 ? slow.promise : Promise.resolve(attempt === 1 ? error : ok(1))),
      { policy: waiting, timeoutMs: 1e9 },
    );
    await clock.advance(250_000);
    slow.resolve(ok(1));
    await clock.advance(50_000);
    expect(await running.ended).toBe(true);
    expect(running.deferred()).toBeNull();
    expect(outcomes.map((row) => [row.itemIndex, row.attempts])).toEqual([
      [1, 1],
      [0, 2],
    ]);
  });

  it('are none on the last attempt: the wait is spent there', async () => {
    const { running, clock, outcomes } = start(
      1,
      (_payload, { attempt }) => Promise.resolve(attempt === 1 ? oom : ok(1)),
      { policy: policy({ items: 2, backoff: minutes }) },
    );
    await clock.advance(300_000);
    expect(await running.ended).toBe(true);
    expect(outcomes).toMatchObject([{ status: 'succeeded', attempts: 2 }]);
  });

  it('are none for a wait that is short', async () => {
    const { running, clock } = start(1, (_payload, { attempt }) => Promise.resolve(attempt === 1 ? error : ok(1)), {
      policy: policy({ items: 2, escalations: 0, backoff: { baseMs: DEFER_MS, maxMs: DEFER_MS } }),
    });
    await clock.advance(DEFER_MS);
    expect(await running.ended).toBe(true);
  });

  it('are not spoken of when the worker was told to stop', async () => {
    const { running, clock } = start(
      2,
      (payload) => (payload === 0 ? Promise.resolve(oom) : new Promise(() => undefined)),
      {
        policy: policy({ escalations: 0 }),
      },
    );
    await clock.advance(10);
    running.stopTaking();
    running.abort('drain');
    await clock.advance(1_000);
    expect(await running.ended).toBe(false);
    expect(running.deferred()).toBeNull();
  });

  it('have the tries of earlier attempts counted', async () => {
    const seen: number[] = [];
    const tries = new Map([
      [0, 2],
      [1, 2],
    ]);
    const { running, outcomes } = start(
      2,
      (_payload, { attempt }) => {
        seen.push(attempt);
        return Promise.resolve(error);
      },
      {
        policy: policy({ items: 3, escalations: 0 }),
        tries,
      },
    );
    expect(await running.ended).toBe(true);
    expect(seen).toEqual([3, 3]);
    expect(tries.size).toBe(0);
    expect(outcomes.map((row) => row.attempts)).toEqual([3, 3]);
  });
});
