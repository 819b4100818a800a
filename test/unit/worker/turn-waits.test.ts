import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { TryLimits } from '../../../src/worker/item-limits.ts';
import { createTurnWaits } from '../../../src/worker/turn-waits.ts';

const limits = (enter: TryLimits['enter'], forgone: string[] = []): TryLimits => ({
  takesTurns: true,
  spent: () => null,
  enter,
  forgo: () => void forgone.push('forgone'),
  calls: () => {
    throw new Error('nobody calls');
  },
  leave: (result) => result,
});
const untilAborted: TryLimits['enter'] = async (signal) => {
  await once(signal, 'abort');
  throw signal.reason;
};

describe('tries that wait for their turn', () => {
  it('are all given up when the worker stops, without a warning of a leak', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', listen);
    const stop = new AbortController();
    const turns = createTurnWaits(stop.signal);
    const all = Array.from({ length: 200 }, async () => turns.over(limits(untilAborted)));
    stop.abort(new Error('stopped'));
    expect(new Set(await Promise.all(all))).toEqual(new Set(['dropped']));
    await turn();
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  it('do not begin when their turn comes together with the end, and leave it to others', async () => {
    const stop = new AbortController();
    const forgone: string[] = [];
    const over = createTurnWaits(stop.signal).over(limits(() => Promise.resolve(null), forgone));
    stop.abort(new Error('stopped'));
    expect(await over).toBe('dropped');
    expect(forgone).toEqual(['forgone']);
  });

  it('begin after their turn, and fail the work by what is no fault of the item', async () => {
    const { signal } = new AbortController();
    const turns = createTurnWaits(signal);
    expect(await turns.over(limits(() => Promise.resolve(null)))).toBeNull();
    await expect(turns.over(limits(() => Promise.reject(new Error('no table'))))).rejects.toThrow('no table');
    expect(turns.over({ ...limits(untilAborted), takesTurns: false })).toBeNull();
  });
});
