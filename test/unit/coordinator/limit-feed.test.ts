import { describe, expect, it } from 'vitest';
import { fedNow } from '../../../src/coordinator/limit-feed.ts';
import { planElements } from '../../../src/coordinator/plan-array.ts';
import { submitJob } from '../../../src/coordinator/submit-job.ts';
import type { JobLimit, LimitDefinition } from '../../../src/domain/limit.ts';
import { limitKey } from '../../../src/domain/limit.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const perSec = (amount: number): LimitDefinition => ({
  rates: { requests: { amount, perMs: 1_000 } },
  quotas: [],
  burstMs: 0,
  mode: 'statistical',
});
const limit = (more: Partial<JobLimit>): JobLimit => ({
  name: 'api',
  cost: {},
  per: 'item',
  source: 'job.yaml',
  ...more,
});
const handler = { kind: 'command', argv: ['cat'], concurrency: 2, timeoutMs: 10_000 } as const;
const site = (definition: LimitDefinition | null) => ({
  get: async () => (definition === null ? null : ({ definition, sold: {} } as unknown as StateItem)),
});

const seen = (tries?: number, ms = 0) => ({ nowMs: 0, ...(tries === undefined ? {} : { tries: { tries, ms } }) });

describe('what limits can feed', () => {
  it("is the site's figure with the longest item, and the least of all limits", async () => {
    const limits = [limit({}), limit({ name: 'slow', definition: perSec(1) })];
    expect(await fedNow(site(perSec(4)), { limits: limits.slice(0, 1), handler }, seen())).toEqual({
      elements: 24,
      reason: 'limit api feeds this many, even with items of 10 s (handler.timeout)',
    });
    expect(await fedNow(site(null), { limits, handler }, seen())).toMatchObject({ elements: 6 });
  });

  it('goes by what tries were seen to take, once there were some', async () => {
    const limits = [limit({})];
    expect(await fedNow(site(perSec(4)), { limits, handler }, seen(100, 123_400))).toEqual({
      elements: 3,
      reason: 'limit api feeds this many, with tries of 1.2 s as measured',
    });
    expect(await fedNow(site(perSec(4)), { limits, handler }, seen(19, 19))).toMatchObject({
      elements: 24,
    });
  });

  it('counts a cost that differs from item to item with the mean of what was sold', async () => {
    const definition = { ...perSec(100), rates: { ...perSec(100).rates, tokens: { amount: 1_000, perMs: 1_000 } } };
    const limits = [limit({ cost: { tokens: ['payload', 'tokens'] } })];
    const fed = async (sold: Record<string, number>) => {
      const get = async () => ({ definition, sold }) as unknown as StateItem;
      return (await fedNow({ get }, { limits, handler }, seen()))?.elements;
    };
    expect(await fed({ requests: 1_000, tokens: 50_000 })).toBe(120);
    expect(await fed({ requests: 99, tokens: 50_000 })).toBe(600);
    expect(await fed({ requests: 1_000 })).toBe(600);
  });

  it('asks for each limit once, also where a quota could be used up', async () => {
    const asked: string[] = [];
    const get = async ({ partition }: { readonly partition: string }) => {
      asked.push(partition);
      return { definition: perSec(4), sold: {}, windows: {} } as unknown as StateItem;
    };
    await fedNow({ get }, { limits: [limit({}), limit({ name: 'other', per: 'call' })], handler }, seen());
    expect(asked).toEqual([limitKey('api').partition, limitKey('other').partition]);
  });

  it('is not known of limits that items may pass by, and without limits', async () => {
    expect(await fedNow(site(perSec(4)), { limits: [limit({ per: 'call' })], handler }, seen())).toBeNull();
    expect(await fedNow(site(null), { limits: [limit({})], handler }, seen())).toBeNull();
    expect(await fedNow(site(null), { handler }, seen())).toBeNull();
  });

  it('bounds the elements that slurmctl chooses, not those that the user does', () => {
    const fed = { elements: 3, reason: 'limit api feeds this many' };
    expect(planElements({ elements: 'auto' }, 100, 16, fed)).toEqual(fed);
    expect(planElements({ elements: 'auto' }, 2, 16, fed).elements).toBe(2);
    expect(planElements({ elements: 8 }, 100, 16, fed).elements).toBe(8);
    expect(planElements({ elements: 'tasks' }, 100, 16, fed).elements).toBe(100);
  });

  it('is what a submit asks for', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { items: 20, batchItems: 1, slots: 16, spec: { limits: [limit({})], handler } });
      const deps = rig.process();
      const item = { definition: perSec(1), sold: {}, windows: {} } as unknown as StateItem;
      await deps.state.write(limitKey('api'), { set: item }, { op: 'item-absent' });
      await submitJob(deps, rig.wanted, { patienceMs: 0 });
      const elements = rig.batch.accepted.flatMap(({ request }) =>
        request.array === undefined ? [] : [request.array.count],
      );
      expect(elements).toEqual([6]);
    }));
});
