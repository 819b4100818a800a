import { describe, expect, test } from 'vitest';
import { AmbiguousWrite, createAwsCaller, type AwsCall } from '../../../../src/backends/shared/aws/call.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const CALL: AwsCall = { area: 'state', operation: 'UpdateItem', place: 'dynamodb://t', server: 'here', mode: 'write' };
const failing = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name, ...more });
const THROTTLED = failing('ThrottlingException', { $metadata: { httpStatusCode: 400 } });
const CUT = failing('Error', { code: 'ECONNRESET' });
const REFUSED = failing('Error', { code: 'ECONNREFUSED' });

/** A clock that sleeps by moving on, and remembers how long. */
function jumpingClock() {
  const slept: number[] = [];
  let now = 0;
  const clock = {
    monotonicMs: () => now,
    sleep: async (ms: number) => {
      slept.push(ms);
      now += ms;
    },
  } as unknown as Clock;
  return { clock, slept, advance: (ms: number) => (now += ms) };
}

function caller(maxInFlight = 64) {
  const time = jumpingClock();
  return { ...time, call: createAwsCaller({ clock: time.clock, random: createSeededRandom(1), maxInFlight }) };
}

/** Fails with these errors in turn, then answers. */
function sender(...errors: Error[]) {
  let sent = 0;
  return {
    sent: () => sent,
    send: async () => {
      const error = errors[sent];
      sent += 1;
      if (error !== undefined) throw error;
      return 'answer';
    },
  };
}

describe('a call', () => {
  test('is repeated when the service certainly did not act, also for writes', async () => {
    const { call } = caller();
    const { send, sent } = sender(THROTTLED, REFUSED, THROTTLED);
    await expect(call(CALL, send)).resolves.toBe('answer');
    expect(sent()).toBe(4);
  });

  test('whose answer was lost is repeated when it reads or may be applied twice', async () => {
    for (const mode of ['read', 'idempotent'] as const) {
      const { send, sent } = sender(CUT, CUT);
      await expect(caller().call({ ...CALL, mode }, send)).resolves.toBe('answer');
      expect(sent()).toBe(3);
    }
  });

  test('whose answer was lost is never repeated blindly when it writes', async () => {
    const { send, sent } = sender(CUT);
    await expect(caller().call(CALL, send)).rejects.toBeInstanceOf(AmbiguousWrite);
    expect(sent()).toBe(1);
  });

  test('gives up within seconds when nobody is there, and says so', async () => {
    const { call, clock, slept } = caller();
    const { send } = sender(...Array.from({ length: 1_000 }, () => REFUSED));
    await expect(call(CALL, send)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
    expect(clock.monotonicMs()).toBeLessThanOrEqual(4_000);
    expect(slept.length).toBeGreaterThan(3);
  });

  test('waits longer when it is told to slow down, with pauses that grow to a cap and differ', async () => {
    const { call, clock, slept } = caller();
    const { send } = sender(...Array.from({ length: 1_000 }, () => THROTTLED));
    await expect(call(CALL, send)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
    expect(clock.monotonicMs()).toBeLessThanOrEqual(45_000);
    expect(clock.monotonicMs()).toBeGreaterThan(20_000);
    expect(Math.max(...slept)).toBeLessThanOrEqual(5_000);
    expect(new Set(slept).size).toBe(slept.length);
  });

  test.each([
    [10_000, 2],
    [25_000, 2],
    [5_000, 4],
  ])('to a server that keeps silent for %i ms each time is sent %i times', async (silenceMs, times) => {
    const { call, clock, advance } = caller();
    const silent = failing('TimeoutError');
    let sent = 0;
    const send = async (): Promise<never> => {
      sent += 1;
      advance(silenceMs);
      throw silent;
    };
    await expect(call({ ...CALL, mode: 'read' }, send)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
    expect(sent).toBe(times);
    expect(clock.monotonicMs()).toBeLessThan(Math.max(21_000, 2 * silenceMs + 100));
  });

  test('counts its patience from the first trouble, not from its own beginning', async () => {
    const { call, advance } = caller();
    let sent = 0;
    const send = async () => {
      sent += 1;
      // Longer than the patience: a large part on a slow line.
      advance(30_000);
      if (sent === 1) throw CUT;
      return 'answer';
    };
    await expect(call({ ...CALL, mode: 'idempotent' }, send)).resolves.toBe('answer');
  });

  test('that a person has to mend is not repeated', async () => {
    const { send, sent } = sender(failing('AccessDeniedException', { $metadata: { httpStatusCode: 400 } }));
    await expect(caller().call(CALL, send)).rejects.toMatchObject({ code: 'STATE_DENIED' });
    expect(sent()).toBe(1);
  });

  test('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const over = new Error('over');
    const call = caller().call({ ...CALL, signal: stop.signal }, async () => {
      stop.abort(over);
      throw CUT;
    });
    await expect(call).rejects.toBe(over);
  });
});

describe('calls in flight', () => {
  test('are bounded, fewer after "too fast", and more again after answers', async () => {
    const { call } = caller(8);
    let inFlight = 0;
    let most = 0;
    const run = async (trouble: Error | null): Promise<void> => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      if (trouble !== null) throw trouble;
    };
    const many = async (count: number): Promise<number> => {
      most = 0;
      await Promise.all(Array.from({ length: count }, () => call(CALL, () => run(null))));
      return most;
    };
    expect(await many(40)).toBe(8);
    let throttles = 3;
    await call(CALL, () => run(throttles-- > 0 ? THROTTLED : null));
    // Down to one by three refusals, up by one with the answer that followed.
    expect(await many(3)).toBe(2);
    expect(await many(200)).toBe(8);
  });
});

test('many calls at once may listen to one signal: Node prints no warning of a leak', async () => {
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', note);
  const { call } = caller();
  const { signal } = new AbortController();
  await Promise.all(
    Array.from({ length: 12 }, () =>
      call({ ...CALL, signal }, async () => signal.addEventListener('abort', () => undefined)),
    ),
  );
  await new Promise(setImmediate);
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
