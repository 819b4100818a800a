import { describe, expect, it } from 'vitest';
import { asAttemptId } from '../../../src/domain/ids.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ElementContext } from '../../../src/worker/needs.ts';
import { patiently, whileThereIsTime } from '../../../src/worker/patience.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { elementInput } from '../../support/worker-job.ts';

const MINUTE_MS = 60_000;

/** Reports to a store that does not answer; how long until it is given up, and with what. */
async function report(
  options: {
    readonly endsInMs?: number;
    readonly stopsAfterMs?: number;
    /** Calls that come to no end, in the place of refusals. */
    readonly hangs?: boolean;
    readonly backAfterMs?: number;
  } = {},
) {
  const clock = createManualClock();
  const stop = new AbortController();
  if (options.stopsAfterMs === 0) stop.abort('drain:terminated');
  else if (options.stopsAfterMs !== undefined) clock.after(options.stopsAfterMs, () => stop.abort('drain:terminated'));
  const endsAtMs = options.endsInMs === undefined ? null : clock.nowMs() + options.endsInMs;
  const context = {
    deps: {
      clock,
      stop: stop.signal,
      random: { next: () => 0.5 },
      backoffMs: (_tries: number, { maxMs }: { readonly maxMs: number }) => maxMs,
    },
    input: elementInput({ endsAtMs }),
    attempt: asAttemptId('1_0.0'),
  } as unknown as ElementContext;
  const put = (): Promise<string> => {
    if (clock.monotonicMs() >= (options.backAfterMs ?? Number.POSITIVE_INFINITY)) return Promise.resolve('stored');
    if (options.hangs === true) return new Promise(() => undefined);
    return Promise.reject(new AppError('STORE_UNAVAILABLE', { message: 'gone' }));
  };
  let end: { readonly atMs: number; readonly what: unknown } | null = null;
  const note = (what: unknown): void => {
    end = { atMs: clock.monotonicMs(), what };
  };
  const running = whileThereIsTime(context, async (patient) => {
    await patiently(patient, put);
    // The patience is that for all calls together.
    return patiently(patient, put);
  }).then(note, note);
  for (let step = 0; step < 1_000 && end === null && (await clock.advanceToNext()); step += 1);
  await running;
  return { ...(end as unknown as { readonly atMs: number; readonly what: unknown }), pending: clock.pending() };
}

const UNAVAILABLE = expect.objectContaining({ code: 'STORE_UNAVAILABLE' }) as unknown;

describe('work that is done is reported', () => {
  it('for ten minutes, and no longer than that', async () => {
    const { atMs, what } = await report();
    expect(what).toEqual(UNAVAILABLE);
    expect(atMs).toBeGreaterThan(9.5 * MINUTE_MS);
    expect(atMs).toBeLessThanOrEqual(10 * MINUTE_MS);
  });

  it('as soon as the store is back', async () => {
    expect(await report({ backAfterMs: 7 * MINUTE_MS })).toMatchObject({
      what: 'stored',
      atMs: 7 * MINUTE_MS,
      pending: 0,
    });
  });

  it('until twenty seconds before the time limit, which the result is then kept in', async () => {
    const { atMs, what } = await report({ endsInMs: 3 * MINUTE_MS });
    expect(what).toEqual(UNAVAILABLE);
    expect(atMs).toBeGreaterThan(3 * MINUTE_MS - 30_000);
    expect(atMs).toBeLessThanOrEqual(3 * MINUTE_MS - 20_000);
  });

  it('for half of the time there is, where that is less', async () => {
    expect(await report({ endsInMs: 10_000, hangs: true })).toMatchObject({ what: UNAVAILABLE, atMs: 5_000 });
  });

  it('for ten seconds after the signal to stop', async () => {
    expect((await report({ stopsAfterMs: 0 })).atMs).toBeLessThanOrEqual(10_000);
    const { atMs } = await report({ stopsAfterMs: 2 * MINUTE_MS });
    expect(atMs).toBeGreaterThanOrEqual(2 * MINUTE_MS);
    expect(atMs).toBeLessThanOrEqual(2 * MINUTE_MS + 10_000);
  });

  it.each([
    [{}, 10 * MINUTE_MS],
    [{ stopsAfterMs: MINUTE_MS }, MINUTE_MS + 10_000],
    [{ endsInMs: 2 * MINUTE_MS }, 2 * MINUTE_MS - 20_000],
  ] as const)('also to a store that hangs (%o): nobody waits for that', async (options, atMs) => {
    expect(await report({ ...options, hangs: true })).toEqual({ atMs, what: UNAVAILABLE, pending: 0 });
  });
});
