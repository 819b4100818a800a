import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cause } from '../../../../src/domain/causes.ts';
import type { AttemptRecord } from '../../../../src/domain/history.ts';
import { asAttemptId } from '../../../../src/domain/ids.ts';
import type { JobAsked } from '../../../../src/domain/job-item.ts';
import type { JobState } from '../../../../src/domain/states.ts';
import type { AttemptRun, TaskItem, TaskNeeds } from '../../../../src/domain/task-item.ts';
import { parseBytes, parseDurationMs } from '../../../../src/domain/units.ts';
import { buildReport } from '../../../../src/observe/report/build-report.ts';
import { createUsageCollector } from '../../../../src/observe/report/collect-usage.ts';
import { quantile } from '../../../../src/observe/report/quantile.ts';
import { memoryWords, roomyMemory, roomyTime, timeWords } from '../../../../src/observe/request-words.ts';

import { withTempDir } from '../../../support/temp-dir.ts';
import { load, MINIMAL } from '../../config/job-file-fixture.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const START = 1_000_000;

const asking = (handler: JobAsked['handler'] = 'module'): JobAsked => ({
  cpus: 4,
  memoryBytes: 8 * GIB,
  timeMs: 4 * HOUR_MS,
  handler,
});

/** A finished task of so many minutes in an element, from minute `at` on. */
function done(element: number, { at = 0, minutes = 10, cpus = 0.5, mib = 300, needs }: Partial<Ran> = {}): TaskItem {
  const startedMs = START + at * MINUTE_MS;
  const ran: AttemptRun = {
    node: 'n1',
    startedMs,
    finishedMs: startedMs + minutes * MINUTE_MS,
    cpuMs: minutes * MINUTE_MS * cpus,
    ...(mib === null ? {} : { maxRssBytes: mib * MIB }),
  };
  const win = { attempt: asAttemptId(`47_${element}.0`), sha256: '', rows: 10, succeeded: 10, failed: 0, ran };
  const base = { state: 'DONE' as const, generation: 0, wave: 0, items: 10, attempts: 1, charged: 1, win };
  return needs === undefined ? base : { ...base, needs };
}
interface Ran {
  readonly at: number;
  readonly minutes: number;
  readonly cpus: number;
  readonly mib: number | null;
  readonly needs: TaskNeeds;
}

const failed = (cause: Cause, minutes: number, more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  attempt: asAttemptId('47_9.0'),
  generation: 0,
  node: 'n1',
  startedMs: START,
  endedMs: START + minutes * MINUTE_MS,
  cause,
  detail: '',
  savedItems: 0,
  decision: 'retry',
  rule: '',
  why: '',
  charged: true,
  ...more,
});

function reportOf(
  tasks: readonly TaskItem[],
  {
    records = [],
    of = asking(),
    state = 'COMPLETED',
  }: { records?: readonly AttemptRecord[]; of?: JobAsked | null; state?: JobState } = {},
) {
  const nowMs = START + HOUR_MS;
  const collector = createUsageCollector(nowMs);
  for (const task of tasks) collector.task(task);
  for (const record of records) collector.record(record);
  return buildReport({
    nowMs,
    id: 'j',
    meta: { name: 'n', state, scheduler: 'slurm', tasks: tasks.length },
    asked: of,
    usage: collector.usage(),
    submittedMs: new Map([['47', START - 2 * MINUTE_MS]]),
    notes: [],
  });
}

describe('the report of a job', () => {
  const two = [done(0), done(0, { at: 10, mib: 400 }), done(1, { minutes: 30, cpus: 1.5, mib: 200 })];

  it('adds up what was used of what was asked for', () => {
    const report = reportOf(two);
    expect(report.attempts).toEqual({ withResult: 3, measured: 3, failed: 0, running: 0, elements: 2 });
    // 5 + 5 + 45 minutes of CPU time in 50 minutes with 4 CPUs.
    expect(report.cpu).toMatchObject({ usedMs: 55 * MINUTE_MS, askedMs: 200 * MINUTE_MS, share: 0.275 });
    expect(report.memory).toEqual({
      p50Bytes: 200 * MIB,
      p95Bytes: 400 * MIB,
      mostBytes: 400 * MIB,
      share: 400 / 8192,
    });
    expect(report.time).toMatchObject({ p50Ms: 20 * MINUTE_MS, mostMs: 30 * MINUTE_MS, longestTaskMs: 30 * MINUTE_MS });
    expect(report.wait).toEqual({ p50Ms: 2 * MINUTE_MS, p95Ms: 2 * MINUTE_MS, mostMs: 2 * MINUTE_MS });
    expect(report.cost.cpuHours).toBeCloseTo((50 / 60) * 4);
    expect(report.cost.memoryGibHours).toBeCloseTo((50 / 60) * 8);
    expect(report.missing).toEqual([]);
  });

  it('advises what would have done, with the saving', () => {
    const { advice } = reportOf(two);
    expect(advice.map(({ line, now }) => [line, now])).toEqual([
      ['memory: 768M', '8G'],
      ['cpus: 2', '4'],
      ['time: 45m', '4h'],
    ]);
    expect(advice[0]?.option).toBe('--set resources.memory=768M');
    expect(advice[0]?.saves?.memoryGibHours).toBeCloseTo((50 / 60) * 7.25);
    expect(advice[1]?.saves?.cpuHours).toBeCloseTo((50 / 60) * 2);
  });

  it('advises no shorter time while elements run, and no smaller memory after one ran out of it', () => {
    expect(reportOf(two, { state: 'RUNNING' }).advice.map(({ key }) => key)).not.toContain('resources.time');
    const records = [failed('oom', 5)];
    expect(reportOf(two, { records }).advice.map(({ key }) => key)).toEqual(['resources.cpus', 'resources.time']);
    expect(reportOf(two, { records: [failed('time-limit', 5)] }).advice.map(({ key }) => key)).not.toContain(
      'resources.time',
    );
  });

  it('asks for more at once where many tasks needed more', () => {
    const needs = { memoryBytes: 16 * GIB };
    const tasks = [done(0, { mib: 12_000, needs }), done(1, { mib: 11_000, needs }), done(2)];
    const { advice, memory } = reportOf(tasks, { records: [failed('oom', 5), failed('oom', 5)] });
    expect(advice[0]).toMatchObject({ line: 'memory: 16G', now: '8G', saves: null });
    expect(advice[0]?.why).toBe(
      '2 attempts ran out of memory first, and tasks came to their end with up to 16.0 GiB: asking for it at once spares that',
    );
    const why = (records: readonly AttemptRecord[]) => reportOf(tasks, { records }).advice[0]?.why;
    expect(why([failed('oom', 5)])).toMatch(/^1 attempt ran out of memory first, and tasks /);
    expect(why([])).toMatch(/^tasks came to their end with up to 16.0 GiB: /);
    expect(memory?.share).toBeCloseTo(12_000 / 16_384);
    const few = [done(0, { needs }), ...Array.from({ length: 20 }, (_, n) => done(n + 1))];
    expect(reportOf(few, { records: [failed('oom', 5)] }).advice.map(({ line }) => line)).not.toContain('memory: 16G');
  });

  it('says what attempts without a result cost, by cause', () => {
    const { wasted, attempts } = reportOf(two, {
      records: [failed('oom', 5), failed('node-fail', 20), failed('oom', 5)],
      state: 'RUNNING',
    });
    expect(attempts.failed).toBe(3);
    expect(wasted).toMatchObject({ attempts: 3, ms: 30 * MINUTE_MS, share: 30 / 80 });
    expect(wasted.causes.map(({ cause, attempts: n }) => [cause, n])).toEqual([
      ['node-fail', 1],
      ['oom', 2],
    ]);
  });

  it('counts attempts that a cancel ended, and no task that it found waiting', () => {
    const base = { state: 'CANCELLED' as const, generation: 0, wave: 0, items: 10, attempts: 1, charged: 1 };
    const running = { owner: asAttemptId('47_2.0'), startedMs: START, heartbeatMs: START + 30 * MINUTE_MS };
    const cancelled = { ...base, ...running, cause: 'cancelled-by-user' as const };
    const report = reportOf([...two, cancelled, { ...base, attempts: 0 }], { state: 'CANCELLED' });
    expect(report.attempts).toMatchObject({ withResult: 3, failed: 1, running: 0, elements: 3 });
    expect(report.cost.cpuHours).toBeCloseTo((80 / 60) * 4);
    expect(report.wasted).toMatchObject({ attempts: 1, ms: 30 * MINUTE_MS, share: 30 / 80 });
    expect(report.wasted.causes[0]?.cause).toBe('cancelled-by-user');
  });

  it('says why it does not know', () => {
    const command = reportOf(two, { of: asking('command') });
    expect(command).toMatchObject({ cpu: null, memory: null, missing: [expect.stringContaining('sacct')] });
    expect(command.advice.map(({ key }) => key)).toEqual(['resources.time']);
    expect(reportOf([], { of: null })).toMatchObject({ asked: null, advice: [], missing: [expect.any(String)] });
    const old = reportOf([done(0, { mib: null }), done(1, { mib: null }), done(2, { mib: null })]);
    expect(old.memory).toBeNull();
    expect(old.missing).toEqual([expect.stringContaining('older slurmctl')]);
  });

  it('draws no conclusion from one attempt of many', () => {
    expect(reportOf([done(0), { ...done(1), state: 'RUNNING', win: undefined as never }]).advice).toEqual([]);
  });
});

describe('the lines of the advice', () => {
  it('are what the job file takes, and what it then asks for', () =>
    withTempDir(async (root) => {
      const needs = { memoryBytes: 16 * GIB, timeMs: 9 * HOUR_MS };
      const more = reportOf([done(0, { needs })], { records: [failed('oom', 5), failed('time-limit', 5)] }).advice;
      const less = reportOf([done(0), done(1), done(2)]).advice;
      for (const advice of [more, less]) {
        const text = ['resources:', ...advice.map(({ line }) => `  ${line}`)].join('\n');
        const { spec: read } = await load(root, `${MINIMAL}${text}\n`);
        const now = Object.fromEntries(advice.map(({ key, value }) => [key, value]));
        expect(read.resources.memoryBytes).toBe(parseBytes(now['resources.memory'] ?? ''));
        expect(read.resources.timeMs).toBe(parseDurationMs(now['resources.time'] ?? ''));
      }
      expect([more.length, less.length]).toEqual([3, 3]);
    }));
});

describe('figures of the report', () => {
  it('are written so that the job file reads the same back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 * 1024 ** 4 }),
        fc.integer({ min: 1, max: 30 * 86_400_000 }),
        (bytes, ms) => {
          const memory = parseBytes(memoryWords(bytes)) ?? 0;
          expect(memory).toBeGreaterThanOrEqual(bytes);
          expect(memory - bytes).toBeLessThan(MIB);
          const time = parseDurationMs(timeWords(ms)) ?? 0;
          expect(time).toBeGreaterThanOrEqual(ms);
          expect(time - ms).toBeLessThan(MINUTE_MS);
        },
      ),
    );
  });

  it('leave room above what was used, and not more than a person would', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 * GIB }), fc.integer({ min: 1, max: 10 * 86_400_000 }), (bytes, ms) => {
        expect(roomyMemory(bytes)).toBeGreaterThanOrEqual(bytes * 1.3);
        expect(roomyMemory(bytes)).toBeLessThanOrEqual(Math.max(bytes * 1.34 + GIB, GIB / 4));
        expect(roomyTime(ms)).toBeGreaterThanOrEqual(ms * 1.5);
        expect(roomyTime(ms)).toBeLessThanOrEqual(ms * 1.5 + HOUR_MS);
      }),
    );
  });

  it('quantiles are values that occur', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const value = quantile(values, share);
          expect(values).toContain(value);
          expect(values.filter((each) => each <= value).length).toBeGreaterThanOrEqual(share * values.length);
        },
      ),
    );
    expect(quantile([], 0.5)).toBe(0);
  });
});
