import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AppError } from '../../src/errors/app-error.ts';
import type { S3ObjectStore } from '../../src/backends/object-store/s3.ts';
import { openS3Store } from '../contract/object-store-s3.ts';
import { AWS_TEST_ENV, freshBucket, freshName, useTestCredentials } from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { NOBODY_LISTENS } from '../support/nobody-listens.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let proxy: FaultProxy;
let url: string;
let bucket: string;
let dir: ReturnType<typeof makeTempDir>;

beforeAll(async () => {
  useTestCredentials();
  dir = makeTempDir('s3');
  await writeFile(join(dir.path, 'file'), 'x');
  const { endpoint } = await freshBucket();
  proxy = await startFaultProxy({ targets: { s3: endpoint } });
  ({ url, bucket } = await freshBucket({ through: proxy.endpoint }));
});
afterEach(() => proxy.setRules([]));
afterAll(async () => {
  await proxy.stop();
  dir.remove();
});

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

/** Every verb, with the name of what it asks for in the end. */
const VERBS: readonly (readonly [name: string, act: (store: S3ObjectStore) => Promise<unknown>])[] = [
  ['put', (store) => store.put('a/key', 'x')],
  ['put in parts', (store) => store.put('a/key', Buffer.alloc(9 * 1_024 * 1_024))],
  ['putFile', (store) => store.putFile('a/key', join(dir.path, 'file'))],
  ['get', (store) => store.get('a/key')],
  ['stream', (store) => drain(store.stream('a/key'))],
  ['getRange', (store) => store.getRange('a/key', 0, 1)],
  ['an empty getRange', (store) => store.getRange('a/key', 1, 1)],
  ['getFile', (store) => store.getFile('a/key', join(dir.path, 'target'))],
  ['head', (store) => store.head('a/key')],
  ['list', (store) => drain(store.list('a/'))],
  ['delete', (store) => store.delete(['a/key'])],
  ['delete of several', (store) => store.delete(['a/key', 'a/other'])],
  ['deletePrefix', (store) => store.deletePrefix('a/')],
  ['abortStaleUploads', (store) => store.abortStaleUploads('a/', 0)],
];

async function refusal(act: (store: S3ObjectStore) => Promise<unknown>, at = url): Promise<AppError> {
  const store = await openS3Store(at);
  const error = await act(store).then(
    () => new Error('nothing was refused'),
    (thrown: unknown) => thrown,
  );
  return error as AppError;
}

const REFUSALS: readonly (readonly [rule: FaultRule, code: string, said: RegExp, hint: RegExp])[] = [
  [{ fault: 'denied' }, 'STORE_DENIED', /is not permitted/, /Ask for the permission s3:/],
  [{ fault: 'expired' }, 'AWS_CREDENTIALS_EXPIRED', /ExpiredToken/, /Sign in again/],
  [{ fault: 'skew' }, 'AWS_CLOCK_SKEW', /RequestTimeTooSkewed/, /clock/],
  [{ fault: 'redirect' }, 'AWS_WRONG_REGION', /but in eu-west-1/, /aws\.region: eu-west-1/],
  [{ fault: 'wrong-region' }, 'AWS_WRONG_REGION', /but in eu-west-1/, /aws\.region: eu-west-1/],
  [{ fault: 'html' }, 'AWS_NOT_A_SERVICE', /not an answer of the service/, /login page/],
  [{ fault: 'html', status: 404 }, 'AWS_NOT_A_SERVICE', /not an answer of the service/, /login page/],
  [{ fault: 'refuse', code: 'InvalidAccessKeyId', status: 403 }, 'AWS_CREDENTIALS_REFUSED', /InvalidAccess/, /belong/],
  [{ fault: 'refuse', code: 'QuotaExceeded', status: 403 }, 'STORE_FULL', /QuotaExceeded/, /Free space/],
];

describe.each(REFUSALS)('%o', (rule, code, said, hint) => {
  it.each(VERBS)('%s names the remedy', async (_name, act) => {
    await proxy.setRules([rule]);
    const error = await refusal(act);
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(said);
    expect(error.message).toContain(`s3://${bucket}`);
    expect(error.message).toContain(proxy.endpoint);
    expect(error.hint).toMatch(hint);
    for (const secret of [AWS_TEST_ENV['AWS_ACCESS_KEY_ID'], AWS_TEST_ENV['AWS_SECRET_ACCESS_KEY'], 'Signature='])
      expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toContain(secret);
  });
});

describe('what is not there', () => {
  const nowhere = (): string => url.replace(bucket, freshName('absent'));

  it.each(VERBS)('%s names the bucket', async (_name, act) => {
    const error = await refusal(act, nowhere());
    expect(error).toMatchObject({ code: 'STORE_MISSING', message: expect.stringContaining('s3://absent-') as string });
    expect(error.hint).toContain('slurmctl init --aws');
  });

  it('is not taken for a missing object after it was refused once', async () => {
    const store = await openS3Store(nowhere());
    for (const _ of [1, 2]) await expect(store.head('a/key')).rejects.toMatchObject({ code: 'STORE_MISSING' });
  });

  it('gives up within seconds where nobody answers, whatever is wanted', async () => {
    const beganMs = performance.now();
    const at = url.replace(/endpoint=[^&]+/, `endpoint=${NOBODY_LISTENS}`);
    for (const error of await Promise.all(VERBS.map(([, act]) => refusal(act, at))))
      expect(error).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('no connection (ECONNREFUSED)') as string,
      });
    expect(performance.now() - beganMs).toBeLessThan(8_000);
  });

  it.each(VERBS)('%s says when there are no credentials', async (_name, act) => {
    try {
      delete process.env['AWS_ACCESS_KEY_ID'];
      expect(await refusal(act)).toMatchObject({ code: 'AWS_NO_CREDENTIALS' });
    } finally {
      useTestCredentials();
    }
  });

  it('is answered with few requests: HEAD alone once the bucket is known', async () => {
    const store = await openS3Store(url);
    const asked = async (): Promise<number> => (await proxy.ledger()).received;
    const before = await asked();
    expect(await store.head('a/none')).toBeNull();
    expect((await asked()) - before).toBe(2);
    expect(await store.head('a/none')).toBeNull();
    expect((await asked()) - before).toBe(3);
  });
});
