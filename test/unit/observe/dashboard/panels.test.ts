import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../../src/domain/ids.ts';
import { buildDashboard } from '../../../../src/observe/dashboard/build.ts';
import { CELL_STATES, isMissing, type Panel } from '../../../../src/observe/dashboard/document.ts';
import {
  distributionOfCounts,
  distributionOfTimes,
  FINE_PER_DECADE,
  sharesOf,
} from '../../../../src/observe/dashboard/distribution.ts';
import { efficiencyOf } from '../../../../src/observe/dashboard/efficiency.ts';
import { heatMapOf } from '../../../../src/observe/dashboard/heat-map.ts';
import { nodeChartOf } from '../../../../src/observe/dashboard/node-chart.ts';
import { throughputOf } from '../../../../src/observe/dashboard/charts/progress-chart.ts';
import { progressOf } from '../../../../src/observe/dashboard/progress.ts';
import { createRetryCounter } from '../../../../src/observe/dashboard/retries.ts';
import { cellState, type AttemptFacts, type TaskFacts } from '../../../../src/observe/dashboard/task-facts.ts';
import { madeUpJob } from '../../../support/dashboard-job.ts';

const NOW = 1_000_000;
const there = <T extends object>(panel: Panel<T>): T => {
  if (isMissing(panel)) throw new Error(panel.missing);
  return panel;
};

const task = (n: number, more: Partial<TaskFacts> = {}): TaskFacts => ({
  task: taskIdOf(n),
  state: 'done',
  attempts: 1,
  node: 'n1',
  startedMs: 100,
  finishedMs: 200,
  cpuMs: 50,
  maxRssBytes: null,
  succeeded: 10,
  failed: 0,
  ...more,
});

const attempt = fc
  .record({
    node: fc.integer({ min: 0, max: 60 }).map((n) => `n${n}`),
    fromMs: fc.integer({ min: 0, max: 100_000 }),
    ms: fc.integer({ min: 0, max: 50_000 }),
    ending: fc.constantFrom('committed' as const, 'failed' as const, 'running' as const),
    task: fc.nat(99).map((n) => taskIdOf(n)),
  })
  .map(({ ms, ...rest }): AttemptFacts => ({ ...rest, toMs: rest.fromMs + ms }));

describe('the heat map', () => {
  it('shows each state, and a done task with failed items as one of its own', () => {
    const win = { attempt: '1_0.0' as never, sha256: '', rows: 2, succeeded: 1, failed: 1 };
    expect(cellState({ state: 'PENDING', wave: 2 }, 1)).toBe('pending');
    expect(cellState({ state: 'PENDING', wave: 1 }, 1)).toBe('submitted');
    expect(cellState({ state: 'DONE', wave: 0, win }, 1)).toBe('partly');
    expect(cellState({ state: 'DONE', wave: 0, win: { ...win, failed: 0 } }, 1)).toBe('done');
    expect(cellState({ state: 'DEAD', wave: 0 }, 1)).toBe('dead');
  });

  it('has a cell a task up to 10,000, then cells that show the task that wants most attention', () => {
    const few = there(heatMapOf({ tasks: [task(0), task(1, { state: 'dead' })], attempts: [] }, NOW));
    expect(few).toMatchObject({ tasksPerCell: 1, cells: 2, ms: [100, 100], node: [0, 0], nodeNames: ['n1'] });
    const tasks = Array.from({ length: 25_000 }, (_, n) => task(n, n === 12_001 ? { state: 'dead', node: 'n2' } : {}));
    const many = there(heatMapOf({ tasks, attempts: [] }, NOW));
    expect(many.tasksPerCell).toBe(3);
    expect(many.cells).toBe(8_334);
    expect(many.state.filter((state) => CELL_STATES[state] === 'dead')).toHaveLength(1);
    expect(CELL_STATES[many.state[4_000] ?? -1]).toBe('dead');
    expect(many.counts).toMatchObject({ done: 24_999, dead: 1 });
  });

  it('knows the length of a task that runs, and of one that was given up', () => {
    const tasks = [
      task(0, { state: 'running', startedMs: NOW - 5_000, finishedMs: null }),
      task(1, { state: 'dead', startedMs: null, finishedMs: null, node: null, attempts: 3 }),
      task(2, { state: 'pending', startedMs: null, finishedMs: null, node: null, attempts: 0 }),
    ];
    const attempts: AttemptFacts[] = [{ task: taskIdOf(1), node: 'n9', fromMs: 10, toMs: 260, ending: 'failed' }];
    const map = there(heatMapOf({ tasks, attempts }, NOW));
    expect(map.ms).toEqual([5_000, 250, -1]);
    expect(map.slowest.map((slow) => slow.task)).toEqual([taskIdOf(0), taskIdOf(1)]);
    expect(map.mostTried).toMatchObject([{ task: taskIdOf(1), attempts: 3, state: 'dead', node: null }]);
  });
});

describe('progress', () => {
  it('ends with every outcome there is, and never falls', () => {
    const tasks = fc.array(
      fc.record({
        finishedMs: fc.option(fc.integer({ min: 0, max: 2 * NOW })),
        succeeded: fc.nat(9),
        failed: fc.nat(9),
      }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(tasks, fc.array(attempt), (facts, attempts) => {
        const read = facts.map((one, n) => task(n, one));
        const [good, bad] = [sum(read.map((one) => one.succeeded)), sum(read.map((one) => one.failed))];
        fc.pre(good + bad > 0);
        const job = { createdMs: 0, endMs: NOW, items: 2_000 };
        const panel = there(progressOf({ tasks: read, attempts, lastFailureMs: new Map() }, job));
        expect([panel.succeeded.at(-1), panel.failed.at(-1)]).toEqual([good, bad]);
        for (const line of [panel.succeeded, panel.failed]) expect(line).toEqual(line.toSorted((a, b) => a - b));
        expect(panel.undated).toBe(sum(read.map((one) => (one.finishedMs === null ? one.succeeded + one.failed : 0))));
      }),
    );
  });

  it('dates what a task that was given up had to the end of its last attempt', () => {
    const dead = task(0, { state: 'dead', finishedMs: null, startedMs: null, succeeded: 0, failed: 7 });
    const panel = there(
      progressOf(
        { tasks: [dead], attempts: [], lastFailureMs: new Map([[dead.task, 505]]) },
        { createdMs: 0, endMs: 1_000, items: 7 },
      ),
    );
    expect(panel.undated).toBe(0);
    expect(panel.failed.findIndex((value) => value === 7)).toBe(Math.floor((505 / 1_000) * panel.failed.length));
  });

  it('has no second in which the items came that a cancel left over', () => {
    const cancelled = task(1, { state: 'cancelled', finishedMs: null, startedMs: null, succeeded: 0, failed: 5_000 });
    const panel = there(
      progressOf(
        { tasks: [task(0), cancelled], attempts: [], lastFailureMs: new Map() },
        { createdMs: 0, endMs: 120_000, items: 5_010 },
      ),
    );
    expect(panel.failed.at(-1)).toBe(5_000);
    expect(sum(throughputOf(panel).map((rate) => (rate * panel.stepMs) / 1_000))).toBe(10);
  });

  it('is not there before the first outcome', () => {
    const none = task(0, { succeeded: 0 });
    const facts = { tasks: [none], attempts: [], lastFailureMs: new Map() };
    expect(progressOf(facts, { createdMs: 0, endMs: 1_000, items: 7 })).toHaveProperty('missing');
  });
});

describe('attempts by node', () => {
  it('lie in lanes without meeting, in at most 40 rows, and every busy millisecond is in the load', () => {
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 120 }), (attempts) => {
        const chart = there(nodeChartOf({ attempts, left: 3 }));
        expect(chart.rows.length).toBeLessThanOrEqual(40);
        expect(chart.attempts).toBe(attempts.length + 3);
        expect(sum(chart.rows.map((row) => row.attempts))).toBe(attempts.length);
        expect(sum(chart.rows.flatMap((row) => row.failures))).toBe(
          attempts.filter(({ ending }) => ending === 'failed').length,
        );
        for (const row of chart.rows) {
          const stepMs = (chart.toMs - chart.fromMs) / row.load.length;
          const nodes = row.node === null ? chart.sharing : 1;
          expect(sum(row.load) * stepMs * nodes).toBeCloseTo(row.busyMs, 3);
          for (const bar of row.bars ?? [])
            for (const other of row.bars ?? [])
              if (bar !== other && bar.lane === other.lane && bar.fromMs < bar.toMs && other.fromMs < other.toMs)
                expect(bar.toMs <= other.fromMs || other.toMs <= bar.fromMs).toBe(true);
        }
      }),
    );
  });

  it('are drawn one by one while there are few, and by load when there are many', () => {
    const few = there(buildDashboard(madeUpJob({ tasks: 60, nodes: 5 })).nodes);
    expect(few.rows.every((row) => row.bars !== null)).toBe(true);
    const many = there(buildDashboard(madeUpJob({ tasks: 2_000, nodes: 64 })).nodes);
    expect(many.rows.every((row) => row.bars === null)).toBe(true);
    expect(many.sharing).toBe(64 - 39);
    expect(many.rows.at(-1)?.node).toBeNull();
  });
});

describe('distributions', () => {
  it('count every time once, in buckets that touch', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 }), (times) => {
        const spread = there(distributionOfTimes(times, ''));
        expect(sum(spread.buckets.map((bucket) => bucket.count))).toBe(times.length);
        expect(spread.most).toBe(Math.max(...times));
        expect(spread.p50).toBeLessThanOrEqual(spread.p95);
        expect(times).toContain(spread.p99);
        for (const [place, bucket] of spread.buckets.entries())
          if (place > 0) expect(bucket.fromMs).toBe(spread.buckets[place - 1]?.toMs);
      }),
    );
    expect(distributionOfTimes([], 'nothing')).toEqual({ missing: 'nothing' });
  });

  it('reads the median and the slow end off', () => {
    const times = Array.from({ length: 100 }, (_, n) => n + 1);
    expect(distributionOfTimes(times, '')).toMatchObject({ count: 100, p50: 50, p95: 95, p99: 99, most: 100 });
  });

  it('of counted times are those of the times themselves, and read off at most 2 % longer', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.1, max: 1e9, noNaN: true }), { minLength: 1 }), (times) => {
        const fine = new Map<number, number>();
        for (const ms of times) {
          const bucket = Math.floor(Math.log10(ms) * FINE_PER_DECADE);
          fine.set(bucket, (fine.get(bucket) ?? 0) + 1);
        }
        const exact = there(distributionOfTimes(times, ''));
        const counted = there(distributionOfCounts(fine, Math.max(...times), ''));
        expect(counted.count).toBe(exact.count);
        expect(sum(counted.buckets.map((bucket) => bucket.count))).toBe(exact.count);
        for (const read of ['p50', 'p95', 'p99', 'most'] as const) {
          expect(counted[read]).toBeGreaterThanOrEqual(exact[read] * (1 - 1e-9));
          expect(counted[read]).toBeLessThanOrEqual(exact[read] * 1.02);
        }
      }),
    );
    expect(distributionOfCounts(new Map(), 0, 'nothing')).toEqual({ missing: 'nothing' });
  });

  it('of shares keep what is beyond all of it', () => {
    expect(sharesOf([0.05, 0.1, 0.999, 1, 2.5])).toEqual({
      tenths: [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2],
      mean: (0.05 + 0.1 + 0.999 + 1 + 2.5) / 5,
      most: 2.5,
    });
    expect(sharesOf([])).toBeNull();
  });
});

describe('efficiency', () => {
  const resources = { cpus: 2, memoryBytes: 1, timeMs: 1_000 };
  it('is what CPU time and length are of what was asked for', () => {
    const handler = { kind: 'module' as const, path: '', concurrency: 1, timeoutMs: 1 };
    const { cpu, time, memory } = efficiencyOf([task(0), task(1, { finishedMs: null })], { resources, handler });
    expect(cpu).toMatchObject({ mean: 0.25 });
    expect(time).toMatchObject({ mean: 0.1 });
    expect(memory).toEqual({ missing: expect.stringContaining('older slurmctl') });
  });
  it('compares memory with what the task asked for, which a failure may have raised', () => {
    const handler = { kind: 'module' as const, path: '', concurrency: 1, timeoutMs: 1 };
    const asked = { cpus: 1, memoryBytes: 1_000, timeMs: 1_000 };
    const tasks = [task(0, { maxRssBytes: 500 }), task(1, { maxRssBytes: 1_500, needs: { memoryBytes: 2_000 } })];
    expect(efficiencyOf(tasks, { resources: asked, handler }).memory).toMatchObject({ mean: 0.625, most: 0.75 });
  });
  it('says why it is not known', () => {
    const handler = { kind: 'command' as const, argv: ['x'], concurrency: 1, timeoutMs: 1 };
    expect(efficiencyOf([task(0)], { resources, handler }).cpu).toHaveProperty('missing');
    expect(efficiencyOf([], null)).toMatchObject({ asked: null, cpu: { missing: expect.any(String) } });
  });
});

describe('retries', () => {
  it('adds attempts up by cause and decision, and leaves corrupt results out', () => {
    const counter = createRetryCounter();
    counter.task({ attempts: 9, escalations: 2, state: 'WAIT', cause: 'oom' });
    counter.task({ attempts: 0, state: 'PENDING' });
    const record = {
      generation: 0,
      endedMs: 1,
      cause: 'oom',
      detail: 'x'.repeat(1_000),
      savedItems: 0,
      decision: 'escalate',
      rule: 'built-in rule for oom',
      why: '',
      charged: true,
    } as const;
    counter.record('000001', record);
    counter.record('000002', { ...record, charged: false });
    counter.record('000003', {
      corrupt: true,
      attempt: 'a' as never,
      generation: 0,
      foundMs: 1,
      detail: '',
      sha256: '',
      rows: 1,
    });
    const retries = counter.retries();
    expect(retries).toMatchObject({
      attempts: 9,
      escalations: 2,
      perTask: [0, 0, 0, 0, 0, 1],
      waiting: [{ cause: 'oom', tasks: 1 }],
      causes: [{ cause: 'oom', attempts: 2, charged: 1 }],
      decisions: [{ decision: 'escalate', rule: 'built-in rule for oom', attempts: 2 }],
    });
    expect(retries.causes[0]?.example.length).toBeLessThan(400);
  });
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
