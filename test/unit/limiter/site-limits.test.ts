import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFsStateTable } from '../../../src/backends/state-table/fs.ts';
import { limitKey, type JobLimit, type LimitDefinition, type LimitItem } from '../../../src/domain/limit.ts';
import type { AppError } from '../../../src/errors/app-error.ts';
import { agreeOnShared, compareShared } from '../../../src/limiter/agree.ts';
import { deleteLimit, listLimits, readLimit, requireLimit, setLimit } from '../../../src/limiter/site-limits.ts';
import type { StateTable } from '../../../src/ports/state-table.ts';
import { createSkippingClock } from '../../support/coordinator-rig.ts';
import { hostileStateTable } from '../../support/hostile.ts';
import { refusal } from '../../support/app-refusal.ts';
import { createSeededIds, createSeededRandom } from '../../support/seeded-random.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const NOW_MS = 1_700_000_000_000;
const said = (source = 'ada'): { source: string; nowMs: number } => ({ source, nowMs: NOW_MS });

const of = (requests: number, more: Partial<LimitDefinition> = {}): LimitDefinition => ({
  rates: { requests: { amount: requests, perMs: 1_000 } },
  quotas: [],
  burstMs: 0,
  mode: 'statistical',
  ...more,
});
const inJob = (name: string, definition?: LimitDefinition): JobLimit => ({
  name,
  ...(definition === undefined ? {} : { definition }),
  cost: {},
  per: 'call',
  source: 'job.yaml:4:5',
});

const withTable = (work: (state: StateTable) => Promise<void>): Promise<void> =>
  withTempDir((root) =>
    work(createFsStateTable({ root: join(root, 'state'), ids: createSeededIds(1), clock: createSkippingClock() })),
  );

describe('setting a limit', () => {
  it('creates it, and again is no change', () =>
    withTable(async (state) => {
      expect(await setLimit(state, { name: 'api', definition: of(5) }, said())).toMatchObject({
        outcome: 'created',
        before: null,
        item: { definition: of(5), source: 'ada', setMs: NOW_MS, g: NOW_MS, m: 1_000_000, refusals: 0 },
      });
      const again = await setLimit(state, { name: 'api', definition: of(5) }, said('bob'));
      expect(again.outcome).toBe('same');
      expect(await readLimit(state, 'api')).toMatchObject({ source: 'ada', g: NOW_MS });
    }));

  it('changes it under a new generation; what was sold stays sold, and refusals of the old rate count no more', () =>
    withTable(async (state) => {
      await setLimit(state, { name: 'api', definition: of(5) }, said());
      const t = NOW_MS * 1_000 + 10_000_000;
      const sold = { requests: 50 };
      await state.write(limitKey('api'), { set: { t, m: 300_000, la: 1, up: 2, sold } }, { op: 'item-present' });
      const { outcome, before, item } = await setLimit(state, { name: 'api', definition: of(2) }, said('bob'));
      expect([outcome, before?.definition]).toEqual(['changed', of(5)]);
      expect(item).toEqual({
        ...(before as LimitItem),
        definition: of(2),
        source: 'bob',
        g: NOW_MS + 1,
        m: 1_000_000,
        t: NOW_MS * 1_000 + 25_000_000,
        la: undefined,
        up: undefined,
      });
      expect(await readLimit(state, 'api')).toEqual(JSON.parse(JSON.stringify(item)));
    }));

  it('under purchases that race with it, in the end leaves the timeline to them', () =>
    withTable(async (state) => {
      await setLimit(state, { name: 'api', definition: of(5) }, said());
      let purchases = 0;
      const buying: StateTable = {
        ...state,
        get: async (key) => {
          const item = await state.get(key);
          purchases += 1;
          await state.write(key, { set: { t: NOW_MS * 1_000 + purchases } }, { op: 'item-present' });
          return item;
        },
      };
      expect(await setLimit(buying, { name: 'api', definition: of(10) }, said())).toMatchObject({ outcome: 'changed' });
      expect(await readLimit(state, 'api')).toMatchObject({
        definition: of(10),
        g: NOW_MS + 1,
        t: NOW_MS * 1_000 + purchases,
      });
    }));

  it('gives a limit that was deleted a generation that nobody has seen', () =>
    withTable(async (state) => {
      const { item } = await setLimit(state, { name: 'api', definition: of(5) }, said());
      await deleteLimit(state, 'api');
      const later = await setLimit(
        state,
        { name: 'api', definition: of(7) },
        { source: 'ada', nowMs: NOW_MS + 60_000 },
      );
      expect(later.item.g).toBeGreaterThan(item.g);
    }));

  it.each([1, 2, 3, 4, 5, 6])('comes to the same end when answers are lost (seed %d)', (seed) =>
    withTable(async (table) => {
      const state = hostileStateTable(table, {
        random: createSeededRandom(seed),
        rates: { loseAnswer: 0.6, delay: 0.3 },
      });
      const results = [];
      for (const definition of [of(5), of(6), of(6)])
        results.push((await setLimit(state, { name: 'api', definition }, said())).outcome);
      expect(results).toEqual(['created', 'changed', 'same']);
      expect(await readLimit(table, 'api')).toMatchObject({ definition: of(6), g: NOW_MS + 1 });
      expect((await listLimits(table)).map(({ name }) => name)).toEqual(['api']);
    }),
  );
});

describe('the limits of a site', () => {
  it('are listed by name, and gone when deleted', () =>
    withTable(async (state) => {
      for (const name of ['zeta', 'api', 'mid']) await setLimit(state, { name, definition: of(5) }, said());
      expect((await listLimits(state)).map(({ name }) => name)).toEqual(['api', 'mid', 'zeta']);
      await deleteLimit(state, 'mid');
      expect((await listLimits(state)).map(({ name }) => name)).toEqual(['api', 'zeta']);
      expect((await refusal(deleteLimit(state, 'mid'))).code).toBe('LIMIT_UNKNOWN');
      const unknown = await refusal(requireLimit(state, 'mid'));
      expect([unknown.code, unknown.message]).toEqual(['LIMIT_UNKNOWN', 'there is no limit "mid" at this site']);
      expect(unknown.hint).toContain('slurmctl limit set mid --rate 3000/min');
    }));
});

const agreeOnLimits = async (state: StateTable, limits: readonly JobLimit[], by: ReturnType<typeof said>) =>
  (await agreeOnShared(state, { limits, pools: [] }, by)).limits;

describe('what a job says of limits', () => {
  it("becomes the site's where the site says nothing, and says so once", () =>
    withTable(async (state) => {
      const limits = [inJob('api', of(5))];
      expect((await compareShared(state, { limits, pools: [] }, { source: 'job a' })).limits).toMatchObject([
        { name: 'api', isNew: true },
      ]);
      expect(await readLimit(state, 'api')).toBeNull();
      expect(await agreeOnLimits(state, limits, said('job a by ada@n1'))).toEqual([
        { name: 'api', definition: of(5), isNew: true, source: 'job.yaml:4:5 of job a by ada@n1' },
      ]);
      expect(await agreeOnLimits(state, limits, said('job b'))).toMatchObject([
        { isNew: false, source: 'job.yaml:4:5 of job a by ada@n1' },
      ]);
    }));

  it("may be nothing: then the site's figures count", () =>
    withTable(async (state) => {
      await setLimit(state, { name: 'api', definition: of(5) }, said());
      expect(await agreeOnLimits(state, [inJob('api')], said())).toMatchObject([{ definition: of(5), isNew: false }]);
    }));

  it('is another one when the same is allowed over another period', () =>
    withTable(async (state) => {
      await setLimit(state, { name: 'api', definition: of(5) }, said());
      const other = of(5, { rates: { requests: { amount: 300, perMs: 60_000 } } });
      expect((await refusal(agreeOnLimits(state, [inJob('api', other)], said()))).code).toBe('LIMIT_CONFLICT');
      expect(await agreeOnLimits(state, [inJob('api', of(5))], said())).toMatchObject([{ isNew: false }]);
    }));

  it('that contradicts the site is refused with both sources, all limits at once, and nothing is written', () =>
    withTable(async (state) => {
      await setLimit(state, { name: 'api', definition: of(5) }, said('slurmctl limit set by bob on login1'));
      const error = await refusal(
        agreeOnLimits(
          state,
          [inJob('new', of(1)), inJob('api', of(5, { burstMs: 2_000 })), inJob('nowhere')],
          said('job b'),
        ),
      );
      expect(error.code).toBe('LIMIT_CONFLICT');
      expect(error.message).toBe('the job and the site disagree about 2 limits');
      expect(error.problems.map(({ message }) => message)).toEqual([
        'limit api: job.yaml:4:5 says requests 5/s, burst 2s; the site says requests 5/s (slurmctl limit set by bob on login1)',
        'job.yaml:4:5: limit nowhere: the site has none, and the job states no rate',
      ]);
      expect(error.problems.map(({ hint }) => hint)).toEqual([
        "Drop the figures there to take the site's, or change the site's with: slurmctl limit set api --rate 5/s --burst 2s",
        'Add its rate there, or state it with: slurmctl limit set nowhere --rate 3000/min',
      ]);
      expect(await readLimit(state, 'new')).toBeNull();
    }));

  it('nobody ever stated is unknown', () =>
    withTable(async (state) => {
      const error = await refusal(agreeOnLimits(state, [inJob('nowhere')], said()));
      expect([error.code, error.problems.length]).toEqual(['LIMIT_UNKNOWN', 1]);
    }));

  it('at the same moment with other figures: one counts, the other job is refused', () =>
    withTable(async (state) => {
      const jobs = [5, 6, 7].map((rate) => agreeOnLimits(state, [inJob('api', of(rate))], said(`job ${rate}`)));
      const results = await Promise.allSettled(jobs);
      const site = (await requireLimit(state, 'api')).definition;
      const agreed = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      expect(agreed.map(({ definition }) => definition)).toEqual([site]);
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as AppError] : []));
      expect(refused.map(({ code }) => code)).toEqual(['LIMIT_CONFLICT', 'LIMIT_CONFLICT']);
    }));

  it.each([1, 2, 3, 4])('is agreed on when answers are lost (seed %d)', (seed) =>
    withTable(async (table) => {
      const state = hostileStateTable(table, { random: createSeededRandom(seed), rates: { loseAnswer: 0.5 } });
      expect(await agreeOnLimits(state, [inJob('api', of(5))], said())).toMatchObject([{ isNew: true }]);
      expect(await readLimit(table, 'api')).toMatchObject({ definition: of(5) });
    }),
  );
});
