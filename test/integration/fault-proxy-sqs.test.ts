import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AWS_REGION, freshQueue, freshTable, rawClients, sharedAwsServer } from '../support/aws-resources.ts';
import { badDay, startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { startFaultProxyProcess } from '../support/fault-proxy-process.ts';

let proxy: FaultProxy;
let through: SQSClient;
let direct: SQSClient;
let QueueUrl: string;

const FIXED = { region: AWS_REGION, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };

beforeAll(async () => {
  const endpoint = await sharedAwsServer('fauxqs');
  proxy = await startFaultProxy({ targets: { sqs: endpoint, s3: endpoint } });
  through = new SQSClient({ ...FIXED, endpoint: proxy.endpoint, maxAttempts: 1 });
  direct = rawClients.sqs(endpoint);
});
beforeEach(async () => {
  await proxy.setRules([]);
  const { queue } = await freshQueue();
  QueueUrl = (await through.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl as string;
});
afterAll(async () => {
  through.destroy();
  direct.destroy();
  await proxy.stop();
});

const send = (MessageBody = 'm') => through.send(new SendMessageCommand({ QueueUrl, MessageBody }));
const receive = async (client = through, VisibilityTimeout = 30) =>
  (
    await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        VisibilityTimeout,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
    )
  ).Messages ?? [];
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('SQS through the proxy', () => {
  it('has queues whose URL leads through the proxy', async () => {
    expect(new URL(QueueUrl).origin).toBe(proxy.endpoint);
    await send('hello');
    expect(await receive()).toMatchObject([{ Body: 'hello' }]);
    expect((await proxy.ledger()).operations['sqs SendMessage']).toMatchObject({ received: 1, applied: 1 });
  });

  it.each<[FaultRule, { name: string; status: number }]>([
    [{ fault: 'throttle' }, { name: 'RequestThrottled', status: 400 }],
    [{ fault: 'error' }, { name: 'InternalFailure', status: 500 }],
    [{ fault: 'unavailable' }, { name: 'ServiceUnavailable', status: 503 }],
    [{ fault: 'denied' }, { name: 'AccessDenied', status: 403 }],
    [{ fault: 'expired' }, { name: 'ExpiredToken', status: 403 }],
    [{ fault: 'skew' }, { name: 'InvalidSignatureException', status: 403 }],
  ])('is refused: %o', async (rule, { name, status }) => {
    await proxy.setRules([rule]);
    expect(await failure(send())).toMatchObject({ name, $metadata: { httpStatusCode: status } });
    await proxy.setRules([]);
    expect(await receive()).toEqual([]);
  });

  it.each<[FaultRule, object, number]>([
    [{ fault: 'reset' }, { code: 'ECONNRESET' }, 0],
    [{ fault: 'lost' }, { code: 'ECONNRESET' }, 1],
    [{ fault: 'lost-error' }, { name: 'InternalFailure' }, 1],
  ])('may or may not have sent it: %o', async (rule, expected, messages) => {
    await proxy.setRules([rule]);
    expect(await failure(send())).toMatchObject(expected);
    await proxy.setRules([]);
    expect(await receive()).toHaveLength(messages);
  });

  it('loses the answer of a receive, and the message comes back when its time is over', async () => {
    await send();
    await proxy.setRules([{ fault: 'lost', operation: 'ReceiveMessage', max: 1 }]);
    expect(await failure(receive(through, 0))).toMatchObject({ code: 'ECONNRESET' });
    expect(await receive(through, 0)).toMatchObject([{ Attributes: { ApproximateReceiveCount: '2' } }]);
  });

  it('takes a part of a batch and reports the rest as failed', async () => {
    const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `e${n}`, MessageBody: `${n}` }));
    await proxy.setRules([{ fault: 'unprocessed', max: 1 }]);
    const { Successful = [], Failed = [] } = await through.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(Failed.length).toBeGreaterThan(0);
    expect(Failed[0]).toMatchObject({ SenderFault: false, Code: 'InternalError' });
    expect([...Successful, ...Failed].map(({ Id }) => `${Id}`).toSorted()).toEqual(Entries.map(({ Id }) => Id));
    const messages = await receive();
    expect(messages.map(({ Body }) => `e${Body}`).toSorted()).toEqual(Successful.map(({ Id }) => `${Id}`).toSorted());
    await proxy.setRules([{ fault: 'unprocessed', share: 0 }]);
    const gone = await through.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: messages.map(({ ReceiptHandle }, n) => ({ Id: `${n}`, ReceiptHandle })),
      }),
    );
    expect(gone.Failed).toHaveLength(messages.length > 1 ? 1 : 0);
  });

  it('gives a message again that was given before', async () => {
    await send();
    await proxy.setRules([{ fault: 'redeliver', max: 1 }]);
    const { faults: before } = await proxy.ledger();
    const [first] = await receive();
    expect((await proxy.ledger()).faults).toEqual(before);
    const [again] = await receive();
    expect(again).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } });
    expect(await receive()).toEqual([]);
  });

  it('doubles a message', async () => {
    await proxy.setRules([{ fault: 'duplicate' }]);
    await send();
    await proxy.setRules([]);
    expect(await receive()).toHaveLength(2);
  });
});

describe('a proxy in its own process', () => {
  it('leads to every service, obeys, and counts', async () => {
    const { endpoint: behind, table } = await freshTable();
    const fauxqs = await sharedAwsServer('fauxqs');
    const apart = await startFaultProxyProcess({ targets: { s3: fauxqs, sqs: fauxqs, dynamodb: behind } });
    const clients = [rawClients.sqs(apart.endpoint), rawClients.dynamodb(apart.endpoint)] as const;
    const [sqs, dynamodb] = clients;
    try {
      const { queueUrl } = await freshQueue({ endpoint: apart.endpoint });
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'm' }));
      await apart.setRules([{ fault: 'throttle', operation: 'DescribeTable', max: 1 }]);
      const { DescribeTableCommand } = await import('@aws-sdk/client-dynamodb');
      const described = await dynamodb.send(new DescribeTableCommand({ TableName: table }));
      expect(described.Table?.TableName).toBe(table);
      await apart.settled();
      const { operations, faults, troubles } = await apart.ledger();
      expect(operations['dynamodb DescribeTable']).toMatchObject({ received: 2, applied: 1, faults: { throttle: 1 } });
      expect(operations['sqs CreateQueue']).toMatchObject({ applied: 2 });
      expect({ faults, troubles }).toEqual({ faults: { throttle: 1 }, troubles: [] });
    } finally {
      for (const client of clients) client.destroy();
      await apart.stop();
    }
    expect(() => process.kill(apart.pid, 0)).toThrow('ESRCH');
  });

  it('gets over a bad day with the retries of the SDK, every message arriving', async () => {
    await proxy.setRules(badDay(0.2), 11);
    const client = new SQSClient({ ...FIXED, endpoint: proxy.endpoint, maxAttempts: 12 });
    const bodies = Array.from({ length: 60 }, (_, n) => String(n));
    await Promise.all(bodies.map((MessageBody) => client.send(new SendMessageCommand({ QueueUrl, MessageBody }))));
    client.destroy();
    await proxy.setRules([]);
    const got: string[] = [];
    for (let messages = await receive(); messages.length > 0; messages = await receive())
      got.push(...messages.map(({ Body }) => `${Body}`));
    // Lost answers were sent again: at least once, never less.
    expect([...new Set(got)].toSorted()).toEqual(bodies.toSorted());
    expect(got.length).toBeGreaterThan(60);
    const { troubles } = await proxy.ledger();
    expect(troubles).toEqual([]);
  });
});
