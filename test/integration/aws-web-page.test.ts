import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/backends/clock.ts';
import { awsClientConfig, meterClient } from '../../src/backends/shared/aws/client-config.ts';
import { awsFailure } from '../../src/backends/shared/aws/failure.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { AWS_REGION, freshBucket, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';

let proxy: FaultProxy;
let client: S3Client;
let Bucket: string;
const meter = createRequestMeter();

beforeAll(async () => {
  useTestCredentials();
  proxy = await startFaultProxy({ targets: { s3: await sharedAwsServer('fauxqs') } });
  const context = { clock: createSystemClock(), random: createSeededRandom(1), ids: createSeededIds(1), meter };
  const config = await awsClientConfig('s3', { endpoint: proxy.endpoint, region: AWS_REGION });
  client = meterClient(new S3Client({ ...config, forcePathStyle: true }), { service: 's3', context });
  Bucket = (await freshBucket()).bucket;
});
beforeEach(() => proxy.setRules([]));
afterAll(async () => {
  client.destroy();
  await proxy.stop();
});

describe('a web page with status 200 in place of S3', () => {
  it.each([
    ['an empty list', () => client.send(new ListObjectsV2Command({ Bucket }))],
    ['an object', () => client.send(new GetObjectCommand({ Bucket, Key: 'k' }))],
    ['proof that an object exists', () => client.send(new HeadObjectCommand({ Bucket, Key: 'k' }))],
    ['a finished write', () => client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))],
  ])('is not taken for %s', async (_what, send) => {
    await proxy.setRules([{ fault: 'html' }]);
    const error = await (send() as Promise<unknown>).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(awsFailure(error)).toMatchObject({ kind: 'not-a-service' });
    expect(meter.totals().find(({ failed }) => failed > 0)).toBeDefined();
  });

  it('is no page when the service stored it', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'page', Body: '<html>', ContentType: 'text/html' }));
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'page' }));
    expect([got.ContentType, await got.Body?.transformToString()]).toEqual(['text/html', '<html>']);
  });
});
