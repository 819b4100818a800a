import { describe, expect, it } from 'vitest';
import type { Deferral } from '../../../src/worker/deferral.ts';
import type { Phase } from '../../../src/worker/isolation.ts';
import type { RunningItems } from '../../../src/worker/run-items.ts';
import type { QuotaSpent } from '../../../src/worker/quota-spent.ts';
import { runPhases } from '../../../src/worker/run-phases.ts';

const PHASES: readonly Phase[] = [
  { items: [0, 3], suspected: null },
  { items: [1], suspected: '1' },
  { items: [2], suspected: '2' },
];

interface Rig {
  readonly events: string[];
  readonly running: ReturnType<typeof runPhases>;
  /** Ends the phase that is running. */
  readonly end: (complete?: boolean, deferral?: Deferral | null, spent?: QuotaSpent) => Promise<void>;
}

function rig(options: { readonly announce?: () => boolean; readonly save?: () => boolean } = {}): Rig {
  const events: string[] = [];
  let finish: ((complete: boolean) => void) | undefined;
  let deferred: Deferral | null = null;
  let spent: QuotaSpent | null = null;
  const start = (phase: Phase): RunningItems => {
    events.push(`run ${phase.items.join()}`);
    return {
      ended: new Promise<boolean>((resolve) => (finish = resolve)),
      deferred: () => deferred,
      spent: () => spent,
      onlyWaits: () => phase.suspected !== null,
      stopTaking: () => events.push('stop'),
      abort: (reason) => events.push(`abort ${reason}`),
    };
  };
  const running = runPhases({
    phases: PHASES,
    start,
    announce: async ({ suspected }) => (events.push(`announce ${suspected}`), options.announce?.() ?? true),
    save: async () => (events.push('save'), options.save?.() ?? true),
    acquit: async () => void events.push('acquit'),
  });
  return {
    events,
    running,
    async end(complete = true, deferral, quota) {
      deferred = deferral ?? null;
      spent = quota ?? null;
      finish?.(complete);
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    },
  };
}

describe('items in phases', () => {
  it('only wait when those of the phase that is running do', async () => {
    const { running, end } = rig();
    expect(running.onlyWaits()).toBe(false);
    await end();
    expect(running.onlyWaits()).toBe(true);
  });

  it('run no further when a quota is used up', async () => {
    const { events, running, end } = rig();
    const quota = { limit: 'api', message: 'used up', untilMs: 9, setMs: 1 };
    await end(false, null, quota);
    expect(await running.ended).toBe(false);
    expect(events).toEqual(['run 0,3']);
    expect([running.spent(), running.deferred()]).toEqual([quota, null]);
  });

  it('announces each group of suspects before it runs, and saves after each phase but the last', async () => {
    const { events, running, end } = rig();
    await end();
    await end();
    await end();
    expect(await running.ended).toBe(true);
    expect(events).toEqual(['run 0,3', 'save', 'announce 1', 'run 1', 'save', 'announce 2', 'run 2', 'acquit']);
    expect([running.deferred(), running.isFenced()]).toEqual([null, false]);
  });

  it('begins no further phase once it is told to stop', async () => {
    const { events, running, end } = rig();
    running.stopTaking();
    running.abort('over');
    await end(false);
    expect(await running.ended).toBe(false);
    expect(events).toEqual(['run 0,3', 'stop', 'abort over']);
  });

  it('runs no suspect it could not announce, and nothing after a save that was refused', async () => {
    const unannounced = rig({ announce: () => false });
    await unannounced.end();
    expect(await unannounced.running.ended).toBe(false);
    expect(unannounced.running.isFenced()).toBe(true);
    expect(unannounced.events).toEqual(['run 0,3', 'save', 'announce 1']);
    const unsaved = rig({ save: () => false });
    await unsaved.end();
    expect(await unsaved.running.ended).toBe(false);
    expect(unsaved.events).toEqual(['run 0,3', 'save']);
    expect(unsaved.running.isFenced()).toBe(true);
  });

  const slow = {
    cause: 'rate-limited',
    detail: 'slow',
    rule: 'rule 1',
    items: [3],
    needsMore: false,
    dueMs: 500,
  } as const;

  it('goes on after items that were left for later, and gives one reason for all of them', async () => {
    const { running, end } = rig();
    await end(false, slow);
    await end(true);
    await end(false, { ...slow, detail: 'slower', items: [2], dueMs: 400 });
    expect(await running.ended).toBe(false);
    expect(running.deferred()).toEqual({ ...slow, items: [3, 2], dueMs: 400 });
  });

  it('names the need before the wait when items were left for both, and when the first wait is over', async () => {
    const { running, end } = rig();
    const big = { cause: 'oom', detail: 'big', rule: 'rule 2', items: [1], needsMore: true } as const;
    await end(false, slow);
    await end(false, big);
    await end(false, { ...big, detail: 'bigger', items: [2], dueMs: 700 });
    expect(await running.ended).toBe(false);
    expect(running.deferred()).toEqual({ ...big, items: [3, 1, 2], dueMs: 500 });
  });
});
