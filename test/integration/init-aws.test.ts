import { CreateTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { initAws } from '../../src/app/init-aws.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { AWS_OPERATIONS } from '../../src/backends/shared/aws/permissions.ts';
import { createSqsRetryQueue } from '../../src/backends/retry-queue/sqs.ts';
import { knownBackend, type BackendUrl } from '../../src/domain/backend-url.ts';
import { freshName, freshQueue, rawClients, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';

const meter = createRequestMeter();
const context = { clock: createSystemClock(), random: createSeededRandom(1), ids: createSeededIds(1), meter };
let fauxqs: string;
let dynamodb: string;
let dynalite: string;
let proxy: FaultProxy;
beforeAll(async () => {
  useTestCredentials();
  [fauxqs, dynamodb, dynalite] = await Promise.all([
    sharedAwsServer('fauxqs'),
    sharedAwsServer('dynamodb-local'),
    sharedAwsServer('dynalite'),
  ]);
  proxy = await startFaultProxy({ targets: { s3: fauxqs, sqs: fauxqs, dynamodb } });
});
afterAll(() => proxy.stop());
afterEach(() => proxy.setRules([]));

let names: { bucket: string; table: string; queue: string };
beforeEach(() => {
  names = { bucket: freshName(), table: freshName(), queue: freshName() };
});
const init = (dryRun = false, from: { state?: string; all?: string } = {}) => {
  const region = 'region=us-east-1&endpoint=';
  return initAws({
    urls: {
      store: `s3://${names.bucket}/runs?${region}${from.all ?? fauxqs}`,
      state: `dynamodb://${names.table}?${region}${from.state ?? from.all ?? dynamodb}`,
      queue: `sqs://${names.queue}?${region}${from.all ?? fauxqs}`,
    },
    context,
    dryRun,
  });
};
const verdicts = ({ resources }: Awaited<ReturnType<typeof init>>) =>
  resources.map(({ kind, verdict }) => `${kind} ${verdict}`);
const all = (verdict: string) => ['bucket', 'table', 'queue', 'dead letters'].map((kind) => `${kind} ${verdict}`);

describe('init --aws', () => {
  it('creates what is missing, once, and jobs find it', async () => {
    const first = await init();
    expect(verdicts(first)).toEqual(all('created'));
    expect(first).toMatchObject({ ok: true, templates: null });
    // What this server does not know is said, and is no failure.
    expect(first.resources[0]?.found.join()).toMatch(/public access.*unfinished uploads|keep/);
    const again = await init();
    expect(verdicts(again)).toEqual(all('exists'));
    expect(again.ok).toBe(true);

    const raw = rawClients.dynamodb(dynamodb);
    const ttl = await raw.send(new DescribeTimeToLiveCommand({ TableName: names.table }));
    raw.destroy();
    expect(ttl.TimeToLiveDescription).toMatchObject({ AttributeName: 'ttl', TimeToLiveStatus: 'ENABLED' });
    const url = `sqs://${names.queue}?region=us-east-1&endpoint=${fauxqs}`;
    const backend = knownBackend(url) as Extract<BackendUrl, { service: 'sqs' }>;
    expect(await (await createSqsRetryQueue({ backend, context })).depth()).toMatchObject({ visible: 0, dead: 0 });
  });

  it('creates nothing in a dry run, and says what it would create and who may do what', async () => {
    const dry = await init(true);
    expect(verdicts(dry)).toEqual(all('missing'));
    expect(verdicts(await init(true))).toEqual(all('missing'));
    const sqs = rawClients.sqs(fauxqs);
    expect((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: names.queue }))).QueueUrls ?? []).toEqual([]);
    sqs.destroy();
    const text = JSON.stringify(dry.templates);
    expect(text).toContain(`arn:aws:dynamodb:us-east-1:*:table/${names.table}`);
    expect(text).toContain(`"BucketName":"${names.bucket}"`);
    expect(dry.templates?.notes.join()).toContain('"*" in an ARN');
  });

  it('gets over throttling, lost answers and errors, and has created each thing once', async () => {
    await proxy.setRules(
      [
        { fault: 'lost', operation: ['CreateBucket', 'CreateTable', 'CreateQueue', 'UpdateTimeToLive'], max: 4 },
        { fault: 'throttle', rate: 0.2 },
        { fault: 'unavailable', rate: 0.1 },
      ],
      5,
    );
    const first = await init(false, { all: proxy.endpoint });
    expect(verdicts(first)).toEqual(all('created'));
    await proxy.setRules([]);
    expect(verdicts(await init())).toEqual(all('exists'));
  });

  it('works where items cannot expire, and says so', async () => {
    const made = await init(false, { state: dynalite });
    expect(verdicts(made)).toEqual(all('created'));
    expect(made.resources[1]?.found.join()).toContain('do not expire by themselves here');
    expect(verdicts(await init(false, { state: dynalite }))).toEqual(all('exists'));
  });
});

describe('init --aws beside what exists', () => {
  it('reports a table with other keys, and leaves it alone', async () => {
    const raw = rawClients.dynamodb(dynamodb);
    await raw.send(
      new CreateTableCommand({
        TableName: names.table,
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'N' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    raw.destroy();
    const made = await init();
    expect(made.ok).toBe(false);
    expect(made.resources[1]).toMatchObject({
      verdict: 'wrong',
      found: ['found the keys id (N, HASH), expected pk (S, HASH), sk (S, RANGE)'],
      remedies: [expect.stringContaining('name another table')],
    });
    expect(verdicts(made)).toEqual(['bucket created', 'table wrong', 'queue created', 'dead letters created']);
  });

  it('reports a table whose items do not expire, with the command', async () => {
    const raw = rawClients.dynamodb(dynamodb);
    const key = (AttributeName: string) => ({ AttributeName });
    await raw.send(
      new CreateTableCommand({
        TableName: names.table,
        AttributeDefinitions: ['pk', 'sk'].map((name) => ({ ...key(name), AttributeType: 'S' })),
        KeySchema: [
          { ...key('pk'), KeyType: 'HASH' },
          { ...key('sk'), KeyType: 'RANGE' },
        ],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    const table = (await init()).resources[1];
    expect(table).toMatchObject({ verdict: 'exists' });
    expect(table?.found.join()).toContain('items do not expire');
    expect(table?.remedies[0]).toContain(`aws dynamodb update-time-to-live --table-name ${names.table} `);
    const ttl = await raw.send(new DescribeTimeToLiveCommand({ TableName: names.table }));
    raw.destroy();
    expect(ttl.TimeToLiveDescription?.TimeToLiveStatus).toBe('DISABLED');
  });

  it('reports a queue without redrive, and creates the queue of the dead letters for it', async () => {
    const sqs = rawClients.sqs(fauxqs);
    await sqs.send(new CreateQueueCommand({ QueueName: names.queue }));
    const made = await init();
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: names.queue }));
    const kept = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }));
    sqs.destroy();
    expect(verdicts(made)).toEqual(['bucket created', 'table created', 'queue wrong', 'dead letters created']);
    expect(made.resources[2]?.found).toEqual(['no redrive policy: messages that fail again and again never end']);
    expect(made.resources[2]?.remedies[0]).toMatch(
      /^aws sqs set-queue-attributes --queue-url http.* --attributes '\{"RedrivePolicy":"\{.*-dead/,
    );
    expect(kept.Attributes?.['RedrivePolicy']).toBeUndefined();
  });

  it('finds the redrive of others wrong', async () => {
    const made = await freshQueue({ endpoint: fauxqs, maxReceiveCount: 3 });
    names.queue = made.queue;
    expect((await init()).resources[2]?.found.join()).toContain('after 3 receives, expected 10');
  });
});

describe('init --aws in trouble', () => {
  it('says for each thing what is the matter, and looks at the others all the same', async () => {
    await proxy.setRules([
      { fault: 'denied', service: 's3' },
      { fault: 'denied', service: 'dynamodb', operation: 'CreateTable' },
    ]);
    const made = await init(false, { all: proxy.endpoint });
    expect(verdicts(made)).toEqual(['bucket failed', 'table failed', 'queue created', 'dead letters created']);
    expect(made.resources[0]?.found.join()).toContain('[STORE_DENIED]');
    expect(made.resources[1]?.remedies.join()).toContain('dynamodb:CreateTable');
  });

  it('still prints policies in a dry run that nobody answers', async () => {
    await proxy.setRules([{ fault: 'expired' }]);
    const dry = await init(true, { all: proxy.endpoint });
    expect(new Set(dry.resources.map(({ verdict }) => verdict))).toEqual(new Set(['failed']));
    expect(dry.resources[0]?.found.join()).toContain('[AWS_CREDENTIALS_EXPIRED]');
    expect(dry.templates?.policies.worker).toMatchObject({ Version: '2012-10-17' });
  });

  it('names a bucket in another region', async () => {
    await proxy.setRules([{ fault: 'redirect', service: 's3', region: 'eu-west-1' }]);
    const made = await init(true, { all: proxy.endpoint });
    expect(made.resources[0]?.found.join()).toMatch(/eu-west-1.*\[AWS_WRONG_REGION\]/);
  });

  it('names a bucket of another account (AWS_NAME_TAKEN)', async () => {
    await proxy.setRules([{ fault: 'refuse', operation: 'CreateBucket', code: 'BucketAlreadyExists', status: 409 }]);
    const [bucket] = (await init(false, { all: proxy.endpoint })).resources;
    expect(bucket?.found).toEqual([`s3://${names.bucket}: another account has a bucket of this name [AWS_NAME_TAKEN]`]);
    expect(bucket?.remedies).toEqual(['Choose another bucket name under store: in slurmctl.yaml']);
  });

  it('says that a queue was deleted a moment ago', async () => {
    await proxy.setRules([{ fault: 'refuse', operation: 'CreateQueue', code: 'QueueDeletedRecently', status: 400 }]);
    const made = await init(false, { all: proxy.endpoint });
    expect(made.resources.at(-1)?.remedies).toEqual(['Wait a minute, then run again: slurmctl init --aws']);
  });

  it('needs an address in AWS (CONFIG_INVALID)', async () => {
    const urls = { store: 'file:///a', state: 'file:///b', queue: 'file:///c' };
    await expect(initAws({ urls, context, dryRun: true })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('dynamodb://TABLE') as string,
    });
  });
});

describe('what init --aws asked for', () => {
  it('is all in the table of operations', () => {
    const asked = meter.totals().filter(({ service, operation }) => !(operation in AWS_OPERATIONS[service]));
    expect(asked).toEqual([]);
    expect(meter.totals().length).toBeGreaterThan(8);
  });
});
