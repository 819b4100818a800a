import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AWS_REGION, freshBucket, rawClients, sharedAwsServer } from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';

let proxy: FaultProxy;
/** Through the proxy, without retries, giving up soon; and straight to the server. */
let through: S3Client;
let direct: S3Client;
let Bucket: string;

beforeAll(async () => {
  const endpoint = await sharedAwsServer('fauxqs');
  proxy = await startFaultProxy({ targets: { s3: endpoint } });
  through = impatient();
  direct = rawClients.s3(endpoint);
});
beforeEach(async () => {
  await proxy.setRules([]);
  Bucket = (await freshBucket()).bucket;
});
afterAll(async () => {
  through.destroy();
  direct.destroy();
  await proxy.stop();
});

const impatient = (): S3Client =>
  new S3Client({
    endpoint: proxy.endpoint,
    region: AWS_REGION,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ requestTimeout: 1_500, throwOnRequestTimeout: true }),
  });

const put = (Key: string, Body = 'body', client = through) => client.send(new PutObjectCommand({ Bucket, Key, Body }));
const get = async (Key: string, client = through): Promise<string | undefined> =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
const stored = (Key: string): Promise<string | undefined> =>
  get(Key, direct).catch((error: Error) => {
    if (error.name === 'NoSuchKey') return undefined;
    throw error;
  });
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('refused by the proxy, as S3 refuses', () => {
  it.each<[FaultRule, object]>([
    [{ fault: 'throttle' }, { name: 'SlowDown', message: 'Please reduce your request rate.', status: 503 }],
    [{ fault: 'error' }, { name: 'InternalError', status: 500 }],
    [{ fault: 'unavailable' }, { name: 'ServiceUnavailable', status: 503 }],
    [{ fault: 'denied' }, { name: 'AccessDenied', status: 403 }],
    [{ fault: 'expired' }, { name: 'ExpiredToken', status: 400 }],
    [{ fault: 'skew' }, { name: 'RequestTimeTooSkewed', status: 403 }],
    [{ fault: 'redirect' }, { name: 'PermanentRedirect', status: 301, Bucket: expect.any(String) }],
    [{ fault: 'wrong-region' }, { name: 'AuthorizationHeaderMalformed', status: 400, Region: 'eu-west-1' }],
    [
      { fault: 'refuse', code: 'InvalidAccessKeyId', status: 403 },
      { name: 'InvalidAccessKeyId', status: 403 },
    ],
    [{ fault: 'html', status: 403 }, { status: 403 }],
  ])('%o', async (rule, { status, ...expected }: { status?: number }) => {
    await proxy.setRules([rule]);
    const { faults: before } = await proxy.ledger();
    const error = await failure(put('k'));
    expect(error).toMatchObject({ ...expected, $metadata: { httpStatusCode: status } });
    expect(await stored('k')).toBeUndefined();
    expect((await proxy.ledger()).faults[rule.fault]).toBe((before[rule.fault] ?? 0) + 1);
    // A HEAD has no body to say why.
    expect(await failure(through.send(new HeadObjectCommand({ Bucket, Key: 'k' })))).toMatchObject({
      $metadata: { httpStatusCode: status },
    });
  });

  it('tells the region of a bucket in the header too', async () => {
    await proxy.setRules([{ fault: 'redirect', region: 'eu-central-1' }]);
    const error = (await failure(through.send(new HeadObjectCommand({ Bucket, Key: 'k' })))) as {
      $response?: { headers: Record<string, string> };
    };
    expect(error.$response?.headers['x-amz-bucket-region']).toBe('eu-central-1');
  });

  it('a clock twenty minutes ahead, which the SDK adopts', async () => {
    await proxy.setRules([{ fault: 'skew', max: 1 }]);
    const client = impatient();
    expect(await failure(put('k', 'body', client))).toMatchObject({ name: 'RequestTimeTooSkewed' });
    expect(Math.abs(client.config.systemClockOffset - 20 * 60_000)).toBeLessThan(5_000);
    client.destroy();
  });

  it('a login page with status 200, which the SDK takes for an empty list, an object and a finished write', async () => {
    await proxy.setRules([{ fault: 'html' }]);
    const listed = await through.send(new ListObjectsV2Command({ Bucket }));
    expect([listed.Contents, listed.KeyCount, listed.$metadata.requestId]).toEqual([undefined, undefined, undefined]);
    expect(await get('k')).toContain('<title>Sign in</title>');
    expect((await put('k')).ETag).toBeUndefined();
    expect(await stored('k')).toBeUndefined();
  });

  it('more than so many a second', async () => {
    await proxy.setRules([{ fault: 'limit', perS: 2 }]);
    const results = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => failure(put(`k${n}`))));
    expect(results.filter((result) => result === 'no failure').length).toBeGreaterThanOrEqual(2);
    expect(results).toContainEqual(expect.objectContaining({ name: 'SlowDown' }));
  });

  it('an error inside of a success, when an upload is completed', async () => {
    const { UploadId } = await through.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k' }));
    const part = { Bucket, Key: 'k', UploadId, PartNumber: 1 };
    const { ETag } = await through.send(new UploadPartCommand({ ...part, Body: 'x' }));
    const complete = () =>
      through.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key: 'k',
          UploadId,
          MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
        }),
      );
    await proxy.setRules([{ fault: 'error-in-200' }]);
    expect(await failure(complete())).toMatchObject({ name: 'InternalError' });
    expect(await stored('k')).toBeUndefined();
    await proxy.setRules([]);
    await complete();
    expect(await stored('k')).toBe('x');
  });
});

describe('connections', () => {
  it.each<[FaultRule, object, 'applied' | 'not applied']>([
    [{ fault: 'reset' }, { code: 'ECONNRESET' }, 'not applied'],
    [{ fault: 'hang' }, { name: 'TimeoutError' }, 'not applied'],
    [{ fault: 'lost' }, { code: 'ECONNRESET' }, 'applied'],
    [{ fault: 'lost-hang' }, { name: 'TimeoutError' }, 'applied'],
    [{ fault: 'lost-error' }, { name: 'InternalError' }, 'applied'],
    [{ fault: 'late', delayMs: 3_000 }, { name: 'TimeoutError' }, 'applied'],
    [{ fault: 'latency', delayMs: 3_000 }, { name: 'TimeoutError' }, 'applied'],
    [{ fault: 'ghost', delayMs: 2_000 }, { code: 'ECONNRESET' }, 'applied'],
  ])('%o', async (rule, expected, outcome) => {
    await proxy.setRules([rule]);
    const error = await failure(put('k'));
    expect(error).toMatchObject(expected);
    if (rule.fault === 'ghost' || rule.fault === 'latency') expect(await stored('k')).toBeUndefined();
    await proxy.settled();
    expect(await stored('k')).toBe(outcome === 'applied' ? 'body' : undefined);
  });

  it('cut while a body is being sent', async () => {
    await proxy.setRules([{ fault: 'cut-upload', operation: 'PutObject', about: '/k\\b', max: 1 }]);
    const Body = Buffer.alloc(9 << 20);
    const cut = await failure(through.send(new PutObjectCommand({ Bucket, Key: 'k', Body })));
    expect(cut).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) });
    expect(await stored('k')).toBeUndefined();
    const patient = rawClients.s3(proxy.endpoint);
    await patient.send(new PutObjectCommand({ Bucket, Key: 'k', Body }));
    patient.destroy();
    expect(await stored('k')).toHaveLength(9 << 20);
  });

  it('what is slow arrives all the same', async () => {
    await proxy.setRules([{ fault: 'latency', delayMs: 150 }]);
    const startMs = performance.now();
    await put('k');
    expect(performance.now() - startMs).toBeGreaterThan(140);
    expect(await stored('k')).toBe('body');
  });
});

describe('bytes', () => {
  const big = 'abcdefgh'.repeat(20_000);
  beforeEach(() => put('k', big));

  it('cut in the middle', async () => {
    await proxy.setRules([{ fault: 'truncate' }]);
    const answer = await through.send(new GetObjectCommand({ Bucket, Key: 'k' }));
    expect(answer.ContentLength).toBe(big.length);
    expect(await failure(answer.Body?.transformToString() ?? Promise.resolve())).toMatchObject({ code: 'ECONNRESET' });
    expect(await failure(through.send(new ListObjectsV2Command({ Bucket })))).toMatchObject({ code: 'ECONNRESET' });
  });

  it('missing and altered without a word', async () => {
    await proxy.setRules([{ fault: 'shorten' }]);
    expect(await get('k')).toBe(big.slice(0, big.length / 2));
    await proxy.setRules([{ fault: 'alter' }], 5);
    const altered = (await get('k')) ?? '';
    expect(altered).toHaveLength(big.length);
    expect(Array.from(altered).filter((char, index) => char !== big[index])).toHaveLength(1);
    await proxy.setRules([]);
    expect(await get('k')).toBe(big);
  });
});

describe('what S3 may do', () => {
  it('delete a part of a batch only', async () => {
    for (const n of [1, 2, 3, 4]) await put(`k${n}`);
    await proxy.setRules([{ fault: 'unprocessed' }]);
    const Objects = [1, 2, 3, 4].map((n) => ({ Key: `k${n}` }));
    const { Deleted = [], Errors = [] } = await through.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Errors.length).toBeGreaterThan(0);
    expect([...Deleted, ...Errors].map(({ Key }) => `${Key}`).toSorted()).toEqual(['k1', 'k2', 'k3', 'k4']);
    for (const { Key, Code } of Errors) expect([await stored(Key as string), Code]).toEqual(['body', 'InternalError']);
    for (const { Key } of Deleted) expect(await stored(Key as string)).toBeUndefined();
  });

  it('get a conditional write twice, the second time refusing what it did', async () => {
    const once = (Key: string) => through.send(new PutObjectCommand({ Bucket, Key, Body: 'mine', IfNoneMatch: '*' }));
    await proxy.setRules([{ fault: 'repeat' }]);
    expect(await failure(once('a'))).toMatchObject({ name: 'PreconditionFailed' });
    expect(await stored('a')).toBe('mine');
    await proxy.setRules([{ fault: 'duplicate' }]);
    await once('b');
    expect(await stored('b')).toBe('mine');
  });

  it('tell another time', async () => {
    await proxy.setRules([{ fault: 'clock', minutes: -20 }]);
    const response = await fetch(`${proxy.endpoint}/${Bucket}?list-type=2`);
    await response.text();
    const aheadMs = Date.now() - Date.parse(response.headers.get('date') ?? '');
    expect(Math.abs(aheadMs - 20 * 60_000)).toBeLessThan(5_000);
  });
});

describe('without a rule', () => {
  it('passes everything on, also long bodies and names, and counts it', async () => {
    const own = await startFaultProxy({ targets: { s3: await sharedAwsServer('fauxqs') } });
    const client = rawClients.s3(own.endpoint);
    const Key = 'a b/ü+%/😀';
    const Body = Buffer.alloc(6 << 20, 7);
    await client.send(new PutObjectCommand({ Bucket, Key, Body }));
    const got = await client.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=1-2' }));
    expect(got.ContentLength).toBe(2);
    await got.Body?.transformToByteArray();
    expect(await client.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({ ContentLength: 6 << 20 });
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents).toMatchObject([{ Key }]);
    expect(await failure(client.send(new GetObjectCommand({ Bucket, Key: 'none' })))).toMatchObject({
      name: 'NoSuchKey',
    });
    const { operations, faults, received, applied, troubles } = await own.ledger();
    expect(operations['s3 PutObject']).toMatchObject({ received: 1, applied: 1, refused: 0 });
    expect(operations['s3 PutObject']?.bytesIn).toBeGreaterThanOrEqual(6 << 20);
    expect(operations['s3 GetObject']).toMatchObject({ received: 2, applied: 1, refused: 1 });
    expect({ faults, received, applied, troubles }).toEqual({ faults: {}, received: 5, applied: 4, troubles: [] });
    client.destroy();
    await own.stop();
  });
});
