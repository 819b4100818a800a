import { expect, it } from 'vitest';
import { readUndelivered } from '../../../src/app/undelivered.ts';
import { asJobId } from '../../../src/domain/ids.ts';
import { outboxItem } from '../observe/alerts/outbox-item.fixture.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';

const JOB = asJobId('embed-7k3f9q2m');
const NOW = 1_700_000_000_000;
const failed = { ...outboxItem({ job: JOB, to: 'team', tries: 1 }), createdMs: NOW, claimedMs: NOW };

/** A table with these alerts of the job, that counts how often its outbox is read. */
function tableWith(alerts: StateItem | null) {
  const prefixes: (string | undefined)[] = [];
  return {
    prefixes,
    get: async () => alerts,
    async *query(_: string, prefix?: string) {
      prefixes.push(prefix);
      yield { sort: `${JOB}#0#failed`, item: { ...failed, notBeforeMs: NOW, detail: 'gone' } as unknown as StateItem };
    },
  };
}

it('the outbox of all jobs is read for a job that has told something, and from its place on', async () => {
  const episode = { number: 1, open: true, sinceMs: NOW, calmMs: null };
  for (const [alerts, reads] of [
    [null, 0],
    [{ generation: 0, episodes: {} }, 0],
    [{ generation: 0, episodes: { 'failed-x': episode } }, 1],
    // What the first generation told may still wait.
    [{ generation: 1, episodes: {} }, 1],
  ] as const) {
    const table = tableWith(alerts);
    expect(await readUndelivered(table, NOW, JOB)).toHaveLength(reads);
    expect(table.prefixes).toEqual(reads === 0 ? [] : [`${JOB}#`]);
  }
  expect(await readUndelivered(tableWith(null), NOW)).toMatchObject([{ to: 'team', waiting: 1 }]);
});
