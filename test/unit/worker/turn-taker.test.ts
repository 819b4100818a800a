import { describe, expect, it } from 'vitest';
import type { Cost } from '../../../src/domain/limit.ts';
import { createTurnTaker, FRESH_MS, type Call } from '../../../src/worker/turn-taker.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const never = (): AbortSignal => new AbortController().signal;
const COSTS: readonly (readonly [string, Cost])[] = [
  ['slow', { requests: 1 }],
  ['fast', { tokens: 5 }],
];

/** A limiter whose turns take so long, by the name of the limit. */
function start(waitMs: Record<string, number>) {
  const clock = createManualClock();
  const told: string[] = [];
  const taker = createTurnTaker(
    {
      async take(name, _cost, signal) {
        told.push(`ask ${name}`);
        await clock.sleep(waitMs[name] ?? 0, signal);
        return { settle: (actual) => void told.push(`${name} cost ${JSON.stringify(actual)}`) };
      },
    },
    clock,
  );
  const take = async (): Promise<Map<string, Call>> => {
    const calls = new Map<string, Call>();
    const taking = taker.take(COSTS, calls, never());
    await clock.advance(60_000);
    await taking;
    return calls;
  };
  return { told, take, waitMs };
}

describe('turns of several limits', () => {
  it('are waited for in such an order that the slowest comes last', async () => {
    const { told, take } = start({ slow: FRESH_MS / 2 });
    expect([...(await take()).keys()]).toEqual(['slow', 'fast']);
    expect([...(await take()).keys()]).toEqual(['fast', 'slow']);
    expect(told).toEqual(['ask slow', 'ask fast', 'ask fast', 'ask slow']);
  });

  it('are asked for again when they have aged while others were waited for', async () => {
    const { told, take, waitMs } = start({ slow: 5_000 });
    await take();
    told.length = 0;
    expect([...(await take()).keys()].toSorted()).toEqual(['fast', 'slow']);
    expect(told).toEqual(['ask fast', 'ask slow', 'fast cost {"requests":0,"tokens":0}', 'ask fast']);
    // Both slow: three times, and then the turns are used as they are.
    told.length = 0;
    waitMs['fast'] = 5_000;
    await take();
    expect(told.filter((each) => each.startsWith('ask')).length).toBeLessThanOrEqual(6);
  });
});
