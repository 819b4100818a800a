import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AWS_REGION, freshTable, rawClients, sharedAwsServer } from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';

let proxy: FaultProxy;
let through: DynamoDBClient;
let direct: DynamoDBClient;
let TableName: string;

beforeAll(async () => {
  const endpoint = await sharedAwsServer('dynamodb-local');
  proxy = await startFaultProxy({ targets: { dynamodb: endpoint } });
  through = impatient();
  direct = rawClients.dynamodb(endpoint);
  TableName = (await freshTable()).table;
});
beforeEach(() => proxy.setRules([]));
afterAll(async () => {
  through.destroy();
  direct.destroy();
  await proxy.stop();
});

const impatient = (maxAttempts = 1): DynamoDBClient =>
  new DynamoDBClient({
    endpoint: proxy.endpoint,
    region: AWS_REGION,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts,
    requestHandler: new NodeHttpHandler({ requestTimeout: 1_500, throwOnRequestTimeout: true }),
  });

let keys = 0;
const freshKey = () => ({ pk: { S: `p${(keys += 1)}` }, sk: { S: 's' } });
type Key = ReturnType<typeof freshKey>;
const add = (Key: Key, client = through) =>
  client.send(
    new UpdateItemCommand({
      TableName,
      Key,
      UpdateExpression: 'ADD c :one',
      ExpressionAttributeValues: { ':one': { N: '1' } },
    }),
  );
const count = async (Key: Key, client = direct, ConsistentRead = true): Promise<number> =>
  Number((await client.send(new GetItemCommand({ TableName, Key, ConsistentRead }))).Item?.['c']?.N ?? 0);
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('refused by the proxy, as DynamoDB refuses', () => {
  it.each<[FaultRule, { status: number; name: string; message?: unknown }]>([
    [{ fault: 'throttle' }, { name: 'ProvisionedThroughputExceededException', status: 400 }],
    [
      { fault: 'throttle', code: 'ThrottlingException' },
      { name: 'ThrottlingException', status: 400 },
    ],
    [{ fault: 'error' }, { name: 'InternalServerError', status: 500 }],
    [{ fault: 'unavailable' }, { name: 'ServiceUnavailable', status: 503 }],
    [
      { fault: 'denied' },
      { name: 'AccessDeniedException', status: 400, message: expect.stringContaining('dynamodb:UpdateItem') },
    ],
    [{ fault: 'expired' }, { name: 'ExpiredTokenException', status: 400 }],
    [
      { fault: 'skew' },
      { name: 'InvalidSignatureException', status: 400, message: expect.stringMatching(/^Signature expired: \d{8}T/) },
    ],
    [{ fault: 'conflict' }, { name: 'TransactionConflictException', status: 400 }],
    [
      { fault: 'refuse', code: 'ResourceNotFoundException', message: 'gone' },
      { name: 'ResourceNotFoundException', status: 400, message: 'gone' },
    ],
  ])('%o', async (rule, { status, ...expected }) => {
    await proxy.setRules([rule]);
    const key = freshKey();
    const error = await failure(add(key));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ ...expected, $metadata: { httpStatusCode: status } });
    expect(await count(key)).toBe(0);
  });

  it('a login page', async () => {
    await proxy.setRules([{ fault: 'html' }]);
    const error = (await failure(add(freshKey()))) as { $response?: { headers: Record<string, string> } };
    expect(error.$response?.headers['content-type']).toMatch('text/html');
  });

  it('a transaction that meets another', async () => {
    await proxy.setRules([{ fault: 'conflict' }]);
    const TransactItems = [freshKey(), freshKey()].map((Item) => ({ Put: { TableName, Item } }));
    const error = await failure(through.send(new TransactWriteItemsCommand({ TransactItems })));
    expect(error).toMatchObject({
      name: 'TransactionCanceledException',
      message: expect.stringContaining('[TransactionConflict, None]'),
      CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
    });
  });

  it("something the SDK's retries get over", async () => {
    await proxy.setRules([{ fault: 'throttle', max: 2 }]);
    const client = impatient(3);
    const key = freshKey();
    await add(key, client);
    client.destroy();
    expect(await count(key)).toBe(1);
  });
});

describe('connections', () => {
  it.each<[FaultRule, object, number]>([
    [{ fault: 'reset' }, { code: 'ECONNRESET' }, 0],
    [{ fault: 'hang' }, { name: 'TimeoutError' }, 0],
    [{ fault: 'lost' }, { code: 'ECONNRESET' }, 1],
    [{ fault: 'lost-hang' }, { name: 'TimeoutError' }, 1],
    [{ fault: 'lost-error' }, { name: 'InternalServerError' }, 1],
    [{ fault: 'late', delayMs: 3_000 }, { name: 'TimeoutError' }, 1],
    [{ fault: 'ghost', delayMs: 100 }, { code: 'ECONNRESET' }, 1],
    [{ fault: 'truncate' }, {}, 1],
  ])('%o', async (rule, expected, applied) => {
    await proxy.setRules([rule]);
    const key = freshKey();
    const error = await failure(add(key));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(expected);
    await proxy.settled();
    expect(await count(key)).toBe(applied);
  });

  it("the SDK's own retry of a lost answer applies an ADD twice, and tells the owner of an item that it is somebody else's", async () => {
    const client = impatient(3);
    await proxy.setRules([{ fault: 'lost', max: 1 }]);
    const key = freshKey();
    await add(key, client);
    expect(await count(key)).toBe(2);
    await proxy.setRules([{ fault: 'lost', max: 1 }]);
    const lock = { TableName, Item: freshKey(), ConditionExpression: 'attribute_not_exists(pk)' };
    expect(await failure(client.send(new PutItemCommand(lock)))).toMatchObject({
      name: 'ConditionalCheckFailedException',
    });
    client.destroy();
  });
});

describe('what DynamoDB may do', () => {
  it('apply a request twice', async () => {
    for (const fault of ['duplicate', 'repeat'] as const) {
      await proxy.setRules([{ fault }]);
      const key = freshKey();
      await add(key);
      expect(await count(key)).toBe(2);
    }
  });

  it('leave a part of a batch undone', async () => {
    const items = Array.from({ length: 10 }, freshKey);
    await proxy.setRules([{ fault: 'unprocessed' }]);
    const RequestItems = { [TableName]: items.map((Item) => ({ PutRequest: { Item } })) };
    const written = await through.send(new BatchWriteItemCommand({ RequestItems }));
    const left = (written.UnprocessedItems?.[TableName] ?? []).map(({ PutRequest }) => PutRequest?.Item?.['pk']?.S);
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(10);
    for (const key of items) {
      const { Item } = await direct.send(new GetItemCommand({ TableName, Key: key }));
      expect(Item === undefined).toBe(left.includes(key.pk.S));
    }
    const got = await through.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: items } } }));
    const unread = got.UnprocessedKeys?.[TableName]?.Keys ?? [];
    expect(unread.length).toBeGreaterThan(0);
    expect((got.Responses?.[TableName] ?? []).length).toBeLessThan(10);
  });

  it('give an older item, but not to a consistent read', async () => {
    const key = freshKey();
    for (const expected of [1, 2]) {
      await add(key);
      expect(await count(key, through)).toBe(expected);
    }
    await proxy.setRules([{ fault: 'stale' }]);
    const { faults: before } = await proxy.ledger();
    expect(await count(key, through, false)).toBe(1);
    expect(await count(key, through, true)).toBe(2);
    expect((await proxy.ledger()).faults.stale).toBe((before.stale ?? 0) + 1);
    const query = async (ConsistentRead: boolean) => {
      const { Items } = await through.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :p',
          ExpressionAttributeValues: { ':p': key.pk },
          ConsistentRead,
        }),
      );
      return Number(Items?.[0]?.['c']?.N);
    };
    expect(await query(false)).toBe(2);
    await add(key);
    expect(await query(false)).toBe(2);
    expect(await query(true)).toBe(3);
  });
});
