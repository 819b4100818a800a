import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BreakerItem, BreakerSight } from '../../../src/domain/breaker.ts';
import type { TaskId } from '../../../src/domain/ids.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import {
  CANARY_RUNS_MS,
  FIRST_PAUSE_MS,
  isPlainRetry,
  LEAST_ALIKE,
  LONGEST_PAUSE_MS,
  MOST_CANARIES,
  stepBreaker,
} from '../../../src/retry/breaker.ts';
import { BUDGET_CAP, BUDGET_FLOOR, retriesAllowed } from '../../../src/retry/budget.ts';

const NOW = 1_700_000_000_000;
const FINGERPRINT = '1aaaaaaaaaaa';
const id = '000007' as TaskId;
const sight = (over: Partial<BreakerSight> = {}): BreakerSight => ({
  fingerprint: FINGERPRINT,
  cause: 'handler-error',
  example: 'Error: connect ECONNREFUSED',
  tasks: LEAST_ALIKE,
  done: 0,
  next: { id, attempts: 1 },
  canary: null,
  nowMs: NOW,
  ...over,
});
const task = (over: Partial<TaskItem>): TaskItem => ({
  state: 'WAIT',
  generation: 0,
  wave: 0,
  items: 5,
  attempts: 1,
  charged: 1,
  cause: 'handler-error',
  fingerprint: FINGERPRINT,
  idleAttempts: 1,
  notBeforeMs: NOW,
  ...over,
});
const step = (stored: BreakerItem | null, over: Partial<BreakerSight> = {}): BreakerItem => {
  const next = stepBreaker(stored, sight(over));
  if (next === null) throw new Error('nothing stored');
  return next;
};
const open = step(null);
const half = step(open, { nowMs: NOW + FIRST_PAUSE_MS });

describe('a breaker', () => {
  it('leaves few failures alone, and those among many successes', () => {
    expect(stepBreaker(null, sight({ tasks: LEAST_ALIKE - 1 }))).toBeNull();
    const among = step(null, { done: 1_000 });
    expect(among).toMatchObject({ state: 'CLOSED', doneSeen: 1_000 });
    expect(step(among, { done: 1_500 })).toMatchObject({ state: 'CLOSED', doneSeen: 1_500 });
    expect(step(among, { done: 1_005 })).toMatchObject({ state: 'OPEN' });
  });

  it('opens when many tasks fail alike, and lets one try after a pause', () => {
    expect(open).toMatchObject({
      state: 'OPEN',
      untilMs: NOW + FIRST_PAUSE_MS,
      pauseMs: FIRST_PAUSE_MS,
      tasks: LEAST_ALIKE,
    });
    expect(step(open, { nowMs: NOW + FIRST_PAUSE_MS - 1 })).toMatchObject({ state: 'OPEN', untilMs: open.untilMs });
    expect(step(open, { nowMs: NOW + FIRST_PAUSE_MS, next: null }).state).toBe('OPEN');
    expect(half).toMatchObject({ state: 'HALF', canary: id, canaryAttempts: 1 });
  });

  it.each<[string, Partial<TaskItem>, BreakerItem['state']]>([
    ['is done', { state: 'DONE', attempts: 2 }, 'CLOSED'],
    ['is not claimed yet', { state: 'PENDING' }, 'HALF'],
    ['has not been let go, because that pass died', {}, 'HALF'],
    ['runs', { state: 'RUNNING', attempts: 2, startedMs: NOW }, 'HALF'],
    [
      'has brought an item home',
      { state: 'RUNNING', attempts: 2, startedMs: NOW, progress: 2, progressFailed: 1 },
      'CLOSED',
    ],
    [
      'has brought none home',
      { state: 'RUNNING', attempts: 2, startedMs: NOW, progress: 3, checkpointSeen: 3 },
      'HALF',
    ],
    ['runs longer than a failure takes', { state: 'RUNNING', attempts: 2, startedMs: NOW - CANARY_RUNS_MS }, 'CLOSED'],
    [
      'may only have waited for so long',
      {
        state: 'RUNNING',
        attempts: 2,
        startedMs: NOW - 2 * CANARY_RUNS_MS,
        waiting: { kind: 'pool', name: 'db', calls: 1 },
      },
      'HALF',
    ],
    ['waited until its time was over', { attempts: 2, cause: 'waiting', fingerprint: '1bbbbbbbbbbb' }, 'HALF'],
    ['is not decided about', { attempts: 2, notBeforeMs: undefined as never }, 'HALF'],
    ['fails again', { attempts: 2, idleAttempts: 2 }, 'OPEN'],
    ['fails again for good', { state: 'DEAD', attempts: 2, idleAttempts: 2 }, 'OPEN'],
    ['fails after it came further', { attempts: 2, idleAttempts: 0 }, 'CLOSED'],
    ['fails otherwise', { attempts: 2, cause: 'disk-full', fingerprint: '1bbbbbbbbbbb' }, 'CLOSED'],
  ])('goes by a canary that %s', (_name, item, state) => {
    expect(step(half, { canary: task(item) }).state).toBe(state);
  });

  it('takes another canary at once when the infrastructure had this one, or nobody has it any more', () => {
    const other = { id: '000009' as TaskId, attempts: 3 };
    const preempted = task({ attempts: 2, cause: 'preempted', fingerprint: '1ccccccccccc' });
    for (const canary of [preempted, task({ state: 'CANCELLED' }), task({ state: 'DEAD' }), null])
      expect(step(half, { canary, next: other })).toMatchObject({ state: 'HALF', canary: other.id, canaryAttempts: 3 });
    expect(step(half, { canary: null, next: null }).state).toBe('OPEN');
  });

  it('waits twice as long after each canary, up to an hour, and gives up in the end: nobody is held for ever', () => {
    let item = half;
    let nowMs = NOW + FIRST_PAUSE_MS;
    const pauses: number[] = [];
    while (item.state !== 'SPENT') {
      item = step(item, { canary: task({ attempts: 2, idleAttempts: 2 }), nowMs });
      if (item.state !== 'OPEN') break;
      pauses.push(item.pauseMs ?? 0);
      nowMs = item.untilMs ?? 0;
      item = step(item, { nowMs });
    }
    expect(pauses.slice(0, 3)).toEqual([60_000, 120_000, 240_000]);
    expect(pauses.at(-1)).toBe(LONGEST_PAUSE_MS);
    expect(pauses).toHaveLength(MOST_CANARIES - 1);
    expect(nowMs - NOW).toBeLessThan(6 * 3_600_000);
    expect(step(item)).toMatchObject({ state: 'SPENT', failedCanaries: MOST_CANARIES });
    expect(step(item, { tasks: 0, next: null }).state).toBe('CLOSED');
  });

  it('closes when nobody waits any more', () => {
    expect(step(open, { tasks: 0, next: null }).state).toBe('CLOSED');
    expect(stepBreaker(null, sight({ tasks: 0, next: null }))).toBeNull();
  });

  it('always knows whom it waits for: until when, or for which task', () => {
    const sights = fc.record({
      tasks: fc.integer({ min: 0, max: 40 }),
      done: fc.integer({ min: 0, max: 40 }),
      hasNext: fc.boolean(),
      waitMs: fc.integer({ min: 0, max: 4_000_000 }),
      canary: fc.option(
        fc.record({
          state: fc.constantFrom('PENDING', 'RUNNING', 'WAIT', 'DONE', 'DEAD', 'CANCELLED'),
          attempts: fc.integer({ min: 1, max: 3 }),
          cause: fc.constantFrom('handler-error', 'preempted'),
          fingerprint: fc.constantFrom(FINGERPRINT, '1bbbbbbbbbbb'),
        }),
      ),
    });
    fc.assert(
      fc.property(fc.array(sights, { maxLength: 60 }), (sequence) => {
        let item: BreakerItem | null = null;
        let nowMs = NOW;
        for (const { tasks, done, hasNext, waitMs, canary } of sequence) {
          nowMs += waitMs;
          const version: number = item?.version ?? 0;
          item = stepBreaker(
            item,
            sight({
              tasks,
              done,
              nowMs,
              next: hasNext && tasks > 0 ? { id, attempts: 1 } : null,
              canary: canary === null ? null : task(canary as Partial<TaskItem>),
            }),
          );
          if (item === null) continue;
          expect(item.version).toBe(version + 1);
          if (item.state === 'OPEN') expect(item.untilMs).toBeLessThanOrEqual(nowMs + LONGEST_PAUSE_MS);
          if (item.state === 'HALF') expect(item.canary).toBeDefined();
        }
      }),
    );
  });
});

describe('isPlainRetry', () => {
  it.each<[boolean, Partial<TaskItem>]>([
    [true, {}],
    [true, { cause: 'rate-limited' }],
    [false, { cause: 'preempted' }],
    [false, { cause: 'oom' }],
    [false, { cause: 'killed' }],
    [false, { suspects: '3' }],
    [false, { idleAttempts: 0 }],
  ])('is %s for %o', (expected, over) => {
    expect(isPlainRetry(task(over))).toBe(expected);
  });
});

describe('the retry budget', () => {
  it.each([
    [{ done: 0, spent: 0, underWay: 0, claimable: 0 }, BUDGET_FLOOR],
    [{ done: 0, spent: 15, underWay: 3, claimable: 2 }, 3],
    [{ done: 100, spent: 15, underWay: 0, claimable: 0 }, 15],
    [{ done: 1e6, spent: 0, underWay: 0, claimable: 0 }, BUDGET_CAP],
    [{ done: 0, spent: 30, underWay: 0, claimable: 0 }, 1],
    [{ done: 0, spent: 30, underWay: 1, claimable: 0 }, 0],
  ])('of %o is %d', (counts, allowed) => {
    expect(retriesAllowed(counts)).toBe(allowed);
  });

  it('never stops all retries, and never lets more begin than it has', () => {
    const counts = fc.record({ done: fc.nat(1e6), spent: fc.nat(1e6), claimable: fc.nat(1e4), running: fc.nat(1e4) });
    fc.assert(
      fc.property(counts, ({ done, spent, claimable, running }) => {
        const allowed = retriesAllowed({ done, spent, claimable, underWay: claimable + running });
        expect(Number.isSafeInteger(allowed)).toBe(true);
        if (claimable + running === 0) expect(allowed).toBeGreaterThan(0);
        expect(allowed).toBeLessThanOrEqual(Math.max(1, Math.min(BUDGET_CAP, BUDGET_FLOOR + done / 10 - spent)));
        expect(allowed).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
