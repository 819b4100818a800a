import { describe, expect, it } from 'vitest';
import { agreeOnShared } from '../../../src/app/agree-on-shared.ts';
import { planJob } from '../../../src/app/plan-job.ts';
import type { JobLimit } from '../../../src/domain/limit.ts';
import { DEFAULT_POOL_LEASE_MS, type JobPool } from '../../../src/domain/pool.ts';
import { readLimit } from '../../../src/limiter/site-limits.ts';
import { readPool, setPool } from '../../../src/limiter/site-pools.ts';
import type { StateKey } from '../../../src/domain/state-keys.ts';
import { refusal } from '../../support/app-refusal.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const limit: JobLimit = {
  name: 'api',
  definition: { rates: { requests: { amount: 5, perMs: 1_000 } }, quotas: [], burstMs: 0, mode: 'statistical' },
  cost: {},
  per: 'call',
  source: 'job.yaml:4:5',
};
const pool: JobPool = {
  name: 'db',
  definition: { slots: 20, leaseMs: DEFAULT_POOL_LEASE_MS },
  priority: 0,
  per: 'call',
  source: 'job.yaml:6:5',
};

describe('what a job shares with others', () => {
  it("becomes the site's, and says so once", () =>
    withTempDir(async (root) => {
      const deps = createRig(root).process();
      const spec = { name: 'embed', limits: [limit], pools: [pool] };
      expect(await agreeOnShared(deps, { name: 'embed' })).toEqual({});
      expect(await agreeOnShared(deps, spec)).toEqual({
        limits: [
          { name: 'api', figures: 'requests 5/s', isNew: true, source: 'job.yaml:4:5 of job embed by ada@host' },
        ],
        pools: [{ name: 'db', slots: 20, isNew: true, source: 'job.yaml:6:5 of job embed by ada@host' }],
      });
      expect(await agreeOnShared(deps, { ...spec, limits: [] })).toEqual({
        pools: [expect.objectContaining({ isNew: false })],
      });
      expect(await readPool(deps.state, 'db')).toMatchObject({ definition: pool.definition });
    }));

  it('is refused as a whole, by plan too: no limit is stated for a job whose pool contradicts', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { spec: { limits: [limit], pools: [pool] } });
      const deps = rig.process();
      const definition = { slots: 5, leaseMs: DEFAULT_POOL_LEASE_MS };
      await setPool(deps.state, { name: 'db', definition }, { source: 'ada', nowMs: 0 });
      const about = { schedulerFrom: 'test', elementLogDir: () => '/logs' };
      for (const refused of [
        () => agreeOnShared(deps, rig.wanted.spec),
        () => planJob(deps, { ...rig.wanted, warnings: [] }, about),
      ])
        await expect(refused()).rejects.toMatchObject({ code: 'POOL_CONFLICT' });
      expect(await readLimit(deps.state, 'api')).toBeNull();
    }));

  it('is refused with everything that does not fit, and each of it is read once', () =>
    withTempDir(async (root) => {
      const deps = createRig(root).process();
      await agreeOnShared(deps, { name: 'first', limits: [limit], pools: [pool] });
      const other = { ...limit, definition: { ...limit.definition!, burstMs: 1_000 } };
      const { definition: _, ...nowhere } = limit;
      const limits = [other, { ...nowhere, name: 'nowhere' }];
      const pools = [{ ...pool, definition: { ...pool.definition!, slots: 3 } }];
      const concurrency = { group: 'nightly', max: 2, source: 'job.yaml:9:1' };
      await agreeOnShared(deps, { name: 'first', concurrency: { ...concurrency, max: 1 } });
      const read: string[] = [];
      const state = {
        ...deps.state,
        get: (key: StateKey) => (read.push(`${key.partition} ${key.sort}`), deps.state.get(key)),
      };
      const error = await refusal(agreeOnShared({ ...deps, state }, { name: 'embed', limits, pools, concurrency }));
      expect([error.code, error.message, error.hint]).toEqual([
        'LIMIT_CONFLICT',
        'the job and the site disagree about 2 limits, a pool and a group',
        'See what the site says with: slurmctl limit list; and: slurmctl pool list',
      ]);
      expect(error.problems.map(({ message }) => message)).toEqual([
        expect.stringContaining('limit api: job.yaml:4:5 says requests 5/s, burst 1s'),
        expect.stringContaining('pool db: job.yaml:6:5 says 3 slots'),
        expect.stringContaining('group nightly: job.yaml:9:1 says max 2'),
        expect.stringContaining('limit nowhere: the site has none'),
      ]);
      expect(new Set(read).size).toBe(read.length);
    }));

  it('is told in the words of the job file where a group is contradicted', () =>
    withTempDir(async (root) => {
      const deps = createRig(root).process();
      const job = (max: number) => ({ name: 'embed', concurrency: { group: 'nightly', max, source: 'job.yaml:5:14' } });
      await agreeOnShared(deps, job(2));
      await expect(agreeOnShared(deps, job(3))).rejects.toMatchObject({
        code: 'POOL_CONFLICT',
        problems: [
          {
            message:
              'group nightly: job.yaml:5:14 says max 3; the site says max 2 (job.yaml:5:14 of job embed by ada@host)',
            hint: "Drop max there to take the site's, or change the site's with: slurmctl pool set group:nightly --slots 3",
          },
        ],
      });
    }));

  it('is shown by plan', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { spec: { pools: [{ ...pool, definition: { slots: 1, leaseMs: 1_000 } }] } });
      const about = { schedulerFrom: 'test', elementLogDir: () => '/logs' };
      const { limits } = await planJob(rig.process(), { ...rig.wanted, warnings: [] }, about);
      expect(limits.filter(({ name }) => name.startsWith('pool'))).toEqual([
        {
          name: 'pool db',
          value: '1 slot',
          from: `job.yaml:6:5 of job ${rig.wanted.spec.name}; submit makes it the site's`,
        },
      ]);
    }));
});
