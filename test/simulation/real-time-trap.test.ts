import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { forbidRealTime } from './core/real-time-trap.ts';

const CALLS: Readonly<Record<string, () => unknown>> = {
  'Date.now': () => Date.now(),
  'new Date()': () => new Date(),
  'Math.random': () => Math.random(),
  setTimeout: () => setTimeout(() => undefined, 1),
  setInterval: () => setInterval(() => undefined, 1),
  setImmediate: () => setImmediate(() => undefined),
  randomUUID: () => randomUUID(),
  randomBytes: () => randomBytes(1),
};

describe('code that goes round its ports', () => {
  it.each(Object.entries(CALLS))('%s throws, and is told', (name, call) => {
    const found: string[] = [];
    const allow = forbidRealTime((what) => void found.push(what));
    let error: unknown = null;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    } finally {
      allow();
    }
    expect(String(error)).toContain('forbidden');
    expect(found).toEqual([name]);
  });

  it('a date of a given moment is allowed, and afterwards everything is', () => {
    const allow = forbidRealTime(() => undefined);
    expect(new Date(0).toISOString()).toBe('1970-01-01T00:00:00.000Z');
    allow();
    expect(Date.now()).toBeGreaterThan(0);
    expect(randomUUID()).toHaveLength(36);
  });
});
