import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isAppError } from '../../src/errors/app-error.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { freshTable, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { type FaultProxy, type FaultRule, startFaultProxy } from '../support/fault-proxy.ts';

const KEY = { partition: 'p', sort: 'n' };
const PRESENT = { op: 'item-present' } as const;
const PLUS_ONE = { add: { n: 1 } };

describe('DynamoDB behind a network that loses, delays and doubles', () => {
  let proxy: FaultProxy;
  let urls: { readonly through: string; readonly direct: string };
  /** Through the proxy, and past it. */
  let table: StateTable;
  let direct: StateTable;
  beforeEach(async () => {
    useTestCredentials();
    const made = await freshTable();
    proxy = await startFaultProxy({ targets: { dynamodb: made.endpoint } });
    const through = new URL(made.url);
    through.searchParams.set('endpoint', proxy.endpoint);
    urls = { direct: made.url, through: through.href };
    table = await openDynamoTable(urls.through);
    direct = await openDynamoTable(urls.direct);
    await table.write(KEY, { set: { n: 0, state: 'PENDING' } }, { op: 'item-absent' });
  });
  afterEach(async () => {
    const { troubles } = await proxy.ledger();
    await proxy.stop();
    expect(troubles).toEqual([]);
  });
  const once = (fault: FaultRule['fault'], more: Partial<FaultRule> = {}): FaultRule => ({
    fault,
    operation: 'UpdateItem',
    max: 1,
    ...more,
  });

  it.each(['reset', 'lost', 'lost-error', 'error', 'throttle', 'truncate', 'duplicate', 'repeat', 'ghost'] as const)(
    'applies a write once and tells so, when its request meets: %s',
    async (fault) => {
      let n = 0;
      for (const [which, handle] of Object.entries({
        'wrote it': table,
        'never saw it': await openDynamoTable(urls.through),
      })) {
        await proxy.setRules([once(fault, { delayMs: 50 })]);
        n += 1;
        expect(await handle.write(KEY, PLUS_ONE, PRESENT), `a handle that ${which}`).toEqual({
          applied: true,
          item: { n, state: 'PENDING' },
        });
        expect((await proxy.ledger()).faults[fault]).toBe(n);
        await proxy.settled();
        expect(await direct.get(KEY)).toMatchObject({ n });
      }
    },
  );

  it('takes one more request when somebody else has written since, and knows less when the first is lost', async () => {
    const updates = async () => (await proxy.ledger()).operations['dynamodb UpdateItem']?.received ?? 0;
    const before = await updates();
    await direct.write(KEY, PLUS_ONE, PRESENT);
    expect(await table.write(KEY, PLUS_ONE, PRESENT)).toMatchObject({ applied: true, item: { n: 2 } });
    expect(await updates()).toBe(before + 2);
    await direct.write(KEY, PLUS_ONE, PRESENT);
    await proxy.setRules([once('lost')]);
    await expect(table.write(KEY, PLUS_ONE, PRESENT)).rejects.toMatchObject({ code: 'STATE_UNCERTAIN' });
    expect(await direct.get(KEY)).toMatchObject({ n: 3 });
    expect(await table.write(KEY, PLUS_ONE, PRESENT)).toMatchObject({ applied: true, item: { n: 4 } });
  });

  it('sends a repeatable write once whoever else writes, and again without looking when its answer is lost', async () => {
    const requests = async () => {
      const { operations } = await proxy.ledger();
      return ['UpdateItem', 'GetItem'].map((operation) => operations[`dynamodb ${operation}`]?.received ?? 0);
    };
    const [updates = 0, gets = 0] = await requests();
    const buy = () => table.write(KEY, PLUS_ONE, PRESENT, { repeatable: true });
    await direct.write(KEY, PLUS_ONE, PRESENT);
    expect(await buy()).toMatchObject({ applied: true, item: { n: 2 } });
    await proxy.setRules([once('lost')]);
    expect(await buy()).toMatchObject({ applied: true, item: { n: 4 } });
    await proxy.setRules([once('reset')]);
    expect(await buy()).toMatchObject({ applied: true, item: { n: 5 } });
    expect(await requests()).toEqual([updates + 5, gets]);
  });

  it('knows its own repeatable write when the repetition is refused because the first was applied', async () => {
    const fresh = { partition: 'p', sort: 'fresh' };
    await proxy.setRules([once('lost')]);
    expect(await table.write(fresh, PLUS_ONE, { op: 'item-absent' }, { repeatable: true })).toEqual({
      applied: true,
      item: { n: 1 },
    });
  });

  it('says that it cannot know when a repeatable write stays without an answer', async () => {
    const write = () => table.write(KEY, PLUS_ONE, PRESENT, { repeatable: true });
    await proxy.setRules([once('lost'), { fault: 'denied', operation: 'UpdateItem' }]);
    await expect(write()).rejects.toMatchObject({ code: 'STATE_UNCERTAIN' });
    await expect(write()).rejects.toMatchObject({ code: 'STATE_DENIED' });
  });

  it.each(['lost', 'lost-error', 'truncate', 'repeat', 'ghost'] as const)(
    'does not tell the winner of a condition that it lost: %s',
    async (fault) => {
      await proxy.setRules([once(fault, { delayMs: 0 })]);
      const claim = { set: { state: 'RUNNING', owner: 'me' }, add: { attempts: 1 } };
      const when = { op: 'equals', path: 'state', value: 'PENDING' } as const;
      const won = { n: 0, state: 'RUNNING', owner: 'me', attempts: 1 };
      expect(await table.write(KEY, claim, when)).toEqual({ applied: true, item: won });
      expect(await table.write(KEY, claim, when)).toEqual({ applied: false, current: won });
    },
  );

  it('refuses a first try that arrives after others have written, also for a creation', async () => {
    const fresh = { partition: 'p', sort: 'fresh' };
    await proxy.setRules([{ fault: 'ghost', operation: 'UpdateItem', max: 2, delayMs: 400 }]);
    expect(await table.write(KEY, PLUS_ONE, PRESENT)).toMatchObject({ applied: true, item: { n: 1 } });
    expect(await table.write(fresh, PLUS_ONE, { op: 'item-absent' })).toEqual({ applied: true, item: { n: 1 } });
    for (const key of [KEY, fresh])
      expect(await direct.write(key, PLUS_ONE, PRESENT)).toMatchObject({ applied: true, item: { n: 2 } });
    await proxy.settled();
    expect((await proxy.ledger()).operations['dynamodb UpdateItem']?.refused).toBe(2);
    for (const key of [KEY, fresh]) expect(await direct.get(key)).toMatchObject({ n: 2 });
  });

  it.each(['lost', 'reset'] as const)(
    'says that it cannot know when somebody else writes before it can look: %s (STATE_UNCERTAIN)',
    async (fault) => {
      const requests = async (operation: string) =>
        (await proxy.ledger()).operations[`dynamodb ${operation}`]?.received ?? 0;
      await proxy.setRules([once(fault), { fault: 'latency', operation: 'GetItem', delayMs: 1_000 }]);
      const written = table.write(KEY, PLUS_ONE, PRESENT).catch((error: unknown) => error);
      // The read-back is on its way, and the proxy holds it up.
      await expect.poll(() => requests('GetItem'), { timeout: 5_000, interval: 5 }).toBe(1);
      await direct.write(KEY, { set: { by: 'somebody else' } }, PRESENT);
      expect(await written).toMatchObject({
        code: 'STATE_UNCERTAIN',
        message: expect.stringMatching(/^cannot tell whether the write of p\/n was applied: /),
      });
      expect(await direct.get(KEY)).toMatchObject({ n: fault === 'lost' ? 1 : 0 });
    },
  );

  it('says that it cannot know when it cannot look either, and why', async () => {
    await proxy.setRules([once('lost'), { fault: 'denied', operation: 'GetItem' }]);
    await expect(table.write(KEY, PLUS_ONE, PRESENT)).rejects.toMatchObject({
      code: 'STATE_UNCERTAIN',
      message: expect.stringContaining('GetItem'),
    });
    expect(await direct.get(KEY)).toMatchObject({ n: 1 });
  });

  it('waits for no answer longer than the time-out', async () => {
    const silent = { partition: 'p', sort: 'silent' };
    await table.write(silent, { set: { n: 0 } }, { op: 'item-absent' });
    await proxy.setRules([once('hang', { about: 'silent' }), once('lost-hang')]);
    const [heard, applied] = await Promise.all([silent, KEY].map((key) => table.write(key, PLUS_ONE, PRESENT)));
    expect(heard).toMatchObject({ applied: true, item: { n: 1 } });
    expect(applied).toMatchObject({ applied: true, item: { n: 1 } });
  }, 30_000);

  it('adds up when many write through it at once: never twice, and nothing that was told as applied is missing', async () => {
    const faults = ['lost', 'lost-error', 'reset', 'duplicate', 'truncate', 'throttle', 'ghost'] as const;
    await proxy.setRules(
      faults.map((fault) => ({ fault, service: 'dynamodb', rate: 0.03, delayMs: [1, 200] })),
      11,
    );
    const counters = Array.from({ length: 6 }, (_, n) => ({ partition: 'sum', sort: `${n}` }));
    expect(await table.createMany(counters.map((key) => ({ key, item: { n: 0 } })))).toBe(6);
    const told = counters.map(() => ({ applied: 0, uncertain: 0 }));
    const writers = await Promise.all(Array.from({ length: 4 }, () => openDynamoTable(urls.through)));
    await Promise.all(
      writers.map(async (writer, id) => {
        for (let step = 0; step < 90; step += 1) {
          const at = (step * (id + 1)) % counters.length;
          const sums = told[at] as { applied: number; uncertain: number };
          try {
            const result = await writer.write(counters[at] as typeof KEY, { add: { n: 1, [`w${id}`]: 1 } }, PRESENT);
            expect(result.applied).toBe(true);
            sums.applied += 1;
          } catch (error) {
            if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
            sums.uncertain += 1;
          }
        }
      }),
    );
    await proxy.settled();
    for (const [at, key] of counters.entries()) {
      const item = await direct.get(key);
      const { applied, uncertain } = told[at] as { applied: number; uncertain: number };
      const n = Number(item?.['n']);
      expect(n).toBeGreaterThanOrEqual(applied);
      expect(n).toBeLessThanOrEqual(applied + uncertain);
      const parts = [0, 1, 2, 3].map((id) => Number(item?.[`w${id}`] ?? 0));
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(n);
    }
    const { faults: met } = await proxy.ledger();
    for (const fault of faults) expect(met[fault]).toBeGreaterThan(0);
    expect(told.reduce((sum, { applied }) => sum + applied, 0)).toBeGreaterThan(240);
  });

  it('counts what a creation made although its answer was lost, and leaves a claimed item alone', async () => {
    const items = Array.from({ length: 60 }, (_, n) => ({ key: { partition: 'many', sort: `${n}` }, item: { n } }));
    await direct.createMany(items.slice(0, 10));
    await direct.write({ partition: 'many', sort: '3' }, { set: { owner: 'x' } }, PRESENT);
    await proxy.setRules(
      (['lost', 'lost-error', 'duplicate', 'repeat', 'throttle'] as const).map((fault) => ({
        fault,
        operation: 'PutItem',
        rate: 0.15,
      })),
      5,
    );
    expect(await table.createMany(items)).toBe(50);
    expect(await direct.get({ partition: 'many', sort: '3' })).toEqual({ n: 3, owner: 'x' });
    expect((await proxy.ledger()).faults.lost).toBeGreaterThan(2);
  });

  it('deletes a whole partition although parts of batches are left out', async () => {
    const items = Array.from({ length: 130 }, (_, n) => ({ key: { partition: 'old', sort: `${n}` }, item: { n } }));
    await direct.createMany(items);
    await proxy.setRules([
      { fault: 'unprocessed', max: 4, share: 0.4 },
      { fault: 'lost', operation: 'BatchWriteItem', max: 1 },
    ]);
    await table.deletePartition('old');
    expect((await proxy.ledger()).faults).toMatchObject({ unprocessed: 4, lost: 1 });
    for await (const { sort } of direct.query('old')) expect.fail(`${sort} is left`);
    expect(await direct.get(KEY)).toMatchObject({ n: 0 });
  });
});
