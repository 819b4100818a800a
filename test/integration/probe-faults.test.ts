import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceFindings, ServiceUrl } from '../../src/backends/probe/services.ts';
import {
  freshBucket,
  freshQueue,
  freshTable,
  rawClients,
  sharedAwsServer,
  useTestCredentials,
} from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { NOBODY_LISTENS } from '../support/nobody-listens.ts';
import { lineOf, probe } from '../support/probe-rig.ts';

let proxy: FaultProxy;
let s3: ReturnType<typeof rawClients.s3>;
let dynamodb: ReturnType<typeof rawClients.dynamodb>;
let sqs: ReturnType<typeof rawClients.sqs>;

beforeAll(async () => {
  useTestCredentials();
  const [fauxqs, local] = await Promise.all([sharedAwsServer('fauxqs'), sharedAwsServer('dynamodb-local')]);
  proxy = await startFaultProxy({ targets: { s3: fauxqs, sqs: fauxqs, dynamodb: local } });
  s3 = rawClients.s3(fauxqs);
  sqs = rawClients.sqs(fauxqs);
  dynamodb = rawClients.dynamodb(local);
});
afterAll(async () => {
  [s3, dynamodb, sqs].forEach((client) => client.destroy());
  await proxy.stop();
});

type Area = ServiceUrl['area'];

/** Probes new resources through the proxy. `left`: what is there afterwards. */
async function probeThrough(
  area: Area,
  rules: readonly FaultRule[],
): Promise<{ readonly found: ServiceFindings; readonly left: () => Promise<number> }> {
  const through = { through: proxy.endpoint };
  if (area === 'store') {
    const { url, bucket } = await freshBucket(through);
    const left = async () => (await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount ?? 0;
    return { found: await faulty(rules, { area, url }), left };
  }
  if (area === 'state') {
    const { url, table } = await freshTable(through);
    const left = async () => (await dynamodb.send(new ScanCommand({ TableName: table }))).Count ?? 0;
    return { found: await faulty(rules, { area, url }), left };
  }
  const { url, queueUrl } = await freshQueue(through);
  const left = async () => {
    const asked = { QueueUrl: queueUrl, AttributeNames: ['All' as const] };
    const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand(asked));
    return Number(Attributes['ApproximateNumberOfMessages']);
  };
  return { found: await faulty(rules, { area, url }), left };
}

async function faulty(rules: readonly FaultRule[], service: ServiceUrl): Promise<ServiceFindings> {
  await proxy.setRules(rules);
  try {
    return await probe([service]);
  } finally {
    await proxy.setRules([]);
  }
}

const failed = ({ verdicts }: ServiceFindings): string[] =>
  verdicts.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);

describe('one permission is missing: its name is shown, and what was written is removed', () => {
  it.each([
    ['store', 'ListObjectsV2', ['store']],
    ['store', 'PutObject', ['store objects']],
    ['store', 'GetObject', ['store objects']],
    ['store', 'CreateMultipartUpload', ['store uploads']],
    ['store', 'AbortMultipartUpload', ['store uploads']],
    ['state', 'PutItem', ['state conditions']],
    ['state', 'GetItem', ['state conditions']],
    ['state', 'UpdateItem', ['state conditions']],
    ['state', 'BatchGetItem', ['state queries']],
    ['state', 'Query', ['state queries']],
    ['queue', 'GetQueueUrl', ['queue']],
    ['queue', 'GetQueueAttributes', ['queue']],
    ['queue', 'SendMessage', ['queue messages']],
  ] as const)('%s: %s', async (area, operation, names) => {
    const { found, left } = await probeThrough(area, [{ fault: 'denied', operation }]);
    expect(failed(found)).toEqual(names);
    const permission = `${{ store: 's3', state: 'dynamodb', queue: 'sqs' }[area]}:`;
    const line = lineOf(found, names[0]);
    expect(line).toContain(operation);
    expect(line).toContain('not permitted');
    expect(line).toMatch(new RegExp(`→ Ask for the permission ${permission}`));
    expect(await left()).toBe(0);
  });

  it.each([
    ['store', 'DeleteObjects', 'store removal'],
    ['state', 'DeleteItem', 'state removal'],
    ['state', 'BatchWriteItem', 'state queries'],
    ['queue', 'ReceiveMessage', 'queue messages'],
    ['queue', 'DeleteMessage', 'queue messages'],
  ] as const)('%s: %s, without which something stays', async (area, operation, name) => {
    const { found } = await probeThrough(area, [{ fault: 'denied', operation }]);
    expect(failed(found)).toContain(name);
    expect(lineOf(found, name)).toContain('Ask for the permission');
  });

  it.each([
    ['DescribeTable', 'state table'],
    ['DescribeTimeToLive', 'state expiry'],
  ])('state: %s is not needed by jobs, so that it only warns', async (operation, name) => {
    const { found } = await probeThrough('state', [{ fault: 'denied', operation }]);
    expect(failed(found)).toEqual([]);
    expect(lineOf(found, name)).toMatch(/^warn: /);
  });
});

describe.each(['store', 'state', 'queue'] as const)('%s', (area) => {
  it.each([
    ['a login page in place of the service', { fault: 'html' }, /not an answer of the service.* → Check the endpoint/],
    ['session tokens that have expired', { fault: 'expired' }, /ExpiredToken.* → Sign in again/],
    ['a clock that is refused', { fault: 'skew' }, /(RequestTimeTooSkewed|Signature).* → Correct the clock/],
  ] as const)('%s', async (_, rule, words) => {
    const startMs = performance.now();
    const { found } = await probeThrough(area, [rule]);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    const own = found.verdicts.filter(({ name, verdict }) => verdict === 'fail' && name !== 'service clock');
    expect(own).toHaveLength(1);
    expect(lineOf(found, own[0]?.name ?? '')).toMatch(words);
    expect(lineOf(found, 'service clock')).toMatch(rule.fault === 'skew' ? /^fail: .*20 minutes/ : /^(ok|no verdict)/);
  });

  it('gets over what passes', async () => {
    const rules: FaultRule[] = [
      { fault: 'throttle', rate: 0.2, max: 4 },
      { fault: 'reset', rate: 0.1, max: 2 },
      { fault: 'lost', rate: 0.1, max: 1 },
      { fault: 'error', rate: 0.1, max: 2 },
    ];
    const { found } = await probeThrough(area, rules);
    expect(failed(found)).toEqual([]);
  });

  it('says within seconds that nobody answers', async () => {
    const startMs = performance.now();
    const { found } = await probeThrough(area, [{ fault: 'hang' }]);
    expect(performance.now() - startMs).toBeLessThan(12_000);
    expect(failed(found)).toHaveLength(1);
    expect(lineOf(found, failed(found)[0] ?? '')).toMatch(/no answer within 8 s → Check the endpoint/);
  });

  it('says within seconds that nobody is there', async () => {
    const aws = `?region=us-east-1&endpoint=${NOBODY_LISTENS}`;
    const url = { store: 's3://bucket/run', state: 'dynamodb://table', queue: 'sqs://queue' }[area] + aws;
    const startMs = performance.now();
    const found = await probe([{ area, url }]);
    expect(performance.now() - startMs).toBeLessThan(6_000);
    expect(lineOf(found, failed(found)[0] ?? '')).toMatch(/no connection \(ECONNREFUSED\) → Check the endpoint/);
  });
});

describe('the store is elsewhere', () => {
  it('names the region that the service names', async () => {
    const { found } = await probeThrough('store', [{ fault: 'redirect', region: 'eu-west-1' }]);
    expect(lineOf(found, 'store')).toMatch(/not in that region but in eu-west-1.* → Set aws.region: eu-west-1/);
  });
});
