import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/backends/clock.ts';
import { createFsStateTable } from '../../../src/backends/state-table/fs.ts';
import { acquireLease, createLeaseWatch, LEASE_MS, type LeaseDeps } from '../../../src/coordinator/lease.ts';
import { lockKey } from '../../../src/domain/state-keys.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { Host } from '../../../src/ports/host.ts';
import type { StateTable } from '../../../src/ports/state-table.ts';
import { hostileStateTable } from '../../support/hostile.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createSeededIds, createSeededRandom } from '../../support/seeded-random.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const NAME = 'advance:job';
const HELD = { code: 'LEASE_HELD' };
const LOST = { code: 'LEASE_LOST' };

interface World {
  readonly clock: ManualClock;
  readonly state: StateTable;
  /** Processes that are certainly dead as far as this host can tell. */
  readonly dead: Set<string>;
  readonly process: (name: string, state?: StateTable) => LeaseDeps;
  /** Moves time on until this is settled. State is on a real disk, which is waited for at every step. */
  readonly until: <T>(waiting: Promise<T>) => Promise<T>;
  /** Lets this much time go by, in steps. */
  readonly pass: (ms: number) => Promise<void>;
}

const withWorld = (use: (world: World) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => {
    const clock = createManualClock();
    const ids = createSeededIds(3);
    const disk = createFsStateTable({ root, ids, clock: createSystemClock() });
    const underWay = new Set<Promise<unknown>>();
    const noted = <A>(answer: Promise<A>): Promise<A> => {
      const settled: Promise<unknown> = answer.then(
        () => underWay.delete(settled),
        () => underWay.delete(settled),
      );
      underWay.add(settled);
      return answer;
    };
    const state: StateTable = {
      ...disk,
      get: (key) => noted(disk.get(key)),
      write: (...args) => noted(disk.write(...args)),
    };
    /** Lets what was asked of the disk be answered, and whoever asked go on. */
    const settle = async (): Promise<void> => {
      do {
        await Promise.all(underWay);
        await new Promise((resolve) => setImmediate(resolve));
      } while (underWay.size > 0);
    };
    const dead = new Set<string>();
    await use({
      clock,
      state,
      dead,
      async until(waiting) {
        let over = false;
        const done = waiting.finally(() => {
          over = true;
        });
        done.catch(() => undefined);
        for (await settle(); !over; await settle()) await clock.advanceToNext();
        return done;
      },
      async pass(ms) {
        const endMs = clock.monotonicMs() + ms;
        for (await settle(); clock.monotonicMs() < endMs; await settle())
          await clock.advance(Math.min(500, endMs - clock.monotonicMs()));
      },
      process(name, table = state) {
        const host: Host = {
          processName: name,
          hostname: 'here',
          mayBeAlive: (other) => !dead.has(other),
          user: 'ada',
          cpuMs: () => 0,
          maxRssBytes: () => 0,
        };
        return { state: table, clock, ids, host };
      },
    });
  });

const take = (deps: LeaseDeps, waitMs = 0) => acquireLease(deps, { name: NAME, waitMs });

/** A process that stopped running: its timers never fire again. */
const frozen = (deps: LeaseDeps): LeaseDeps => ({ ...deps, clock: { ...deps.clock, every: () => () => undefined } });

describe('the lease', () => {
  it('has one holder, and says who it is', () =>
    withWorld(async ({ process, state }) => {
      const held = await take(process('here:11:1'));
      await expect(take(process('here:12:1'))).rejects.toMatchObject({
        ...HELD,
        message: expect.stringContaining('process 11 on here') as string,
      });
      held.assertHeld();
      await held.release();
      const next = await take(process('here:12:1'));
      expect([held.fence, next.fence]).toEqual([1, 2]);
      expect(await state.get(lockKey(NAME))).toMatchObject({ held: true, owner: 'here:12:1', fence: 2 });
    }));

  it('goes to exactly one of many that ask at once', () =>
    withWorld(async ({ process }) => {
      const asked = Array.from({ length: 8 }, (_, n) => take(process(`here:${n + 1}:1`)));
      const answers = await Promise.allSettled(asked);
      expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
      for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toMatchObject(HELD);
    }));

  it('is taken over at once when the process of its holder is gone from this host', () =>
    withWorld(async ({ process, dead }) => {
      const first = await take(frozen(process('here:11:1')));
      dead.add('here:11:1');
      const second = await take(process('here:12:1'));
      expect(second.fence).toBe(first.fence + 1);
    }));

  it('is stolen from a silent holder after a whole lease was watched, and not before', () =>
    withWorld(async ({ clock, process, until, pass }) => {
      const silent = await take(frozen(process('there:11:1')));
      await pass(10 * LEASE_MS);
      // However old the holder's last sign of life is: a contender that just came has watched nothing yet.
      await expect(take(process('here:12:1'))).rejects.toMatchObject(HELD);
      const startedMs = clock.monotonicMs();
      const tooShort = take(process('here:12:1'), LEASE_MS - 1_000);
      await expect(until(tooShort)).rejects.toMatchObject(HELD);
      expect(clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(LEASE_MS - 1_000);
      const stealingMs = clock.monotonicMs();
      const stolen = await until(take(process('here:12:1'), 2 * LEASE_MS));
      expect(clock.monotonicMs() - stealingMs).toBeGreaterThanOrEqual(LEASE_MS);
      expect(stolen.fence).toBe(silent.fence + 1);
      expect(() => silent.assertHeld()).toThrow(expect.objectContaining(LOST) as Error);
    }));

  it('is never stolen from a holder that renews it', () =>
    withWorld(async ({ process, until }) => {
      const held = await take(process('there:11:1'));
      await expect(until(take(process('here:12:1'), 4 * LEASE_MS))).rejects.toMatchObject(HELD);
      held.assertHeld();
      await held.release();
    }));

  it('is not stolen when the holder shows life between the last look and the steal', () =>
    withWorld(async ({ process, state, pass }) => {
      await take(frozen(process('there:11:1')));
      const watch = createLeaseWatch();
      let lateLife = false;
      const late: StateTable = {
        ...state,
        async write(...args) {
          if (lateLife) await state.write(lockKey(NAME), { set: { nonce: 'renewed' } }, { op: 'item-present' });
          return state.write(...args);
        },
      };
      const steal = () => acquireLease(process('here:12:1', late), { name: NAME, waitMs: 0, watch });
      await expect(steal()).rejects.toMatchObject(HELD);
      await pass(LEASE_MS);
      lateLife = true;
      await expect(steal()).rejects.toMatchObject(HELD);
      expect(await state.get(lockKey(NAME))).toMatchObject({ held: true, owner: 'there:11:1', fence: 1 });
    }));

  it('is stolen by one that comes again instead of waiting, and keeps what it saw', () =>
    withWorld(async ({ process, pass }) => {
      await take(frozen(process('there:11:1')));
      const watch = createLeaseWatch();
      const again = () => acquireLease(process('here:12:1'), { name: NAME, waitMs: 0, watch });
      await expect(again()).rejects.toMatchObject(HELD);
      await pass(LEASE_MS - 1);
      await expect(again()).rejects.toMatchObject(HELD);
      await pass(1);
      expect((await again()).fence).toBe(2);
      expect(watch.sawLife).toBe(false);
    }));

  it('taken over is lost to its first holder at its next renewal, which cannot take it back', () =>
    withWorld(async ({ process, dead, state, pass }) => {
      const first = await take(process('here:11:1'));
      dead.add('here:11:1');
      const second = await take(process('here:12:1'));
      const item = () => state.get(lockKey(NAME));
      expect(await item()).toMatchObject({ owner: 'here:12:1' });
      await pass(LEASE_MS / 2);
      expect(() => first.assertHeld()).toThrow(expect.objectContaining(LOST) as Error);
      second.assertHeld();
      await first.release();
      expect(await item()).toMatchObject({ held: true, owner: 'here:12:1', fence: 2 });
    }));

  it('cannot be confused by a holder of the same name with an earlier fence', () =>
    withWorld(async ({ process, state }) => {
      const deps = process('here:11:1');
      const first = await take(deps);
      await first.release();
      const second = await take(deps);
      await first.release();
      expect(await state.get(lockKey(NAME))).toMatchObject({ held: true, fence: second.fence });
    }));

  it('that could not be renewed for a whole lease is lost, though nobody else took it', () =>
    withWorld(async ({ process, state, pass }) => {
      let broken = false;
      const failing: StateTable = {
        ...state,
        write: (...args) =>
          broken ? Promise.reject(new AppError('STATE_UNAVAILABLE', { message: 'down' })) : state.write(...args),
      };
      const held = await take(process('here:11:1', failing));
      broken = true;
      await pass(LEASE_MS - 1);
      held.assertHeld();
      await pass(1);
      expect(() => held.assertHeld()).toThrow(expect.objectContaining(LOST) as Error);
      await held.release();
    }));

  it('has one holder at a time, with growing fences, when answers get lost', () =>
    withWorld(async ({ process, state }) => {
      for (let seed = 1; seed <= 20; seed += 1) {
        const random = createSeededRandom(seed);
        const hostile = hostileStateTable(state, { random, rates: { loseAnswer: 0.5, delay: 0.3 } });
        const before = ((await state.get(lockKey(NAME)))?.['fence'] as number | undefined) ?? 0;
        const asked = Array.from({ length: 4 }, (_, n) => take(process(`here:${seed * 10 + n}:1`, hostile)));
        const held = (await Promise.allSettled(asked)).flatMap((one) =>
          one.status === 'fulfilled' ? [one.value] : [],
        );
        expect(held, `seed ${seed}`).toHaveLength(1);
        expect(held[0]?.fence).toBeGreaterThan(before);
        held[0]?.assertHeld();
        await held[0]?.release();
        expect(await state.get(lockKey(NAME)), `seed ${seed}`).toMatchObject({ held: false });
      }
    }));

  it('that nobody could give back ends by itself', () =>
    withWorld(async ({ process, state, until }) => {
      const refusing: StateTable = {
        ...state,
        write: (key, change, when) =>
          change.set?.['held'] === false
            ? Promise.reject(new AppError('STATE_UNAVAILABLE', { message: 'down' }))
            : state.write(key, change, when),
      };
      const held = await take(process('there:11:1', refusing));
      await held.release();
      expect((await until(take(process('here:12:1'), 2 * LEASE_MS))).fence).toBe(2);
    }));
});
