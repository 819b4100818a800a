import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  aged,
  impliedOffset,
  narrowed,
  type OffsetInterval,
  pauseBeforeStampMs,
  type Stamp,
} from '../../../../src/backends/shared/offset-interval.ts';

/** A request as the two clocks live it; milliseconds. */
const request = fc.record({
  gapMs: fc.double({ min: 0, max: 600_000, noNaN: true }),
  thereMs: fc.double({ min: 0, max: 3_000, noNaN: true }),
  backMs: fc.double({ min: 0, max: 3_000, noNaN: true }),
});
const steps = fc.constantFrom(1, 10, 1_000);

/** Stamps of a clock that is `offsetMs` ahead and runs `rate` as fast. */
function stampsOf(
  requests: readonly { readonly gapMs: number; readonly thereMs: number; readonly backMs: number }[],
  there: { readonly offsetMs: number; readonly rate: number; readonly stepMs: number },
): { readonly stamp: Stamp; readonly offsetMs: number }[] {
  let nowMs = 0;
  return requests.map(({ gapMs, thereMs, backMs }) => {
    const sentMs = nowMs + gapMs;
    const stampedMs = sentMs + thereMs;
    nowMs = stampedMs + backMs;
    const told = there.offsetMs + stampedMs * there.rate;
    const stamp = {
      sentMs,
      receivedMs: nowMs,
      stampMs: Math.floor(told / there.stepMs) * there.stepMs,
      stepMs: there.stepMs,
    };
    return { stamp, offsetMs: there.offsetMs + nowMs * (there.rate - 1) };
  });
}

const holds = ({ lowMs, highMs }: OffsetInterval, offsetMs: number): boolean => lowMs <= offsetMs && offsetMs <= highMs;
const width = ({ lowMs, highMs }: OffsetInterval): number => highMs - lowMs;

describe('the interval of an offset', () => {
  it('always holds the offset of a clock that is slewed, and no stamp makes it wider', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.double({ min: 0.9995, max: 1.0005, noNaN: true }),
        steps,
        (requests, offsetMs, rate, stepMs) => {
          let known: OffsetInterval | null = null;
          for (const { stamp, offsetMs: trueMs } of stampsOf(requests, { offsetMs, rate, stepMs })) {
            const before: OffsetInterval | null = known;
            known = narrowed(before, stamp);
            expect(holds(known, trueMs)).toBe(true);
            expect(width(known)).toBeLessThanOrEqual(width(impliedOffset(stamp)) + 1e-3);
            if (before !== null) expect(width(known)).toBeLessThanOrEqual(width(aged(before, stamp.receivedMs)) + 1e-3);
          }
        },
      ),
    );
  });

  it('begins anew with the first stamp that contradicts what was known', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 10 }),
        request,
        fc.integer({ min: 1_000_000, max: 100_000_000 }),
        fc.boolean(),
        (requests, last, stepMs, back) => {
          const all = stampsOf([...requests, last], { offsetMs: 1e12, rate: 1, stepMs: 1_000 });
          let known: OffsetInterval | null = null;
          for (const { stamp } of all.slice(0, -1)) known = narrowed(known, stamp);
          const stepped = all.at(-1)?.stamp as Stamp;
          const moved = { ...stepped, stampMs: stepped.stampMs + (back ? -stepMs : stepMs) };
          expect(narrowed(known, moved)).toEqual(impliedOffset(moved));
        },
      ),
    );
  });

  it('is never narrower than what is said for hosts that differ a little', () => {
    const stamp = { sentMs: 0, receivedMs: 0, stampMs: 1_000, stepMs: 0 };
    expect(impliedOffset(stamp)).toEqual({ lowMs: 995, highMs: 1_005, atMs: 0 });
    expect(aged(impliedOffset(stamp), 10_000)).toEqual({ lowMs: 985, highMs: 1_015, atMs: 10_000 });
    // The past tells nothing of the future, nor the other way round.
    expect(aged({ lowMs: 1, highMs: 2, atMs: 50 }, 20)).toEqual({ lowMs: 1, highMs: 2, atMs: 50 });
  });
});

describe('the moment of the next question', () => {
  it('is when the other clock steps, as far as known, so that two answers of whole seconds tell half a second', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e9, max: 1e12, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 1_000, noNaN: true }),
        (offsetMs, tripMs, startMs) => {
          const [stepMs, halfMs] = [1_000, tripMs / 2];
          const ask = (sentMs: number): Stamp => {
            const told = offsetMs + sentMs + halfMs;
            return { sentMs, receivedMs: sentMs + tripMs, stampMs: Math.floor(told / stepMs) * stepMs, stepMs };
          };
          const first = narrowed(null, ask(startMs));
          const nowMs = startMs + tripMs;
          const pauseMs = pauseBeforeStampMs(first, { nowMs, stepMs, tripMs });
          expect(pauseMs).toBeGreaterThanOrEqual(0);
          expect(pauseMs).toBeLessThanOrEqual(stepMs);
          const second = narrowed(first, ask(nowMs + pauseMs));
          expect(holds(second, offsetMs)).toBe(true);
          expect(width(second)).toBeLessThan(500 + tripMs + 15);
        },
      ),
    );
  });
});
