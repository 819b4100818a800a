import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { Readable } from 'node:stream';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { useTestCredentials } from '../../../support/aws-resources.ts';
import { lineOf, probe } from '../../../support/probe-rig.ts';

// What no server here does: each of these would lose results or run tasks twice.
useTestCredentials();
const s3 = mockClient(S3Client);
const dynamodb = mockClient(DynamoDBClient);
const sqs = mockClient(SQSClient);
afterEach(() => [s3, dynamodb, sqs].forEach((mock) => mock.reset()));
afterAll(() => [s3, dynamodb, sqs].forEach((mock) => mock.restore()));

const WHERE = '?region=us-east-1&endpoint=http://127.0.0.1:9';
const TABLE = {
  TableStatus: 'ACTIVE',
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
};

describe('a table', () => {
  const found = () => probe([{ area: 'state', url: `dynamodb://table${WHERE}` }]);
  const refusal = Object.assign(new Error('refused'), { name: 'ConditionalCheckFailedException' });

  it('that ignores conditions', async () => {
    dynamodb.onAnyCommand().resolves({ Table: TABLE } as never);
    expect(lineOf(await found(), 'state conditions')).toMatch(
      /^fail: an item that must not exist was written over .* → Do not keep states there: two workers/,
    );
  });

  it('whose consistent reads are old', async () => {
    dynamodb.onAnyCommand().resolves({ Table: TABLE, Attributes: { n: { N: '2' } } } as never);
    dynamodb.on(PutItemCommand).resolvesOnce({}).rejects(refusal);
    dynamodb.on(GetItemCommand).resolves({ Item: { n: { N: '1' } } });
    expect(lineOf(await found(), 'state conditions')).toMatch(
      /^fail: 2 was written, and 1 read with ConsistentRead → /,
    );
  });

  it('whose queries leave items out', async () => {
    const item = { n: { N: '2' } };
    const Responses = { table: [item, item, item, item, item] };
    dynamodb.onAnyCommand().resolves({ Table: TABLE, Attributes: item, Item: item, Responses } as never);
    dynamodb.on(PutItemCommand).resolvesOnce({}).rejects(refusal);
    dynamodb.on(QueryCommand).resolves({ Items: [{ sk: { S: 'Q#B' } }] });
    expect(lineOf(await found(), 'state queries')).toMatch(/^fail: 4 of 5 names were left out/);
  });
});

describe('a bucket', () => {
  const found = (more = '') => probe([{ area: 'store', url: `s3://bucket/run${WHERE}${more}` }]);
  const bodies = new Map<string, Buffer>();
  /** Keeps what is put; `spoil` is what the server does to it. */
  function keepObjects(spoil: (body: Buffer, isStream: boolean) => Buffer, about: object = {}): void {
    s3.onAnyCommand().resolves({ UploadId: 'one' } as never);
    s3.on(PutObjectCommand).callsFake(async ({ Key, Body }) => {
      const isStream = Body instanceof Readable;
      const bytes = isStream ? Buffer.concat(await Body.toArray()) : Body;
      bodies.set(Key, spoil(bytes, isStream));
    });
    s3.on(GetObjectCommand).callsFake(({ Key, Range }) => {
      const [from, to] =
        /^bytes=(\d+)-(\d+)$/
          .exec(Range ?? '')
          ?.slice(1)
          .map(Number) ?? [];
      const all = bodies.get(Key) ?? Buffer.alloc(0);
      const bytes = from === undefined ? all : all.subarray(from, (to ?? 0) + 1);
      return { Metadata: { 'slurmctl-doctor': 'probe' }, Body: { transformToByteArray: () => bytes }, ...about };
    });
  }

  it('that keeps the frames of a trailing checksum', async () => {
    keepObjects((body, isStream) => (isStream ? Buffer.from(`398\r\n${body.toString()}\r\n0`) : body));
    const remedy = / → Set checksums: when-required under aws: in slurmctl.yaml, or checksums=when-required/;
    expect(lineOf(await found(), 'store checksums')).toMatch(
      /^fail: a trailing checksum is kept as part of the object/,
    );
    expect(lineOf(await found(), 'store checksums')).toMatch(remedy);
    expect(lineOf(await found('&checksums=when-required'), 'store checksums')).toMatch(/^ok: left out/);
  });

  it('that keeps only their name', async () => {
    keepObjects((body) => body, { ContentEncoding: 'aws-chunked' });
    expect(lineOf(await found(), 'store checksums')).toMatch(/^fail: a trailing checksum is kept/);
  });

  it('that wants to know the length of a stream', async () => {
    keepObjects((body, isStream) => {
      if (!isStream) return body;
      throw Object.assign(new Error('You must provide the Content-Length HTTP header.'), {
        name: 'MissingContentLength',
        $metadata: { httpStatusCode: 411 },
      });
    });
    expect(lineOf(await found(), 'store checksums')).toMatch(/^fail: .*MissingContentLength.*when-required/);
  });

  it('that refuses a checksum in the head of a request', async () => {
    keepObjects(() => {
      throw Object.assign(new Error('not implemented'), { name: 'NotImplemented', $metadata: { httpStatusCode: 400 } });
    });
    expect(lineOf(await found(), 'store objects')).toMatch(/^fail: .*NotImplemented.* → .*checksums: when-required/);
  });

  it('that alters objects', async () => {
    keepObjects((body) => Buffer.from(body.toString().toUpperCase()));
    expect(lineOf(await found(), 'store objects')).toMatch(/^fail: .*→ Do not keep results there/);
  });

  it('that ignores ranges', async () => {
    keepObjects((body) => body);
    s3.on(GetObjectCommand).callsFake(({ Key }) => ({ Body: { transformToByteArray: () => bodies.get(Key) } }));
    expect(lineOf(await found(), 'store objects')).toMatch(/^fail: .*→ Use a server that honours ranges/);
  });

  it('that loses metadata', async () => {
    keepObjects((body) => body, { Metadata: {} });
    expect(lineOf(await found(), 'store objects')).toMatch(/^warn: .*metadata is lost/);
  });

  it('that lists nothing of what it holds', async () => {
    keepObjects((body) => body);
    s3.on(ListObjectsV2Command).resolves({ Contents: [] });
    expect(lineOf(await found(), 'store listing')).toMatch(/^fail: 8 of 8 names were left out/);
  });
});

describe('a queue', () => {
  const found = () => probe([{ area: 'queue', url: `sqs://queue${WHERE}` }]);
  /** Gives these messages, one list a receive; `own` stands for the message that was sent. */
  function deliver(...lists: readonly (readonly string[])[]): void {
    let sent = '';
    sqs.onAnyCommand().resolves({});
    sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'http://127.0.0.1:9/queue' });
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { QueueArn: 'arn:dead' } });
    sqs.on(SendMessageCommand).callsFake(({ MessageBody }) => {
      sent = MessageBody;
    });
    const left = [...lists];
    sqs.on(ReceiveMessageCommand).callsFake(() => ({
      Messages: (left.shift() ?? []).map((body) => ({
        Body: body === 'own' ? sent : body,
        ReceiptHandle: `of ${body}`,
      })),
    }));
  }

  it('that gives a received message again at once', async () => {
    deliver([], ['own'], ['own']);
    expect(lineOf(await found(), 'queue messages')).toMatch(
      /^fail: .*received again at once → Use a server that honours/,
    );
    expect(sqs.commandCalls(DeleteMessageCommand)).toHaveLength(2);
  });

  it('that ignores delays', async () => {
    deliver(['own']);
    expect(lineOf(await found(), 'queue messages')).toMatch(/^fail: a message came before its delay/);
  });

  it('from which somebody else takes the message', async () => {
    deliver();
    expect(lineOf(await found(), 'queue messages')).toMatch(/^warn: a message did not come back within 3 s/);
  });

  it('with messages of others: they go back at once and are never deleted', async () => {
    deliver(['of another'], ['of another', 'own'], ['of a third']);
    expect(lineOf(await found(), 'queue messages')).toMatch(/^ok: /);
    const back = sqs.commandCalls(ChangeMessageVisibilityCommand).map(({ args }) => args[0].input);
    expect(back.map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle, VisibilityTimeout])).toEqual([
      ['of of another', 0],
      ['of of another', 0],
      ['of of a third', 0],
    ]);
    expect(sqs.commandCalls(DeleteMessageCommand).map(({ args }) => args[0].input.ReceiptHandle)).toEqual(['of own']);
  });

  it('that is FIFO', async () => {
    deliver([], ['own']);
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { FifoQueue: 'true' } });
    expect(lineOf(await found(), 'queue kind')).toMatch(/^fail: a FIFO queue.*slurmctl init --aws/);
  });
});
