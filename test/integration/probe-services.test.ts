import {
  CreateTableCommand,
  ScanCommand,
  UpdateTimeToLiveCommand,
  type AttributeDefinition,
  type KeySchemaElement,
} from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceUrl } from '../../src/backends/probe/services.ts';
import { formatBackendUrl } from '../../src/domain/backend-url.ts';
import {
  AWS_REGION,
  freshBucket,
  freshName,
  freshQueue,
  freshTable,
  rawClients,
  sharedAwsServer,
  useTestCredentials,
  type FreshBucket,
  type FreshQueue,
  type FreshTable,
} from '../support/aws-resources.ts';
import { startAwsServer } from '../support/aws-servers.ts';
import { lineOf, probe, verdictsOf } from '../support/probe-rig.ts';

let s3: ReturnType<typeof rawClients.s3>;
let sqs: ReturnType<typeof rawClients.sqs>;
let dynamodb: ReturnType<typeof rawClients.dynamodb>;

beforeAll(async () => {
  useTestCredentials();
  const [fauxqs, local] = await Promise.all([sharedAwsServer('fauxqs'), sharedAwsServer('dynamodb-local')]);
  s3 = rawClients.s3(fauxqs);
  sqs = rawClients.sqs(fauxqs);
  dynamodb = rawClients.dynamodb(local);
});
afterAll(() => [s3, sqs, dynamodb].forEach((client) => client.destroy()));

const store = ({ url }: FreshBucket): ServiceUrl => ({ area: 'store', url });
const state = ({ url }: FreshTable): ServiceUrl => ({ area: 'state', url });
const queue = ({ url }: FreshQueue): ServiceUrl => ({ area: 'queue', url });

const keysIn = async (bucket: string): Promise<(string | undefined)[]> =>
  ((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key }) => Key);

async function messagesIn(url: string): Promise<number> {
  const all = ['', 'NotVisible', 'Delayed'].map((kind) => `ApproximateNumberOfMessages${kind}` as const);
  const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: all as never }));
  return Object.values(answer.Attributes ?? {}).reduce((sum, count) => sum + Number(count), 0);
}

describe('services in order', () => {
  it('everything is tried, found right within seconds, and nothing is left', async () => {
    const [bucket, table, line] = await Promise.all([freshBucket(), freshTable(), freshQueue()]);
    await dynamodb.send(
      new UpdateTimeToLiveCommand({
        TableName: table.table,
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      }),
    );
    const startMs = performance.now();
    const found = await probe([store(bucket), state(table), queue(line)]);
    expect(performance.now() - startMs).toBeLessThan(8_000);
    const names = [
      ['credentials', 'service clock'],
      [
        'store',
        'store objects',
        'store checksums',
        'store listing',
        'store uploads',
        'store conditions',
        'store removal',
      ],
      ['state', 'state table', 'state expiry', 'state conditions', 'state queries', 'state removal'],
      ['queue', 'queue kind', 'queue dead letters', 'queue messages'],
    ].flat();
    expect(found.verdicts.map(({ name, verdict }) => [name, verdict])).toEqual(names.map((name) => [name, 'ok']));
    expect(lineOf(found, 'credentials')).toContain(
      'key AKIA…CAL0 from the environment (AWS_ACCESS_KEY_ID), region us-east-1',
    );
    expect(lineOf(found, 'store conditions')).toContain('honoured');
    expect(lineOf(found, 'state conditions')).toContain('with the old item');
    expect(lineOf(found, 'state conditions')).toContain('consumed capacity is reported');
    expect(JSON.stringify(found)).not.toContain(process.env['AWS_SECRET_ACCESS_KEY']);
    expect(found.services.map(({ url }) => url)).toEqual([bucket.url, table.url, line.url]);

    expect(await keysIn(bucket.bucket)).toEqual([]);
    expect((await dynamodb.send(new ScanCommand({ TableName: table.table }))).Items).toEqual([]);
    expect(await messagesIn(line.queueUrl)).toBe(0);
  });

  it('objects of the store are left alone', async () => {
    const bucket = await freshBucket({ prefix: '' });
    for (const Key of ['jobs/a/manifest.json', 'doctor-notes.txt'])
      await s3.send(new PutObjectCommand({ Bucket: bucket.bucket, Key, Body: 'mine' }));
    expect(verdictsOf(await probe([store(bucket)]))).toMatchObject({ 'store removal': 'ok' });
    expect(await keysIn(bucket.bucket)).toEqual(['doctor-notes.txt', 'jobs/a/manifest.json']);
  });

  it('what a killed probe left is removed an hour later, not before', async () => {
    const bucket = await freshBucket({ prefix: 'run' });
    await s3.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: 'run/doctor/old/object', Body: 'left' }));
    await probe([store(bucket)]);
    expect(await keysIn(bucket.bucket)).toEqual(['run/doctor/old/object']);
    await probe([store(bucket)], { aheadMs: 2 * 3_600_000 });
    expect(await keysIn(bucket.bucket)).toEqual([]);
  });

  it('waiting messages of others are not received, because each receive brings them nearer to the dead letters', async () => {
    const line = await freshQueue();
    await sqs.send(new SendMessageCommand({ QueueUrl: line.queueUrl, MessageBody: 'of somebody' }));
    expect(lineOf(await probe([queue(line)]), 'queue messages')).toContain('ok: 1 messages wait; none was touched');
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: line.queueUrl, MessageSystemAttributeNames: ['ApproximateReceiveCount'] }),
    );
    expect(Messages?.map(({ Body, Attributes }) => [Body, Attributes?.ApproximateReceiveCount])).toEqual([
      ['of somebody', '1'],
    ]);
  });

  it('two probes at once do not disturb each other', async () => {
    const [bucket, table] = await Promise.all([freshBucket(), freshTable()]);
    const urls = [store(bucket), state(table)];
    for (const found of await Promise.all([probe(urls), probe(urls)]))
      expect(Object.values(verdictsOf(found))).not.toContain('fail');
    expect(await keysIn(bucket.bucket)).toEqual([]);
    expect((await dynamodb.send(new ScanCommand({ TableName: table.table }))).Items).toEqual([]);
  });
});

describe('servers with gaps', () => {
  it('dynalite: refusals without the old item, expiry unknown, all else right', async () => {
    const table = await freshTable({ endpoint: await sharedAwsServer('dynalite') });
    const found = await probe([state(table)]);
    expect(verdictsOf(found)).toEqual({
      credentials: 'ok',
      ...verdictsOf({ ...found, verdicts: found.verdicts.filter(({ name }) => name === 'service clock') }),
      state: 'ok',
      'state table': 'ok',
      'state expiry': 'warn',
      'state conditions': 'ok',
      'state queries': 'ok',
      'state removal': 'ok',
    });
    expect(lineOf(found, 'state conditions')).toContain('without the old item, which is read back instead');
  });

  it('an S3 server without conditional writes is fine, and the fact is shown', async () => {
    const server = await startAwsServer('fauxqs', { plain: true });
    try {
      const found = await probe([store(await freshBucket({ endpoint: server.endpoint }))]);
      expect(lineOf(found, 'store conditions')).toBe(
        'ok: If-None-Match is ignored; slurmctl does not depend on it → nothing',
      );
    } finally {
      await server.stop();
    }
  });
});

/** A table with other keys than those that slurmctl wants. */
async function tableWith(keys: readonly [name: string, type: 'S' | 'N'][]): Promise<FreshTable> {
  const endpoint = await sharedAwsServer('dynamodb-local');
  const table = freshName();
  const definitions: AttributeDefinition[] = keys.map(([AttributeName, AttributeType]) => ({
    AttributeName,
    AttributeType,
  }));
  const schema: KeySchemaElement[] = keys.map(([AttributeName], index) => ({
    AttributeName,
    KeyType: index === 0 ? 'HASH' : 'RANGE',
  }));
  await dynamodb.send(
    new CreateTableCommand({
      TableName: table,
      AttributeDefinitions: definitions,
      KeySchema: schema,
      ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 6 },
    }),
  );
  const url = formatBackendUrl({ service: 'dynamodb', table, aws: { region: AWS_REGION, endpoint } });
  return { table, url, endpoint };
}

describe('resources that are not what they should be', () => {
  it.each([
    [
      'other names',
      [
        ['id', 'S'],
        ['range', 'S'],
      ] as [string, 'S' | 'N'][],
      'id (S, partition), range (S, sort)',
    ],
    [
      'another type',
      [
        ['pk', 'S'],
        ['sk', 'N'],
      ] as [string, 'S' | 'N'][],
      'pk (S, partition), sk (N, sort)',
    ],
    ['no sort key', [['pk', 'S']] as [string, 'S' | 'N'][], 'pk (S, partition)'],
  ])('a table whose key has %s', async (_, keys, words) => {
    const found = await probe([state(await tableWith(keys))]);
    expect(lineOf(found, 'state table')).toMatch(/^fail: /);
    expect(lineOf(found, 'state table')).toContain(`has the keys ${words}, expected pk (S, partition), sk (S, sort)`);
    expect(lineOf(found, 'state table')).toContain('slurmctl init --aws');
    expect(found.verdicts.filter(({ verdict }) => verdict === 'fail')).toHaveLength(1);
  });

  it('a table with fixed throughput and no expiry works, with warnings', async () => {
    const found = await probe([
      state(
        await tableWith([
          ['pk', 'S'],
          ['sk', 'S'],
        ]),
      ),
    ]);
    expect(lineOf(found, 'state table')).toMatch(/^warn: .*5 reads and 6 writes a second → Choose on-demand/);
    expect(lineOf(found, 'state expiry')).toMatch(/^warn: TTL is off → Switch on TTL for the attribute ttl/);
  });

  it('no bucket, no table, no queue: one line each, with the way to create them', async () => {
    const [bucket, table, line] = await Promise.all([freshBucket(), freshTable(), freshQueue()]);
    const gone = (url: string): string => url.replace(/test-/, 'gone-');
    const startMs = performance.now();
    const found = await probe([
      { area: 'store', url: gone(bucket.url) },
      { area: 'state', url: gone(table.url) },
      { area: 'queue', url: gone(line.url) },
    ]);
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect(found.verdicts.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)).toEqual([
      'store',
      'state table',
      'queue',
    ]);
    for (const name of ['store', 'state table', 'queue'])
      expect(lineOf(found, name)).toMatch(/gone-[0-9a-f]+.* → .*slurmctl init --aws/);
  });

  it('a queue without its dead letters, or with a redrive of its own', async () => {
    const line = await freshQueue({ maxReceiveCount: 3 });
    expect(lineOf(await probe([queue(line)]), 'queue dead letters')).toMatch(
      /^warn: to sqs:.*-dead after 3 receives → .*10/,
    );
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: line.queueUrl, Attributes: { RedrivePolicy: '' } }));
    expect(lineOf(await probe([queue(line)]), 'queue dead letters')).toMatch(/^warn: .*nothing leads to it/);
  });

  it('messages that are kept for less than a day', async () => {
    const line = await freshQueue({ attributes: { MessageRetentionPeriod: '3600' } });
    expect(lineOf(await probe([queue(line)]), 'queue kind')).toMatch(/^warn: standard; messages are kept for 1 h/);
  });
});

describe('the clock of this host', () => {
  it.each([
    [20 * 60_000, 'fail: this host is 20 minutes ahead of'],
    [-20 * 60_000, 'fail: this host is 20 minutes behind'],
    [90_000, 'warn: this host is 90 seconds ahead of'],
    [20_000, 'ok: this host agrees with the services within 20 s'],
  ])('%i ms off', async (aheadMs, words) => {
    const found = await probe([store(await freshBucket())], { aheadMs });
    const line = lineOf(found, 'service clock')
      .replace(/(89|91) seconds/, '90 seconds')
      .replace(/(19|21) s /, '20 s ');
    expect(line).toContain(words);
    expect(found.services[0]?.verdicts.find(({ name }) => name === 'service clock')).toBeDefined();
  });
});
