import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeClock, surelyOffMs, type ClockSample } from '../../../../src/backends/probe/clock-offset.ts';

const AT = Date.UTC(2026, 10, 21, 4, 0, 0);
const sample = (aheadMs: number, server = 'https://s3.example'): ClockSample => ({
  server,
  sentMs: AT + aheadMs,
  receivedMs: AT + aheadMs + 40,
  dateMs: AT,
});

describe('the offset of two clocks', () => {
  it('is nothing for any request of a host that agrees, however long it took and wherever the second was cut', () => {
    const times = fc.record({
      sentMs: fc.nat(1e9),
      tookMs: fc.nat(60_000),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(times, ({ sentMs, tookMs, share }) => {
        const dateMs = Math.floor((sentMs + tookMs * share) / 1_000) * 1_000;
        expect(surelyOffMs({ server: '', sentMs, receivedMs: sentMs + tookMs, dateMs })).toBe(0);
      }),
    );
  });

  it('is never more than the real one, and less by at most the time of the request and a second', () => {
    const times = fc.record({ tookMs: fc.nat(60_000), serverAheadMs: fc.integer({ min: -1e8, max: 1e8 }) });
    fc.assert(
      fc.property(times, ({ tookMs, serverAheadMs }) => {
        const dateMs = Math.floor((AT + tookMs / 2 + serverAheadMs) / 1_000) * 1_000;
        const off = surelyOffMs({ server: '', sentMs: AT, receivedMs: AT + tookMs, dateMs });
        expect(Math.abs(off)).toBeLessThanOrEqual(Math.abs(serverAheadMs));
        expect(Math.abs(off)).toBeGreaterThanOrEqual(Math.abs(serverAheadMs) - tookMs - 1_000);
        if (off !== 0) expect(Math.sign(off)).toBe(Math.sign(serverAheadMs));
      }),
    );
  });
});

describe('the verdict', () => {
  it.each([
    [0, 'ok', 'agrees with the services within 1 s'],
    [30_000, 'ok', 'within 29 s'],
    [33_000, 'warn', '32 seconds ahead of the clock of https://s3.example'],
    [-45_000, 'warn', '45 seconds behind the clock of https://s3.example'],
    [300_000, 'warn', '5 minutes ahead'],
    [302_000, 'fail', '5 minutes ahead'],
    [-20 * 60_000, 'fail', '20 minutes behind'],
    [-9 * 3_600_000, 'fail', '9 hours behind'],
  ])('%i ms ahead: %s', (aheadMs, verdict, words) => {
    expect(judgeClock([sample(aheadMs)])).toMatchObject({ verdict, found: expect.stringContaining(words) });
  });

  it('is about the service that is furthest off', () => {
    const samples = [sample(0), sample(-400_000, 'https://sqs.example'), sample(50_000)];
    expect(judgeClock(samples)?.found).toContain('https://sqs.example');
  });

  it('is none when no service has shown its clock', () => {
    expect(judgeClock([])).toBeNull();
  });
});
