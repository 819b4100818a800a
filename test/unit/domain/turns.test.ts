import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobId } from '../../../src/domain/ids.ts';
import {
  lookForTurn,
  NO_TURNS,
  TURN_PATIENCE_MS,
  withoutJob,
  type TurnFacts,
  type TurnsItem,
} from '../../../src/domain/turns.ts';

const job = (name: string, generation = 0) => ({ job: name as JobId, generation, user: 'ada' });
const none: ReadonlySet<JobId> = new Set();
const facts = (some: Partial<TurnFacts> = {}): TurnFacts => ({
  max: 1,
  nowMs: 1_000,
  over: none,
  paused: none,
  ...some,
});
const over = (...names: string[]) => new Set(names as JobId[]);
const names = (entries: readonly { readonly job: JobId }[]): string[] => entries.map((entry) => entry.job);

/** The group after these came, one after the other. */
const came = (...jobs: string[]): TurnsItem =>
  jobs.reduce<TurnsItem>((item, name) => lookForTurn(item, job(name), facts()).next, NO_TURNS);

describe('the turns of a group', () => {
  it('go to those who come first, as many as there are', () => {
    const item = came('a', 'b', 'c');
    expect([names(item.holders), names(item.line)]).toEqual([['a'], ['b', 'c']]);
    const look = lookForTurn(item, job('c'), facts());
    expect([look.isGranted, look.isChanged, names(look.ahead)]).toEqual([false, false, ['b']]);
    const wider = lookForTurn(item, job('b'), facts({ max: 2 }));
    expect([wider.isGranted, names(wider.next.holders)]).toEqual([true, ['a', 'b']]);
  });

  it('pass to the first in the line when a holder is over, and to nobody before', () => {
    const item = came('a', 'b', 'c');
    const eager = lookForTurn(item, job('c'), facts({ over: over('a') }));
    expect([eager.isGranted, names(eager.next.holders), names(eager.ahead)]).toEqual([false, [], ['b']]);
    const first = lookForTurn(eager.next, job('b'), facts({ nowMs: 2_000 }));
    expect([first.isGranted, names(first.next.holders), names(first.next.line)]).toEqual([true, ['b'], ['c']]);
    expect(first.next.freeSinceMs).toBeUndefined();
  });

  it('stay with a holder that looks again, without a write', () => {
    const item = came('a', 'b');
    const again = lookForTurn(item, job('a'), facts({ nowMs: 99_000 }));
    expect([again.isGranted, again.isChanged]).toEqual([true, false]);
  });

  it('are told apart by the generation: who is opened again writes, so that a late end of the one before is refused', () => {
    const item = came('a');
    const again = lookForTurn(item, job('a', 1), facts());
    expect([again.isGranted, again.isChanged, again.next.g]).toEqual([true, true, item.g + 1]);
  });

  it('pass over who is paused, whose place in the line stays', () => {
    const item = came('a', 'b', 'c');
    const look = lookForTurn(item, job('c'), facts({ over: over('a'), paused: over('b') }));
    expect([look.isGranted, names(look.next.holders), names(look.next.line)]).toEqual([true, ['c'], ['b']]);
  });

  it('pass over who does not come for long, and over nobody earlier', () => {
    const free = lookForTurn(came('a', 'b', 'c'), job('c'), facts({ over: over('a') })).next;
    const early = facts({ nowMs: 1_000 + TURN_PATIENCE_MS - 1 });
    expect(lookForTurn(free, job('c'), early).isGranted).toBe(false);
    const late = lookForTurn(free, job('c'), facts({ nowMs: 1_000 + TURN_PATIENCE_MS }));
    expect([late.isGranted, names(late.next.line)]).toEqual([true, ['b']]);
  });

  it('are not taken from anybody when there are to be fewer', () => {
    const item = lookForTurn(came('a', 'b'), job('b'), facts({ max: 2 })).next;
    expect(names(lookForTurn(item, job('c'), facts({ max: 1 })).next.holders)).toEqual(['a', 'b']);
    expect(lookForTurn(item, job('c'), facts({ max: 1, over: over('a') })).isGranted).toBe(false);
  });

  it('are given back, and a place in the line too', () => {
    const item = came('a', 'b', 'c');
    expect(withoutJob(item, 'b' as JobId)).toMatchObject({ g: item.g + 1, line: [{ job: 'c' }] });
    expect(withoutJob(item, 'a' as JobId)?.holders).toEqual([]);
    expect(withoutJob(item, 'z' as JobId)).toBeNull();
  });

  it('are never held by more live jobs than the site allows, and every live job gets one in the end', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constantFrom('look', 'end', 'pause', 'resume', 'leave'), who: fc.nat(5) }),
      fc.record({ what: fc.constant('pass' as const), who: fc.nat(700_000) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (max, steps) => {
        const all = Array.from({ length: 6 }, (_, at) => `j${at}` as JobId);
        const ended = new Set<JobId>();
        const paused = new Set<JobId>();
        const running = new Set<JobId>();
        let item = NO_TURNS;
        let nowMs = 0;
        const look = (who: JobId): void => {
          if (ended.has(who) || paused.has(who)) return;
          const seen = lookForTurn(item, job(who), { max, nowMs, over: ended, paused });
          if (seen.isChanged) item = seen.next;
          if (seen.isGranted) running.add(who);
          expect(running.size).toBeLessThanOrEqual(max);
        };
        for (const { what, who } of steps) {
          const one = all[what === 'pass' ? 0 : who] as JobId;
          if (what === 'pass') nowMs += who;
          if (what === 'look') look(one);
          if (what === 'pause') paused.add(one);
          if (what === 'resume') paused.delete(one);
          if (what === 'end') {
            ended.add(one);
            running.delete(one);
          }
          if (what === 'leave' && ended.has(one)) item = withoutJob(item, one) ?? item;
        }
        paused.clear();
        for (let round = 0; round < 2 * all.length; round += 1) {
          for (const one of all) look(one);
          for (const one of running) {
            ended.add(one);
            running.delete(one);
          }
        }
        expect(ended.size).toBe(all.length);
      }),
    );
  });
});
