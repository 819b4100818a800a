import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asAttemptId } from '../../../../src/domain/ids.ts';
import type { TaskItem } from '../../../../src/domain/task-item.ts';
import { estimateLeft, type Estimate } from '../../../../src/observe/pace/estimate.ts';
import { createLaggardWatch } from '../../../../src/observe/pace/laggards.ts';
import { createThroughputMeter } from '../../../../src/observe/pace/throughput.ts';

const base: TaskItem = { state: 'RUNNING', generation: 0, wave: 0, items: 100, attempts: 1, charged: 1 };
const done = (startedMs: number, finishedMs: number, items = 100): TaskItem => ({
  ...base,
  state: 'DONE',
  items,
  win: {
    attempt: asAttemptId('4_1.0'),
    sha256: '',
    rows: items,
    succeeded: items,
    failed: 0,
    ran: { node: 'n', startedMs, finishedMs, cpuMs: 1 },
  },
});
const known = (estimate: Estimate) => {
  if ('unknown' in estimate) throw new Error(estimate.unknown);
  return estimate;
};

describe('the estimate of what is left', () => {
  const facts = fc.record({
    rates: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 12 }),
    left: fc.nat(10_000_000),
    slowestLeftMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })),
    running: fc.nat(3),
  });

  it('is a range of finite times, or a sentence, whatever the pace was', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const estimate = estimateLeft(given);
        if ('unknown' in estimate) return estimate.unknown !== '';
        expect(Number.isFinite(estimate.fromMs) && estimate.fromMs >= 0).toBe(true);
        expect(estimate.toMs === null || estimate.toMs >= estimate.fromMs).toBe(true);
        return estimate.fromMs >= Math.floor(given.slowestLeftMs ?? 0);
      }),
    );
  });

  it('holds the truth where the pace is even, and grows with what is left', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1e6 }), (rate, left) => {
        const rates = Array.from({ length: 10 }, () => rate);
        const { fromMs, toMs } = known(estimateLeft({ rates, left, slowestLeftMs: null, running: 1 }));
        const truthMs = (left * 1_000) / rate;
        expect(fromMs).toBeLessThanOrEqual(truthMs + 1);
        expect(toMs).toBeGreaterThanOrEqual(truthMs - 1);
        expect(toMs).toBeLessThanOrEqual(truthMs * 1.04 + 1);
        const more = known(estimateLeft({ rates, left: left * 2, slowestLeftMs: null, running: 1 }));
        expect(more.fromMs).toBeGreaterThanOrEqual(fromMs);
      }),
    );
  });

  it('is wider the more the pace varies, up to no end at all', () => {
    const width = (swing: number): number => {
      const rates = Array.from({ length: 10 }, (_, at) => 100 + (at % 2 === 0 ? swing : -swing));
      const { fromMs, toMs } = known(estimateLeft({ rates, left: 1_000, slowestLeftMs: null, running: 1 }));
      return toMs === null ? Infinity : toMs - fromMs;
    };
    const widths = [0, 20, 50, 90].map(width);
    expect(widths).toEqual(widths.toSorted((a, b) => a - b));
    expect(new Set(widths).size).toBe(4);
    const rates = [0.001, 0, 0, 0, 0, 0, 0, 0, 0, 100];
    expect(estimateLeft({ rates, left: 10, slowestLeftMs: null, running: 1 })).toMatchObject({ toMs: null });
  });

  it('says that it cannot say', () => {
    const even = Array.from({ length: 10 }, () => 5);
    const left = { left: 10, slowestLeftMs: null };
    expect(estimateLeft({ ...left, rates: even, running: 0 })).toEqual({ unknown: expect.stringContaining('no task') });
    expect(estimateLeft({ ...left, rates: even.map(() => 0), running: 1 })).toHaveProperty('unknown');
    expect(estimateLeft({ ...left, rates: [0, 0, 0, 0, 5, 5], running: 1 })).toHaveProperty('unknown');
    expect(estimateLeft({ ...left, rates: [0, 0, 0, 5, 5, 5], running: 1 })).toMatchObject({ fromMs: 1_942 });
  });
});

describe('the throughput', () => {
  const NOW = 10_000_000;
  const meter = () => createThroughputMeter({ sinceMs: NOW - 1_000_000, nowMs: NOW });
  const total = (rates: readonly number[], spanMs: number): number =>
    rates.reduce((sum, rate) => sum + (rate * spanMs) / 1_000, 0);

  it('counts each item once, and those of before the look back not at all', () => {
    const span = fc.tuple(fc.integer({ min: -2_000_000, max: 0 }), fc.integer({ min: 0, max: 500_000 }), fc.nat(1_000));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), (spans) => {
        const at = meter();
        let all = 0;
        for (const [from, length, items] of spans) {
          at.add(done(NOW + from, Math.min(NOW, NOW + from + length), items));
          all += items;
        }
        const { rates, spanMs } = at.throughput();
        expect(spanMs * rates.length).toBeCloseTo(200_000);
        expect(total(rates, spanMs)).toBeLessThanOrEqual(all + 1e-6);
        expect(rates.every((rate) => rate >= 0)).toBe(true);
      }),
    );
    const inside = meter();
    inside.add(done(NOW - 150_000, NOW - 50_000, 700));
    const { rates, spanMs } = inside.throughput();
    expect(total(rates, spanMs)).toBeCloseTo(700);
    const before = meter();
    before.add(done(NOW - 900_000, NOW - 300_000));
    expect(before.throughput().rates.every((rate) => rate === 0)).toBe(true);
  });

  it('takes running workers to go on at their pace while they are heard of', () => {
    const heard = meter();
    heard.add({ ...base, startedMs: NOW - 100_000, heartbeatMs: NOW - 10_000, progress: 45 });
    const { rates, spanMs, paced, slowestLeftMs } = heard.throughput();
    expect(total(rates, spanMs)).toBeCloseTo(50);
    expect(rates.at(-1)).toBeCloseTo(0.5);
    expect({ paced, left: Math.round(slowestLeftMs ?? 0) }).toEqual({ paced: 1, left: 100_000 });
    const silent = meter();
    silent.add({ ...base, startedMs: NOW - 900_000, heartbeatMs: NOW - 190_000, progress: 45 });
    expect(silent.throughput().rates.at(-1)).toBe(0);
    const resumed = meter();
    resumed.add({ ...base, startedMs: NOW - 100, heartbeatMs: NOW, progress: 60, checkpointSeen: 60 });
    expect(resumed.throughput()).toMatchObject({ paced: 0, slowestLeftMs: null });
  });

  it('is that of an even job', () => {
    const at = meter();
    for (let n = 0; n < 100; n += 1) at.add(done(NOW - 1_000_000 + n * 10_000, NOW - 1_000_000 + (n + 1) * 10_000));
    const { rates, slowestLeftMs } = at.throughput();
    for (const rate of rates) expect(rate).toBeCloseTo(10);
    const { fromMs, toMs } = known(estimateLeft({ rates, left: 600, slowestLeftMs, running: 1 }));
    expect([fromMs < 60_000, (toMs ?? 0) > 60_000]).toEqual([true, true]);
  });
});

describe('laggards', () => {
  const NOW = 10_000_000;
  const runs = (startedMs: number, heartbeatMs: number): TaskItem => ({ ...base, startedMs, heartbeatMs, node: 'n7' });

  it('are tasks that run far longer than others took, and those whose worker is silent', () => {
    const watch = createLaggardWatch(NOW);
    for (let n = 0; n < 9; n += 1) watch.add(`00000${n}`, done(0, 60_000 + n));
    watch.add('000010', runs(NOW - 181_000, NOW - 1_000));
    watch.add('000011', runs(NOW - 900_000, NOW - 1_000));
    watch.add('000012', runs(NOW - 170_000, NOW - 1_000));
    watch.add('000013', runs(NOW - 130_000, NOW - 125_000));
    watch.add('000014', { ...runs(NOW - 900_000, NOW), waiting: { kind: 'limit', name: 'api' } });
    watch.add('000015', { ...runs(NOW - 125_000, NOW - 124_000), waiting: { kind: 'pool', name: 'db' } });
    const { tasks, slow, silent, medianMs } = watch.laggards();
    expect(tasks.map(({ task, why }) => [task, why])).toEqual([
      ['000013', 'silent'],
      ['000015', 'silent'],
      ['000011', 'slow'],
      ['000010', 'slow'],
    ]);
    expect({ slow, silent, medianMs }).toEqual({ slow: 2, silent: 2, medianMs: 60_004 });
    expect(tasks[2]).toMatchObject({ node: 'n7', runsMs: 900_000, done: 0, items: 100 });
  });

  it('need a median of some tasks, and short jobs have none', () => {
    const watch = createLaggardWatch(NOW);
    for (let n = 0; n < 4; n += 1) watch.add('x', done(0, 10));
    watch.add('y', runs(NOW - 9_000_000, NOW));
    expect(watch.laggards()).toMatchObject({ tasks: [], medianMs: null });
    watch.add('x', done(0, 10));
    expect(watch.laggards()).toMatchObject({ slow: 1, medianMs: 10 });
    const quick = createLaggardWatch(NOW);
    for (let n = 0; n < 9; n += 1) quick.add('x', done(0, 10));
    quick.add('y', runs(NOW - 50_000, NOW));
    expect(quick.laggards().slow).toBe(0);
  });

  it('keep a bounded sample whose median stays about right', () => {
    const watch = createLaggardWatch(NOW);
    for (let n = 0; n < 100_000; n += 1) watch.add('x', done(0, 1 + ((n * 7_919) % 10_000)));
    expect(Math.abs((watch.laggards().medianMs ?? 0) - 5_000)).toBeLessThan(300);
  });
});
