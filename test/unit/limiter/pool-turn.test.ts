import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolPlaceItem, PoolSlotItem } from '../../../src/domain/pool.ts';
import { lookPauseMs } from '../../../src/limiter/pool-pauses.ts';
import { createSilenceWatch } from '../../../src/limiter/pool-silence.ts';
import { inLine, freePlace, standingOf, type Asker, type OpenSlot } from '../../../src/limiter/pool-turn.ts';
import type { PoolView } from '../../../src/limiter/pool-view.ts';
import '../../support/property-seed.ts';

const NOBODY = { slots: new Set<number>(), places: new Set<number>() };
const STRANGER: Asker = { priority: 0, place: null, ticket: null, owner: '' };

const poolView = (
  most: number,
  held: Iterable<number>,
  places: readonly (readonly [number, PoolPlaceItem])[] = [],
): PoolView => ({
  item: { definition: { slots: most, leaseMs: 60_000 }, source: '', setMs: 0, g: 1 },
  slots: new Map(
    [...held].map((index): [number, PoolSlotItem] => [index, { owner: `h${index}`, beat: 'b', fence: 1 }]),
  ),
  places: new Map(places),
});
const openIn = (view: PoolView, silent = NOBODY): number[] =>
  standingOf(view, silent, STRANGER).open.map(({ index }) => index);

describe('slots that may be taken', () => {
  it('are those that nobody holds, or whose holder is silent', () => {
    expect(openIn(poolView(4, [1, 3]))).toEqual([0, 2]);
    expect(openIn(poolView(4, [1, 3]), { ...NOBODY, slots: new Set([3]) })).toEqual([0, 2, 3]);
    expect(openIn({ ...poolView(4, []), item: null })).toEqual([]);
  });

  it('are the lowest only, while holders are left over from a time with more slots', () => {
    expect(openIn(poolView(4, [7]))).toEqual([0, 1, 2]);
    expect(openIn(poolView(4, [3, 7]))).toEqual([0, 1]);
    expect(openIn(poolView(4, [5, 6, 7, 8]))).toEqual([]);
    expect(openIn(poolView(4, [7]), { ...NOBODY, slots: new Set([7]) })).toEqual([0, 1, 2, 3]);
  });

  it('never make one holder too many, however old the looks by which they are taken', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('look' as const), who: fc.nat(4) }),
      fc.record({ kind: fc.constant('take' as const), who: fc.nat(4), which: fc.nat(11) }),
      fc.record({ kind: fc.constant('release' as const), which: fc.nat(11) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.uniqueArray(fc.nat(11)),
        fc.array(step, { maxLength: 60 }),
        (most, before, steps) => {
          const held = new Set(before);
          const looks = new Map<number, readonly OpenSlot[]>();
          for (const { kind, ...its } of steps) {
            if (kind === 'look')
              looks.set((its as { who: number }).who, standingOf(poolView(most, held), NOBODY, STRANGER).open);
            else if (kind === 'release') held.delete([...held][(its as { which: number }).which % held.size] as number);
            else {
              const { who, which } = its as { who: number; which: number };
              const seen = looks.get(who) ?? [];
              const wanted = seen[which % Math.max(1, seen.length)];
              // The write is conditional: it takes no slot that somebody holds.
              if (wanted === undefined || held.has(wanted.index)) continue;
              held.add(wanted.index);
              expect(held.size).toBeLessThanOrEqual(most);
            }
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('the line', () => {
  const at = (ticket: number, priority = 0, owner = `w${ticket}`): PoolPlaceItem => ({
    ticket,
    priority,
    owner,
    beat: 'b',
  });
  const places = [
    [0, at(3)],
    [1, at(1)],
    [2, at(2, 5)],
    [3, at(4, -1)],
    [4, { ticket: 9 }],
    [5, at(3, 0, 'a')],
  ] as const;
  const ahead = (asker: Partial<Asker>): number =>
    standingOf(poolView(1, [], places), NOBODY, { ...STRANGER, ...asker }).ahead;

  it('goes by priority, then ticket, then owner; who has no ticket is behind all of its priority', () => {
    expect(ahead({ place: 2, ticket: 2, priority: 5 })).toBe(0);
    expect(ahead({ place: 1, ticket: 1 })).toBe(1);
    expect(ahead({ place: 5, ticket: 3, owner: 'a' })).toBe(2);
    expect(ahead({ place: 0, ticket: 3, owner: 'w3' })).toBe(3);
    expect(ahead({})).toBe(4);
    expect(ahead({ priority: 5 })).toBe(1);
    expect(ahead({ priority: 6 })).toBe(0);
  });

  it('leaves out who is silent, and whoever had a place itself', () => {
    const asker = { ...STRANGER, place: 0 };
    expect(standingOf(poolView(1, [], places), { ...NOBODY, places: new Set([1]) }, asker).ahead).toBe(2);
  });

  it('has places that are free or of the silent, and tickets above all that are to be seen', () => {
    const silent = new Set([1]);
    const drawn = Array.from({ length: 200 }, (_, n) => freePlace(poolView(1, [], places), silent, n / 200));
    expect(new Set(drawn.map(({ ticket }) => ticket))).toEqual(new Set([10]));
    const numbers = new Set(drawn.map(({ number }) => number));
    expect([0, 2, 3, 5].some((number) => numbers.has(number))).toBe(false);
    expect([1, 4, 6].every((number) => numbers.has(number))).toBe(true);
    expect(drawn.find(({ number }) => number === 1)?.seen).toEqual(at(1));
    expect(drawn.find(({ number }) => number === 6)?.seen).toBeNull();
  });
});

describe('silence', () => {
  const look = (beat: string, leaseMs?: number): PoolView => ({
    ...poolView(1, []),
    slots: new Map([[0, { owner: 'a', beat, fence: 1, ...(leaseMs === undefined ? {} : { leaseMs }) }]]),
  });

  it('is the same heartbeat from the end of one look to the beginning of another, for a whole lease of the holder', () => {
    const watch = createSilenceWatch();
    const at = (begunMs: number, endedMs: number, beat = 'x', leaseMs = 1_000): boolean =>
      watch.judge(look(beat, leaseMs), { begunMs, endedMs }).slots.has(0);
    expect(at(0, 500)).toBe(false);
    expect(at(1_499, 3_000)).toBe(false);
    expect(at(1_500, 1_600)).toBe(true);
    expect(at(1_700, 1_800, 'y')).toBe(false);
    expect(at(2_799, 2_900, 'y')).toBe(false);
    expect(at(2_800, 2_900, 'y')).toBe(true);
    expect(at(2_800, 2_900, 'y', 5_000)).toBe(false);
  });
});

describe('the pause between two looks', () => {
  it('grows to 2 s at the front and 10 s behind, and follows the pace of a line that moves', () => {
    const pause = (looks: number, ahead: number, moved = 0): number =>
      lookPauseMs({ looks, ahead, slots: 10, moved, elapsedMs: 1_000 }, 0.999_999);
    expect([pause(0, 0), pause(1, 0), pause(99, 9), pause(99, 10)].map(Math.round)).toEqual([200, 320, 2_000, 10_000]);
    expect([pause(99, 100, 10), pause(99, 1, 100)].map(Math.round)).toEqual([5_000, 200]);
  });

  it('is never longer than that nor shorter than 100 ms', () => {
    const progress = fc.record({
      looks: fc.nat(),
      ahead: fc.nat(5_000),
      slots: fc.integer({ min: 1, max: 1_000 }),
      moved: fc.nat(5_000),
      elapsedMs: fc.nat(100_000),
    });
    fc.assert(
      fc.property(progress, fc.double({ min: 0, max: 0.999, noNaN: true }), (shown, chance) => {
        const ms = lookPauseMs(shown, chance);
        expect(ms).toBeGreaterThanOrEqual(100);
        expect(ms).toBeLessThanOrEqual(10_000);
      }),
    );
  });
});

describe('the line as people see it', () => {
  it('is in the order of turns: priority, then ticket, then owner', () => {
    const place = (owner: string | undefined, ticket: number, priority?: number) => ({
      ticket,
      ...(owner === undefined ? {} : { owner }),
      ...(priority === undefined ? {} : { priority }),
    });
    const places = [
      place('late', 9),
      place(undefined, 1),
      place('b', 5),
      place('a', 5),
      place('vip', 20, 3),
      place('low', 2, -1),
    ];
    expect(inLine(places).map(({ owner }) => owner)).toEqual(['vip', 'a', 'b', 'late', 'low']);
  });
});
