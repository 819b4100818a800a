import { beforeAll, expect, it } from 'vitest';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createPools } from '../../src/limiter/pools.ts';
import { deletePool, evictSlot, lookAtPool, setPool } from '../../src/limiter/site-pools.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Pools } from '../../src/ports/limiter.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { freshTable, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { eventually } from '../support/live-processes.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';

const SLOTS = 2;
const LEASE_MS = 3_000;
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const clock = createSystemClock();
const said = { source: 'ada', nowMs: 0 };

const poolsOf = (state: StateTable, seed: number): Pools =>
  createPools({
    state,
    clock,
    random: createSeededRandom(seed),
    ids: createSeededIds(seed),
    log: quiet,
    holder: { job: 'job-1', node: `n${seed}` },
    priorities: {},
  });

let url: string;
beforeAll(async () => {
  useTestCredentials();
  ({ url } = await freshTable({ endpoint: await sharedAwsServer('dynamodb-local') }));
});

it('processes that share a pool in DynamoDB take turns, hear of an eviction, and leave nothing held', async () => {
  const state = await openDynamoTable(url);
  await setPool(state, { name: 'db', definition: { slots: SLOTS, leaseMs: LEASE_MS } }, said);
  let live = 0;
  let most = 0;
  const fences = new Set<string>();
  const work = async (pools: Pools): Promise<void> => {
    for (let round = 0; round < 2; round += 1) {
      await using slot = await pools.acquire('db');
      fences.add(`${slot.index}/${slot.fence}`);
      live += 1;
      most = Math.max(most, live);
      // However slow the table is: nobody goes before all slots were held at once.
      await eventually('all slots are held', () => most >= SLOTS);
      await clock.sleep(30);
      live -= 1;
    }
    await pools.close();
  };
  const tables = await Promise.all(Array.from({ length: 5 }, () => openDynamoTable(url)));
  await Promise.all(tables.map((table, seed) => work(poolsOf(table, seed))));
  expect([most, fences.size]).toEqual([SLOTS, 10]);

  const pools = poolsOf(state, 9);
  const slot = await pools.acquire('db');
  const lost = new Promise<unknown>((resolve) => {
    slot.signal.addEventListener('abort', () => resolve(slot.signal.reason));
  });
  await evictSlot(state, { name: 'db', slot: slot.index }, said);
  expect(await lost).toMatchObject({ code: 'POOL_SLOT_LOST' });
  await pools.close();
  const view = await lookAtPool(state, 'db');
  const held = [...view.slots.values(), ...view.places.values()].filter(({ owner }) => owner !== undefined);
  expect(held).toEqual([]);
  await deletePool(state, 'db');
});
