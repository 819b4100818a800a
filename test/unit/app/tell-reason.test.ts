import { expect, it } from 'vitest';
import { tellInterrupted, tellReason } from '../../../src/app/status-document.ts';
import type { JobMeta } from '../../../src/domain/job-item.ts';

const event = (kind: 'pause' | 'retry', text: string, atMs: number) => ({
  id: `e${atMs}`,
  atMs,
  kind,
  text,
  by: 'ada@n1',
});
const stateOf = (kept: ReturnType<typeof event>[]) =>
  ({
    async *query() {
      for (const { id, ...item } of kept) yield { sort: `EVENT#${id}`, item };
    },
  }) as never;
const reason = (meta: Partial<JobMeta>, kept: ReturnType<typeof event>[]) =>
  tellReason(stateOf(kept), 'j-1' as never, meta as JobMeta);

it('a paused job waits for its pause, also when something else was done to it since', async () => {
  const pause = event('pause', 'paused: lunch', 1);
  const retry = event('retry', '6 items of 1 task run again', 2);
  expect(await reason({ state: 'PAUSED', lastEvent: pause as never }, [pause])).toBe('paused: lunch (ada@n1)');
  expect(await reason({ state: 'PAUSED', lastEvent: retry as never }, [pause])).toBe('paused: lunch (ada@n1)');
  expect(await reason({ state: 'PAUSED', lastEvent: retry as never }, [])).toBeNull();
  expect(await reason({ state: 'RUNNING', lastEvent: retry as never }, [pause])).toBeNull();
});

it('a submit that nobody is at any more was interrupted, and advance goes on with it', async () => {
  const told = (lock: unknown, { state = 'SUBMITTING', alive = true } = {}) =>
    tellInterrupted(
      { state: { get: async () => lock }, host: { mayBeAlive: () => alive } } as never,
      'j-1' as never,
      { state } as JobMeta,
    );
  const held = { held: true, owner: 'n1:77:1' };
  const said = 'its submit was interrupted; go on with: slurmctl advance j-1';
  expect([await told(held), await told(null, { state: 'RUNNING' })]).toEqual([null, null]);
  expect([await told(held, { alive: false }), await told({ held: false }), await told(null)]).toEqual([
    said,
    said,
    said,
  ]);
});
