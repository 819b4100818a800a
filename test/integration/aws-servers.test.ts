import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DescribeTableCommand, GetItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knownBackend } from '../../src/domain/backend-url.ts';
import { freshBucket, freshQueue, freshTable, rawClients, sharedAwsServer } from '../support/aws-resources.ts';
import { startAwsServer } from '../support/aws-servers.ts';
import { withTempDir } from '../support/temp-dir.ts';

describe('S3 of the shared fauxqs', () => {
  let s3: S3Client;
  beforeAll(async () => {
    s3 = rawClients.s3(await sharedAwsServer('fauxqs'));
  });
  afterAll(() => s3.destroy());
  const put = (bucket: string, key: string, more: { IfNoneMatch?: string; IfMatch?: string; Body?: string } = {}) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x', ...more }));

  it('gives each test a bucket, and a URL that the project reads', async () => {
    const [one, two] = await Promise.all([freshBucket(), freshBucket({ prefix: '' })]);
    expect(one.bucket).not.toBe(two.bucket);
    expect(knownBackend(one.url)).toMatchObject({ bucket: one.bucket, prefix: 'run/', aws: { pathStyle: true } });
    expect(knownBackend(two.url)).toMatchObject({ prefix: '' });
  });

  it('keeps long and awkward keys apart', async () => {
    const { bucket } = await freshBucket();
    const keys = ['a//b', 'a/../b', 'a b', 'a%20b', 'a+b', 'ключ', '😀', `${'x'.repeat(200)}/${'y'.repeat(700)}`];
    for (const key of keys) await put(bucket, key, { Body: key });
    for (const key of keys) {
      const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      expect(await got.Body?.transformToString()).toBe(key);
    }
  });

  it('lists in the order of UTF-8 bytes, page by page', async () => {
    const { bucket } = await freshBucket();
    const keys = ['B', 'a', 'a-b', 'a/b', 'a0', 'Ä', 'z', '\uff5e', '😀', '\u{10ffff}', 'a_'];
    for (const key of keys) await put(bucket, key);
    const listed: string[] = [];
    let token: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 3, ...(token && { ContinuationToken: token }) }),
      );
      listed.push(...(page.Contents ?? []).map((object) => object.Key as string));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    expect(listed).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('never gives more than 1,000 keys a page', async () => {
    const { bucket } = await freshBucket();
    await Promise.all(Array.from({ length: 1_010 }, (_, n) => put(bucket, `k/${n}`)));
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 5_000 }));
    expect(page).toMatchObject({ KeyCount: 1_000, IsTruncated: true });
  });

  it('lets one of many conditional writers win, unless it is started plain', async () => {
    const { bucket } = await freshBucket();
    const writes = (client: S3Client, target: string) =>
      Promise.allSettled(
        Array.from({ length: 20 }, () =>
          client.send(new PutObjectCommand({ Bucket: target, Key: 'k', Body: 'x', IfNoneMatch: '*' })),
        ),
      );
    const results = await writes(s3, bucket);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = results.find((result) => result.status === 'rejected');
    expect(refused?.reason).toMatchObject({ name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } });
    await expect(put(bucket, 'k', { IfMatch: '"0123"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(put(bucket, 'none', { IfMatch: '"0123"' })).rejects.toMatchObject({ name: 'NoSuchKey' });

    const plain = await startAwsServer('fauxqs', { plain: true });
    const client = rawClients.s3(plain.endpoint);
    try {
      const other = await freshBucket({ endpoint: plain.endpoint });
      expect((await writes(client, other.bucket)).every(({ status }) => status === 'fulfilled')).toBe(true);
    } finally {
      client.destroy();
      await plain.stop();
    }
  });

  it('lists multipart uploads that nobody finished', async () => {
    const { bucket } = await freshBucket();
    const list = async () => (await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? [];
    expect(await list()).toEqual([]);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'a&b' }));
    expect(await list()).toMatchObject([{ Key: 'a&b', UploadId }]);
    await expect(s3.send(new ListMultipartUploadsCommand({ Bucket: 'no-such' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
  });
});

describe('SQS of the shared fauxqs', () => {
  let sqs: SQSClient;
  beforeAll(async () => {
    sqs = rawClients.sqs(await sharedAwsServer('fauxqs'));
  });
  afterAll(() => sqs.destroy());

  it('names queues by the host that was asked, which resolves', async () => {
    const { queue, queueUrl, endpoint } = await freshQueue();
    expect(new URL(queueUrl).origin).toBe(endpoint);
    // Without an endpoint the SDK goes where the queue's URL points.
    const follower = new SQSClient({ region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
    await follower.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'hello' }));
    follower.destroy();
    const got = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
    expect(got.Messages?.[0]?.Body).toBe('hello');
    const other = rawClients.sqs(endpoint.replace('127.0.0.1', 'localhost'));
    const url = (await other.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl ?? '';
    const list = (await other.send(new ListQueuesCommand({ QueueNamePrefix: queue }))).QueueUrls ?? [];
    other.destroy();
    expect(url).toMatch(/^http:\/\/localhost:/);
    expect(list.toSorted()).toEqual([url, `${url}-dead`]);
    await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
    await expect(sqs.send(new GetQueueUrlCommand({ QueueName: queue }))).rejects.toMatchObject({
      name: 'QueueDoesNotExist',
    });
  });

  it('moves a message to the dead letters after as many receives as the policy allows', async () => {
    const { queueUrl, deadLettersUrl } = await freshQueue({ maxReceiveCount: 2 });
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'poison' }));
    const receive = (QueueUrl: string) => sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
    for (const _ of [1, 2]) expect((await receive(queueUrl)).Messages).toHaveLength(1);
    expect((await receive(queueUrl)).Messages ?? []).toEqual([]);
    expect((await receive(deadLettersUrl)).Messages?.[0]?.Body).toBe('poison');
  });
});

describe.each(['dynamodb-local', 'dynalite'] as const)('%s', (server) => {
  let dynamodb: DynamoDBClient;
  let endpoint: string;
  beforeAll(async () => {
    endpoint = await sharedAwsServer(server);
    dynamodb = rawClients.dynamodb(endpoint);
  });
  afterAll(() => dynamodb.destroy());

  it('gives each test a table that is ready at once', async () => {
    const { table, url } = await freshTable({ endpoint });
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: table }));
    expect(Table).toMatchObject({
      TableStatus: 'ACTIVE',
      KeySchema: [{ AttributeName: 'pk' }, { AttributeName: 'sk' }],
    });
    const Key = { pk: { S: 'a' }, sk: { S: 'b' } };
    await dynamodb.send(new PutItemCommand({ TableName: table, Item: Key }));
    expect((await dynamodb.send(new GetItemCommand({ TableName: table, Key }))).Item).toEqual(Key);
    expect(knownBackend(url)).toMatchObject({ service: 'dynamodb', table, aws: { endpoint } });
  });
});

describe('a server of a test', () => {
  it('listens on loopback only, ends on demand and comes back empty at its port', async () => {
    const first = await startAwsServer('dynamodb-local');
    const { table } = await freshTable({ endpoint: first.endpoint });
    await first.stop();
    await first.stop();
    expect(() => process.kill(first.pid, 0)).toThrow('ESRCH');
    const second = await startAwsServer('dynamodb-local', { port: first.port });
    const client = rawClients.dynamodb(second.endpoint);
    try {
      expect(second.endpoint).toBe(first.endpoint);
      await expect(client.send(new DescribeTableCommand({ TableName: table }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    } finally {
      client.destroy();
      await second.stop();
    }
  });

  it('says what went wrong when it cannot start', async () => {
    const first = await startAwsServer('fauxqs');
    await expect(startAwsServer('fauxqs', { port: first.port })).rejects.toThrow(/fauxqs ended with 1.*EADDRINUSE/s);
    await first.stop();
  });
});

describe('scripts/aws-servers, by hand', () => {
  const script = fileURLToPath(new URL('../../scripts/aws-servers', import.meta.url));
  const run = async (...argv: string[]) => (await promisify(execFile)(script, argv)).stdout;

  it('starts all services, says how to reach them, and leaves nothing behind', () =>
    withTempDir(async (parent) => {
      const dir = join(parent, 'aws');
      await run('up', dir);
      try {
        const printed = await run('env', dir);
        const env = Object.fromEntries(
          [...printed.matchAll(/(AWS_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
        );
        expect(env['AWS_ENDPOINT_URL_S3']).toBe(env['AWS_ENDPOINT_URL_SQS']);
        await freshBucket({ endpoint: env['AWS_ENDPOINT_URL_S3'] as string });
        await freshQueue({ endpoint: env['AWS_ENDPOINT_URL_SQS'] as string });
        await freshTable({ endpoint: env['AWS_ENDPOINT_URL_DYNAMODB'] as string });
        expect(await run('status', dir)).toMatch(/^fauxqs: http:.*\ndynamodb-local: http:/);
        await expect(run('up', dir)).rejects.toThrow('is not empty');
      } finally {
        await run('down', dir);
      }
      expect(existsSync(dir)).toBe(false);
      await expect(run('down', parent)).rejects.toThrow('has no servers of aws-servers');
    }));

  it('names the servers it knows', async () => {
    await expect(run('run', 'moto')).rejects.toThrow("no such server: 'moto'");
  });
});
