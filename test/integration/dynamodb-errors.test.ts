import { CreateTableCommand, type KeyType, type ScalarAttributeType } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { AwsContext } from '../../src/backends/shared/aws/client-config.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { freshName, freshTable, rawClients, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable, systemContext } from '../support/dynamo-table.ts';
import { type FaultProxy, type FaultRule, startFaultProxy } from '../support/fault-proxy.ts';

const KEY = { partition: 'p', sort: 's' };
const all = async (items: AsyncIterable<unknown>): Promise<unknown[]> => {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
};
/** Each verb of the port, as whoever comes first to a table that is wrong. */
const VERBS: Readonly<Record<string, (table: StateTable) => Promise<unknown>>> = {
  get: (table) => table.get(KEY),
  query: (table) => all(table.query('p', 's')),
  'query of all': (table) => all(table.query('p')),
  create: (table) => table.write(KEY, { set: { a: 1 } }, { op: 'item-absent' }),
  change: (table) => table.write(KEY, { set: { a: 1 } }, { op: 'item-present' }),
  createMany: (table) => table.createMany([{ key: KEY, item: { a: 1 } }]),
  deleteItem: (table) => table.deleteItem(KEY),
  deletePartition: (table) => table.deletePartition('p'),
};

beforeAll(useTestCredentials);

it('says that a table does not exist, and where it looked (STATE_MISSING)', async () => {
  const endpoint = await sharedAwsServer('dynamodb-local');
  const table = await openDynamoTable(`dynamodb://no-such-table?region=us-east-1&endpoint=${endpoint}`);
  for (const [verb, run] of Object.entries(VERBS))
    await expect(run(table), verb).rejects.toMatchObject({
      code: 'STATE_MISSING',
      message: expect.stringMatching(new RegExp(`on dynamodb://no-such-table at ${endpoint} failed`)),
    });
});

type Keys = readonly (readonly [name: string, type: ScalarAttributeType, role: KeyType])[];

describe.each(['dynamodb-local', 'dynalite'] as const)('%s, a table with other keys (STATE_WRONG_SCHEMA)', (server) => {
  it.each<[string, Keys]>([
    ['id (S, HASH)', [['id', 'S', 'HASH']]],
    ['pk (S, HASH)', [['pk', 'S', 'HASH']]],
    [
      'PK (S, HASH), SK (S, RANGE)',
      [
        ['PK', 'S', 'HASH'],
        ['SK', 'S', 'RANGE'],
      ],
    ],
    [
      'pk (N, HASH), sk (S, RANGE)',
      [
        ['pk', 'N', 'HASH'],
        ['sk', 'S', 'RANGE'],
      ],
    ],
    [
      'pk (S, HASH), sk (N, RANGE)',
      [
        ['pk', 'S', 'HASH'],
        ['sk', 'N', 'RANGE'],
      ],
    ],
  ])('%s', async (found, keys) => {
    const endpoint = await sharedAwsServer(server);
    const client = rawClients.dynamodb(endpoint);
    const name = freshName();
    await client.send(
      new CreateTableCommand({
        TableName: name,
        AttributeDefinitions: keys.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
        KeySchema: keys.map(([AttributeName, , KeyType]) => ({ AttributeName, KeyType })),
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    client.destroy();
    const table = await openDynamoTable(`dynamodb://${name}?region=us-east-1&endpoint=${endpoint}`);
    for (const [verb, run] of Object.entries(VERBS)) {
      // A partition can be queried whatever the sort key is.
      if (found.startsWith('pk (S') && ['query of all', 'deletePartition'].includes(verb)) continue;
      await expect(run(table), verb).rejects.toMatchObject({
        code: 'STATE_WRONG_SCHEMA',
        exitCode: 5,
        message: `dynamodb://${name} at ${endpoint}: found the keys ${found}; expected pk (S, HASH), sk (S, RANGE)`,
      });
    }
  });
});

describe('what stands in the way is told', () => {
  let proxy: FaultProxy;
  let context: AwsContext;
  let table: StateTable;
  beforeEach(async () => {
    const made = await freshTable();
    proxy = await startFaultProxy({ targets: { dynamodb: made.endpoint } });
    // Patience passes at once.
    let passedMs = 0;
    const system = systemContext();
    const clock = {
      ...system.clock,
      monotonicMs: () => system.clock.monotonicMs() + passedMs,
      sleep: async (ms: number) => {
        passedMs += ms;
      },
    };
    context = { ...system, clock };
    const url = new URL(made.url);
    url.searchParams.set('endpoint', proxy.endpoint);
    table = await openDynamoTable(url.href, context);
  });
  afterEach(() => proxy.stop());

  it.each<[string, FaultRule, string, RegExp]>([
    ['no permission', { fault: 'denied' }, 'STATE_DENIED', /is not permitted/],
    ['throttling that does not end', { fault: 'throttle' }, 'STATE_UNAVAILABLE', /refused as too fast/],
    ['a clock that is off', { fault: 'skew' }, 'AWS_CLOCK_SKEW', /Signature expired/],
    ['a session that is over', { fault: 'expired' }, 'AWS_CREDENTIALS_EXPIRED', /token/],
    ['a login page', { fault: 'html' }, 'AWS_NOT_A_SERVICE', /not an answer of the service/],
  ])('%s', async (_what, rule, code, message) => {
    await proxy.setRules([rule]);
    for (const [verb, run] of Object.entries(VERBS))
      await expect(run(table), verb).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('which permission is missing', async () => {
    await proxy.setRules([{ fault: 'denied', operation: 'UpdateItem' }]);
    await expect(VERBS['create']?.(table)).rejects.toMatchObject({
      code: 'STATE_DENIED',
      message: expect.stringContaining('UpdateItem on dynamodb://'),
      hint: expect.stringContaining('dynamodb:UpdateItem'),
    });
  });

  it('what other keys a table has, as far as it may be described (STATE_WRONG_SCHEMA)', async () => {
    const message = 'The provided key element does not match the schema';
    await proxy.setRules([
      { fault: 'refuse', code: 'ValidationException', message, operation: 'GetItem' },
      { fault: 'denied', operation: 'DescribeTable' },
    ]);
    await expect(table.get(KEY)).rejects.toMatchObject({
      code: 'STATE_WRONG_SCHEMA',
      message: expect.stringContaining('found the keys others; expected pk (S, HASH), sk (S, RANGE)'),
    });
  });

  it('counts requests and capacity', async () => {
    await table.createMany(Array.from({ length: 3 }, (_, n) => ({ key: { ...KEY, sort: `${n}` }, item: { n } })));
    await table.write({ ...KEY, sort: '0' }, { add: { n: 1 } }, { op: 'item-present' });
    await all(table.query('p'));
    await table.deletePartition('p');
    const sums = context.meter
      .totals()
      .map(({ operation, requests, readUnits, writeUnits }) => [operation, requests, readUnits, writeUnits]);
    expect(sums).toEqual([
      ['BatchWriteItem', 1, 0, 3],
      ['GetItem', 2, 2, 0],
      ['PutItem', 3, 0, 3],
      ['Query', 2, 2, 0],
      ['UpdateItem', 1, 0, 1],
    ]);
  });
});
