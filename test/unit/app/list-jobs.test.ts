import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listDocument } from '../../../src/app/list-document.ts';
import { cutTo, inOrder, mayBeListed, type ListRequest } from '../../../src/app/list-request.ts';
import { createSystemIds } from '../../../src/backends/random.ts';
import { createFsStateTable } from '../../../src/backends/state-table/fs.ts';
import { asJobId, type JobId } from '../../../src/domain/ids.ts';
import { JOB_ORDERS } from '../../../src/domain/job-order.ts';
import { jobIndexKey, metaKey, rollupKey, taskKey } from '../../../src/domain/state-keys.ts';
import { JOB_STATES, type JobState } from '../../../src/domain/states.ts';
import type { NewItem, StateItem } from '../../../src/ports/state-table.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const DAY_MS = 86_400_000;
const NOW = 100 * DAY_MS;

const job = (more: Partial<Parameters<typeof mayBeListed>[0]> = {}) => ({
  name: 'embed-42',
  createdMs: NOW - DAY_MS,
  live: false,
  user: 'ada',
  ...more,
});
const fits = (request: Partial<ListRequest>, more: Parameters<typeof job>[0] = {}): boolean =>
  mayBeListed(job(more), { all: false, ...request }, NOW);

describe('which jobs are listed', () => {
  it('are live and recent ones, older ones with --all or --since', () => {
    const old = { createdMs: NOW - 20 * DAY_MS };
    expect([fits({}), fits({}, old), fits({}, { ...old, live: true })]).toEqual([true, false, true]);
    expect([fits({ all: true }, old), fits({ since: { agoMs: 30 * DAY_MS } }, old)]).toEqual([true, true]);
    expect(fits({ all: true, since: { agoMs: 10 * DAY_MS } }, old)).toBe(false);
    expect([fits({ since: { atMs: NOW - DAY_MS } }), fits({ since: { atMs: NOW - DAY_MS + 1 } })]).toEqual([
      true,
      false,
    ]);
  });

  it('fit every wish', () => {
    expect([fits({ name: 'EMBED-*' }), fits({ name: '*4?' }), fits({ name: 'embed' })]).toEqual([true, true, false]);
    expect([fits({ user: 'ada' }), fits({ user: 'bob' })]).toEqual([true, false]);
    const { user: _user, ...nobody } = job();
    expect(mayBeListed(nobody, { all: true, user: 'ada' }, NOW)).toBe(false);
    expect([fits({ life: 'ended' }), fits({ life: 'live' }), fits({ life: 'live' }, { live: true })]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('the order of jobs', () => {
  const row = fc.record({
    id: fc.string(),
    name: fc.string(),
    state: fc.constantFrom(...JOB_STATES),
    reason: fc.constant(null),
    createdAt: fc.nat(1_000_000).map((ms) => new Date(ms).toISOString()),
    user: fc.constant(null),
    items: fc.record({ total: fc.nat(9), succeeded: fc.nat(9), failed: fc.nat(9), pending: fc.nat(9) }),
  });
  it('keeps every job, and the newest first among equals', () => {
    fc.assert(
      fc.property(fc.array(row), fc.constantFrom(...JOB_ORDERS), (jobs, order) => {
        const sorted = inOrder(jobs, order);
        expect(new Set(sorted)).toEqual(new Set(jobs));
        for (const [at, next] of sorted.slice(1).entries()) {
          const before = sorted[at] as (typeof sorted)[number];
          const isEqual = {
            created: before.createdAt === next.createdAt,
            name: before.name === next.name,
            state: before.state === next.state,
            items: before.items.total === next.items.total,
            failed: before.items.failed === next.items.failed,
          }[order];
          if (isEqual) expect(before.createdAt >= next.createdAt).toBe(true);
          else if (order === 'created') expect(before.createdAt > next.createdAt).toBe(true);
          else if (order === 'name' || order === 'state') expect(before[order] < next[order]).toBe(true);
          else if (order === 'items') expect(before.items.total > next.items.total).toBe(true);
          else expect(before.items.failed > next.items.failed).toBe(true);
        }
        const { jobs: shown, more } = cutTo(sorted, 3);
        expect([shown, more]).toEqual([sorted.slice(0, 3), Math.max(0, jobs.length - 3)]);
      }),
    );
  });
});

describe('the list', () => {
  const idOf = (n: number): JobId => asJobId(`job-${String(n).padStart(8, '0')}`);

  it('reads no task of a job that it does not list', () =>
    withTempDir(async (root) => {
      const clock = createManualClock();
      const nowMs = clock.nowMs();
      const state = createFsStateTable({ root, ids: createSystemIds(clock), clock, fsync: false });
      const items: NewItem[] = [];
      for (let n = 0; n < 60; n += 1) {
        const ended: JobState = n % 3 === 0 ? 'FAILED' : 'COMPLETED';
        const is: JobState = n < 4 ? 'RUNNING' : ended;
        const at = { name: n % 2 === 0 ? 'even' : 'odd', createdMs: nowMs - n * 1_000 };
        const meta = { ...at, state: is, generation: 0, tasks: 1, items: 1, shards: 1, submittedWave: 0 };
        const counts = { total: 1, succeeded: 1, failed: 0, pending: 0 };
        const tasks = { total: 1, pending: 0, submitted: 0, running: 0, wait: 0, done: 1, dead: 0, cancelled: 0 };
        const stored: (readonly [NewItem['key'], unknown])[] = [
          [jobIndexKey(idOf(n)), { ...at, live: n < 4, user: n % 5 === 0 ? 'bob' : 'ada' }],
          [metaKey(idOf(n)), meta],
          ...(n < 4 ? [] : ([[rollupKey(idOf(n)), { generation: 0, tasks, items: counts }]] as const)),
        ];
        items.push(...stored.map(([key, item]) => ({ key, item: item as StateItem })));
      }
      await state.createMany(items);
      const partitions: string[] = [];
      const watched: typeof state = {
        ...state,
        query: (partition, ...rest) => {
          partitions.push(partition);
          return state.query(partition, ...rest);
        },
      };
      const list = (request: Partial<ListRequest>) =>
        listDocument({ state: watched, clock }, { all: false, ...request });
      const names = async (request: Partial<ListRequest>) =>
        (await list(request)).jobs.map(({ id }) => Number(id.slice(4)));
      expect(await names({ limit: 2, states: ['FAILED'] })).toEqual([6, 9]);
      expect(partitions.filter((partition) => partition.includes('#T#'))).toEqual([]);
      expect(await names({ life: 'live' })).toEqual([0, 1, 2, 3]);
      expect(
        partitions.filter((partition) => partition === taskKey(idOf(0), '000000' as never, 1).partition),
      ).toHaveLength(1);
      expect(await names({ name: 'o*', user: 'bob', limit: 3 })).toEqual([5, 15, 25]);
      expect(await list({ limit: 7 })).toMatchObject({ more: 53 });
      expect((await list({ states: ['RUNNING', 'FAILED'], sort: 'state', limit: 1 })).more).toBe(4 + 18 - 1);
      expect((await list({ user: 'ada', limit: 1 })).jobs).toMatchObject([{ user: 'ada' }]);
    }));
});
