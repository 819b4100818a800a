// The same work for slurmctl's drivers and for the bare SDK: what storing and running tasks asks of a store and a table.
import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createHash } from 'node:crypto';
import { load } from './measure.mjs';

/** As many requests in flight as the splitter and the driver of the table have. */
const OBJECTS_AT_ONCE = 16;
const ITEMS_AT_ONCE = 48;

const PENDING = { state: 'PENDING', generation: 1, wave: 0, items: 100, attempts: 0, charged: 0 };
const MANIFEST = JSON.stringify({
  schema: 'slurmctl.task-manifest/1',
  task: '000000',
  firstItem: 0,
  items: 100,
  bad: [],
});

const numbers = (count) => Array.from({ length: count }, (_none, n) => n);
const sortOf = (n) => String(n).padStart(6, '0');

async function atOnce(most, count, fn) {
  let next = 0;
  const work = async () => {
    while (next < count) {
      next += 1;
      await fn(next - 1);
    }
  };
  await Promise.all(numbers(Math.min(most, count)).map(work));
}

/** What one task needs from being stored to being read back, for `tasks` tasks below a name of their own; ms of each phase. */
export async function runPhases(contender, { run, tasks, batch }) {
  const phases = {
    async put() {
      await atOnce(OBJECTS_AT_ONCE, tasks, async (n) => {
        await contender.put(`${run}/batches/${n}`, batch);
        await contender.put(`${run}/tasks/${n}`, MANIFEST);
      });
    },
    create: () => contender.createMany(run, numbers(tasks).map(sortOf)),
    async get() {
      await atOnce(OBJECTS_AT_ONCE, tasks, async (n) => {
        const bytes = await contender.get(`${run}/batches/${n}`);
        if (bytes.length !== batch.length) throw new Error(`${bytes.length} bytes read`);
      });
    },
    read: () => atOnce(OBJECTS_AT_ONCE, tasks, (n) => contender.read(run, sortOf(n))),
    claim: () => atOnce(OBJECTS_AT_ONCE, tasks, (n) => contender.claim(run, sortOf(n))),
    async list() {
      const seen = await contender.list(run);
      if (seen !== tasks) throw new Error(`${seen} tasks listed`);
    },
  };
  const ms = {};
  for (const [name, phase] of Object.entries(phases)) {
    const start = performance.now();
    await phase();
    ms[name] = performance.now() - start;
  }
  return ms;
}

/** slurmctl's own drivers behind these URLs. */
export async function driverContender(urls, env) {
  const { createSurroundings } = await load('app/job-backends.js');
  const { openState, openStore } = await load('app/open-backends.js');
  const surroundings = createSurroundings({ ...process.env, ...env });
  const { store } = await openStore(urls.store, surroundings);
  const state = await openState(urls.state, surroundings);
  const keyOf = (partition, sort) => ({ partition, sort });
  return {
    put: (key, body) => store.put(key, body),
    get: (key) => store.get(key),
    createMany: (partition, sorts) =>
      state.createMany(sorts.map((sort) => ({ key: keyOf(partition, sort), item: PENDING }))),
    read: (partition, sort) => state.get(keyOf(partition, sort)),
    async claim(partition, sort) {
      const change = { set: { state: 'RUNNING', owner: '1_0.0' }, add: { attempts: 1 } };
      const { applied } = await state.write(keyOf(partition, sort), change, {
        op: 'equals',
        path: 'state',
        value: 'PENDING',
      });
      if (!applied) throw new Error('a claim was refused');
    },
    async list(partition) {
      let count = 0;
      for await (const { item } of state.query(partition)) count += item.state === 'RUNNING' ? 1 : 0;
      return count;
    },
  };
}

const attributesOf = (item) =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  );

/** The SDK as its documentation shows it, with the requests that the drivers send; sockets enough for all in flight. */
export function bareContender({ bucket, table, env }) {
  const handler = () => new NodeHttpHandler({ httpAgent: { keepAlive: true, maxSockets: 64 } });
  const s3 = new S3Client({ endpoint: env.AWS_ENDPOINT_URL_S3, forcePathStyle: true, requestHandler: handler() });
  const dynamodb = new DynamoDBClient({ endpoint: env.AWS_ENDPOINT_URL_DYNAMODB, requestHandler: handler() });
  const common = { TableName: table, ReturnConsumedCapacity: 'TOTAL' };
  const keyOf = (partition, sort) => ({ pk: { S: partition }, sk: { S: sort } });
  return {
    async put(key, body) {
      const sha256 = createHash('sha256').update(body).digest('hex');
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, Metadata: { sha256 } }));
    },
    async get(key) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Body.transformToByteArray();
    },
    createMany: (partition, sorts) =>
      atOnce(ITEMS_AT_ONCE, sorts.length, (n) =>
        dynamodb.send(
          new PutItemCommand({
            ...common,
            Item: { ...keyOf(partition, sorts[n]), ...attributesOf(PENDING), _w: { S: `01ARZ3NDEKTSV4RRFFQ69G${n}` } },
            ConditionExpression: 'attribute_not_exists(#p)',
            ExpressionAttributeNames: { '#p': 'pk' },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
      ),
    read: (partition, sort) =>
      dynamodb.send(new GetItemCommand({ ...common, Key: keyOf(partition, sort), ConsistentRead: true })),
    claim: (partition, sort) =>
      dynamodb.send(
        new UpdateItemCommand({
          ...common,
          Key: keyOf(partition, sort),
          UpdateExpression: 'SET #s = :r, #o = :o, #w = :n ADD #a :one',
          ConditionExpression: '#s = :p AND #w <> :n',
          ExpressionAttributeNames: { '#s': 'state', '#o': 'owner', '#a': 'attempts', '#w': '_w' },
          ExpressionAttributeValues: attributesOf({
            ':r': 'RUNNING',
            ':o': '1_0.0',
            ':p': 'PENDING',
            ':n': `x${sort}`,
            ':one': 1,
          }),
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    async list(partition) {
      let [count, from] = [0, undefined];
      do {
        const page = await dynamodb.send(
          new QueryCommand({
            ...common,
            ConsistentRead: true,
            KeyConditionExpression: '#p = :p',
            ExpressionAttributeNames: { '#p': 'pk' },
            ExpressionAttributeValues: { ':p': { S: partition } },
            ...(from === undefined ? {} : { ExclusiveStartKey: from }),
          }),
        );
        count += page.Items.length;
        from = page.LastEvaluatedKey;
      } while (from !== undefined);
      return count;
    },
  };
}
