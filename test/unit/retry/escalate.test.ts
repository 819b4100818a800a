import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeFor } from '../../../src/domain/element-size.ts';
import type { RetryQuestion } from '../../../src/domain/retry-decision.ts';
import { escalate, type Escalation } from '../../../src/retry/escalate.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const MINUTE = 60_000;
const resources = { memoryBytes: 2 * GIB, timeMs: 30 * MINUTE };
const NOTHING_KNOWN = { memoryBytes: null, timeMs: null };
const up = (
  rule: Partial<Escalation>,
  task: Partial<RetryQuestion['task']> = {},
  most: RetryQuestion['most'] = NOTHING_KNOWN,
) =>
  escalate(
    { do: 'escalate', times: 2, ...rule },
    { task: { items: 1, attempts: 1, charged: 1, ...task }, resources, most },
  );

describe('escalate', () => {
  it.each<[string, Partial<Escalation>, unknown]>([
    ['a factor', { memory: { factor: 1.5 } }, { memoryBytes: 3 * GIB }],
    ['an addition', { memory: { plus: GIB } }, { memoryBytes: 3 * GIB }],
    ['whole MiB upwards', { memory: { plus: 1 } }, { memoryBytes: 2 * GIB + MIB }],
    ['whole minutes upwards', { time: { factor: 1.01 } }, { timeMs: 31 * MINUTE }],
    ['both', { memory: { factor: 2 }, time: { factor: 2 } }, { memoryBytes: 4 * GIB, timeMs: 60 * MINUTE }],
    ['the maximum of the rule', { memory: { factor: 9 }, maxMemoryBytes: 5 * GIB }, { memoryBytes: 5 * GIB }],
    ['nothing beyond a maximum below what is asked for', { memory: { factor: 9 }, maxMemoryBytes: GIB }, null],
    ['nothing', {}, null],
    ['nothing after so many times', { memory: { factor: 2 }, times: 0 }, null],
  ])('raises by %s', (_name, rule, expected) => {
    expect(up(rule)).toEqual(expected);
  });

  it('goes on from what was asked for last, and keeps what another escalation raised', () => {
    const needs = { memoryBytes: 3 * GIB, timeMs: 45 * MINUTE };
    expect(up({ memory: { factor: 1.5 } }, { needs, escalations: 1 })).toEqual({ ...needs, memoryBytes: 4.5 * GIB });
    expect(up({ memory: { factor: 1.5 } }, { needs, escalations: 2 })).toBeNull();
  });

  it('asks for no more than there is', () => {
    const most = { memoryBytes: 2.5 * GIB + 1, timeMs: null };
    expect(up({ memory: { factor: 2 } }, {}, most)).toEqual({ memoryBytes: 2.5 * GIB });
    expect(up({ memory: { factor: 2 } }, { needs: { memoryBytes: 2.5 * GIB } }, most)).toBeNull();
    expect(up({ memory: { factor: 2 }, time: { factor: 2 } }, {}, { memoryBytes: GIB, timeMs: null })).toEqual({
      timeMs: 60 * MINUTE,
    });
  });

  it('never asks for less, never for more than both maxima, and always in whole steps', () => {
    const rules = fc.record({
      memory: fc.double({ min: 1, max: 4, noNaN: true }).map((factor) => ({ factor })),
      time: fc.integer({ min: 0, max: 1e8 }).map((plus) => ({ plus })),
      maxMemoryBytes: fc.integer({ min: 1, max: 2 ** 36 }),
    });
    const limits = fc.record({
      memoryBytes: fc.option(fc.integer({ min: 1, max: 2 ** 36 })),
      timeMs: fc.option(fc.nat(1e8)),
    });
    fc.assert(
      fc.property(rules, limits, (rule, most) => {
        const needs = up(rule, {}, most);
        if (needs === null) return;
        const next = sizeFor(resources, needs);
        expect(next.memoryBytes).toBeGreaterThanOrEqual(resources.memoryBytes);
        expect(next.timeMs).toBeGreaterThanOrEqual(resources.timeMs);
        expect(next.memoryBytes).toBeLessThanOrEqual(
          Math.max(resources.memoryBytes, Math.min(rule.maxMemoryBytes, most.memoryBytes ?? Infinity)),
        );
        expect(next.memoryBytes % MIB).toBe(0);
        expect(next.timeMs % MINUTE).toBe(0);
        expect(Number.isSafeInteger(next.memoryBytes) && Number.isSafeInteger(next.timeMs)).toBe(true);
      }),
    );
  });
});
