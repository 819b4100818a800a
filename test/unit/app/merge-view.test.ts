import { describe, expect, it } from 'vitest';
import type { Progress } from '../../../src/app/api.ts';
import { createMergeView } from '../../../src/app/merge-view.ts';
import type { LimitWait } from '../../../src/ports/limiter.ts';
import { createManualClock } from '../../support/manual-clock.ts';

describe('what is told of a merge', () => {
  it('is how far it is, and while reads wait for turns which and until when', async () => {
    const clock = createManualClock(Date.UTC(2026, 10, 20, 14, 2, 0));
    const shown: Progress[] = [];
    const waits: (string | null)[] = [];
    let wait: LimitWait | null = null;
    const tell = { onProgress: (one: Progress) => shown.push(one), onWait: (what: string | null) => waits.push(what) };
    const view = createMergeView({ clock, waiting: () => wait }, tell);
    view.progress({ done: 3, total: 10 });
    await clock.advance(20_000);
    expect(shown).toEqual([{ phase: 'merging', done: 3, total: 10, unit: 'parts' }]);
    wait = { name: 'store', calls: 8, untilMs: Date.UTC(2026, 10, 20, 14, 2, 31) };
    await clock.advance(5_000);
    const note = '8 reads wait for limit store, the next until about 14:02:31 UTC';
    expect(shown.at(-1)).toEqual({ phase: 'merging', done: 3, total: 10, unit: 'parts', note });
    wait = { name: 'store', calls: 1, untilMs: null };
    await clock.advance(20_000);
    expect(waits).toEqual([note]);
    await clock.advance(10_000);
    expect(waits).toEqual([note, '1 read waits for limit store']);
    wait = null;
    await clock.advance(10_000);
    expect(waits.at(-1)).toBeNull();
    view.close();
    wait = { name: 'store', calls: 8, untilMs: null };
    await clock.advance(100_000);
    expect(waits).toHaveLength(3);
    expect(clock.pending()).toBe(0);
  });
});
