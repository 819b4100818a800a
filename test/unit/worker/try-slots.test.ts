import { describe, expect, it } from 'vitest';
import type { HandlerResult } from '../../../src/ports/handler-host.ts';
import { ABORT_GRACE_MS, createTrySlots, type Means, type TryResult } from '../../../src/worker/try-slots.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const TIMEOUT_MS = 10_000;
const ok: HandlerResult = { ok: true, output: 1 };
const never = new Promise<HandlerResult>(() => undefined);

function start() {
  const clock = createManualClock();
  const slots = createTrySlots(clock, TIMEOUT_MS);
  /** A try, what it can do, and how it ended. */
  const begin = (lane: number, result = never) => {
    const made: { ended?: TryResult; by?: Means } = {};
    void slots
      .run(lane, (_signal, by) => {
        made.by = by;
        return result;
      })
      .then((ended) => (made.ended = ended));
    return made;
  };
  return { clock, slots, begin };
}

const timedOut = { ok: false, cause: 'timeout-item' };

describe('the timeout of a try', () => {
  it('stands still while the try is paused, and that of others goes on', async () => {
    const { clock, slots, begin } = start();
    const [paused, other] = [begin(0), begin(1)];
    await clock.advance(4_000);
    const resume = paused.by?.pause();
    await clock.advance(100_000);
    expect(paused.ended).toBeUndefined();
    expect(other.ended).toMatchObject(timedOut);
    expect(clock.pending()).toBe(0);
    resume?.();
    await clock.advance(6_000 + ABORT_GRACE_MS - 1);
    expect(paused.ended).toBeUndefined();
    await clock.advance(1);
    expect(paused.ended).toMatchObject(timedOut);
    slots.close();
  });

  it('goes on when the last of several pauses is over', async () => {
    const { clock, begin } = start();
    const made = begin(0);
    const resumes = [made.by?.pause(), made.by?.pause()];
    await clock.advance(TIMEOUT_MS);
    resumes[0]?.();
    await clock.advance(TIMEOUT_MS + ABORT_GRACE_MS);
    expect(made.ended).toBeUndefined();
    resumes[1]?.();
    await clock.advance(TIMEOUT_MS + ABORT_GRACE_MS);
    expect(made.ended).toMatchObject(timedOut);
  });

  it('keeps nobody from being dropped, or from failing, in a pause', async () => {
    const { clock, slots, begin } = start();
    const [dropped, failed] = [begin(0), begin(1)];
    for (const { by } of [dropped, failed]) by?.pause();
    const failure = { ok: false, cause: 'slot-lost', errorClass: 'E', errorMessage: 'gone' } as const;
    failed.by?.fail(failure);
    await clock.advance(ABORT_GRACE_MS);
    expect(failed.ended).toEqual(failure);
    slots.abortAll('the worker was told to stop');
    await clock.advance(1_000);
    expect(dropped.ended).toBe('dropped');
  });

  it('is nothing to a pause that outlives its try', async () => {
    const { clock, begin } = start();
    const made = begin(0, Promise.resolve(ok));
    const resume = made.by?.pause();
    await clock.advance(0);
    expect(made.ended).toBe(ok);
    const next = begin(0);
    resume?.();
    await clock.advance(TIMEOUT_MS + ABORT_GRACE_MS);
    expect(next.ended).toMatchObject(timedOut);
  });

  it('is in time for a try that goes on while another one began later', async () => {
    const { clock, begin } = start();
    const first = begin(0);
    await clock.advance(9_000);
    const resume = first.by?.pause();
    const later = begin(1);
    // The timer for the first finds nothing due, and is set for the later one.
    await clock.advance(2_000);
    resume?.();
    await clock.advance(1_000 + ABORT_GRACE_MS);
    expect([first.ended, later.ended]).toEqual([expect.objectContaining(timedOut), undefined]);
  });
});
