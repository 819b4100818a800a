import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { S3ObjectStore } from '../../src/backends/object-store/s3.ts';
import { describeObjectStore } from '../contract/object-store.contract.ts';
import { openS3Store } from '../contract/object-store-s3.ts';
import { freshBucket, rawClients, useTestCredentials, type FreshBucket } from '../support/aws-resources.ts';
import { badDay, startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { withTempDir } from '../support/temp-dir.ts';

const MIB = 1_024 * 1_024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** Bytes that are alike nowhere, so that a part in the wrong place shows. */
const patterned = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return bytes;
};
const LARGE = patterned(20 * MIB + 123);

let proxy: FaultProxy;
let bucket: FreshBucket;
let store: S3ObjectStore;

beforeAll(async () => {
  useTestCredentials();
  const { endpoint } = await freshBucket();
  proxy = await startFaultProxy({ targets: { s3: endpoint } });
  bucket = await freshBucket({ through: proxy.endpoint });
  store = await openS3Store(bucket.url);
});
afterEach(() => proxy.setRules([]));
afterAll(() => proxy.stop());

async function* pieces(bytes: Uint8Array, length = 700_001): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of source) all.push(chunk);
  return Buffer.concat(all);
}
/** Multipart uploads that the server still holds, once nothing is on its way to it. */
async function leftUploads(): Promise<number> {
  await proxy.settled();
  const client = rawClients.s3(bucket.endpoint);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket.bucket }));
  client.destroy();
  return Uploads.length;
}
const faultsOf = async (operation: string): Promise<Readonly<Record<string, number>>> =>
  (await proxy.ledger()).operations[`s3 ${operation}`]?.faults ?? {};

for (const rate of [0.05, 0.2])
  describeObjectStore(`s3 on a bad day, ${rate * 100} % of requests`, async () => {
    const { url } = await freshBucket({ through: proxy.endpoint });
    await proxy.setRules([{ fault: 'truncate', operation: 'GetObject', rate }, ...badDay(rate)], 7);
    return { store: await openS3Store(url), other: await openS3Store(url, { seed: 2 }), close: () => undefined };
  });

describe('large objects', () => {
  it('go through in parts on a bad day, whole and without a left-over', { timeout: 120_000 }, async () => {
    await withTempDir(async (dir) => {
      const source = join(dir, 'source');
      const target = join(dir, 'target');
      await writeFile(source, LARGE);
      const written = { bytes: LARGE.length, sha256: sha256(LARGE) };
      for (const seed of [1, 2, 3]) {
        await proxy.setRules([{ fault: 'lost', operation: '*MultipartUpload', rate: 0.2 }, ...badDay(0.2)], seed);
        expect(await store.putFile('large/file', source)).toEqual({ key: 'large/file', ...written });
        expect(await store.put('large/bytes', LARGE)).toEqual({ key: 'large/bytes', ...written });
        expect(await store.put('large/stream', pieces(LARGE))).toEqual({ key: 'large/stream', ...written });
        await proxy.setRules([{ fault: 'truncate', operation: 'GetObject', rate: 0.5 }], seed);
        for (const key of ['large/file', 'large/bytes', 'large/stream']) {
          await store.getFile(key, target, { sha256: written.sha256 });
          expect(sha256(await readFile(target))).toBe(written.sha256);
          expect(sha256(await collect(store.stream(key)))).toBe(written.sha256);
          expect(await store.head(key)).toEqual({ key, bytes: LARGE.length });
        }
      }
      expect(await leftUploads()).toBe(0);
    });
  });

  it.each<readonly [string, FaultRule]>([
    ['an upload begun twice', { fault: 'lost', operation: 'CreateMultipartUpload', max: 1 }],
    ['an upload begun thrice', { fault: 'lost-error', operation: 'CreateMultipartUpload', max: 2 }],
    ['a part sent twice', { fault: 'lost', operation: 'UploadPart', max: 2 }],
    ['a completion that was applied unheard', { fault: 'lost', operation: 'CompleteMultipartUpload', max: 1 }],
    ['a completion that failed after status 200', { fault: 'error-in-200', max: 1 }],
  ])('survive %s', async (_what, rule) => {
    await proxy.setRules([rule]);
    expect(await store.put('large/once', pieces(LARGE))).toMatchObject({ sha256: sha256(LARGE) });
    expect(Object.values((await proxy.ledger()).faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    expect(await leftUploads()).toBe(0);
    expect(sha256((await store.get('large/once')) ?? Buffer.alloc(0))).toBe(sha256(LARGE));
  });

  it('leave nothing when a part is refused, the source fails or the caller gives up', async () => {
    await store.delete(['large/never']);
    await proxy.setRules([{ fault: 'denied', operation: 'UploadPart', after: 1 }]);
    await expect(store.put('large/never', pieces(LARGE))).rejects.toMatchObject({ code: 'STORE_DENIED' });
    await expect(store.put('large/never', LARGE)).rejects.toMatchObject({ code: 'STORE_DENIED' });
    await proxy.setRules([{ fault: 'refuse', code: 'InvalidPart', operation: 'CompleteMultipartUpload' }]);
    await expect(store.put('large/never', LARGE)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await proxy.setRules([]);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* pieces(LARGE.subarray(0, 18 * MIB));
      throw new Error('body broke');
    }
    await expect(store.put('large/never', failing())).rejects.toThrow('body broke');
    const given = new AbortController();
    async function* waiting(): AsyncGenerator<Uint8Array> {
      yield* pieces(LARGE);
      given.abort(new Error('given up'));
      await new Promise(() => undefined);
    }
    await expect(store.put('large/never', waiting(), given.signal)).rejects.toThrow('given up');
    expect(await store.head('large/never')).toBeNull();
    expect(await leftUploads()).toBe(0);
  });

  it('are given up in the middle of a request', async () => {
    await proxy.setRules([{ fault: 'hang', operation: ['UploadPart', 'PutObject', 'GetObject'] }]);
    for (const act of [
      (signal: AbortSignal) => store.put('large/hung', pieces(LARGE), signal),
      (signal: AbortSignal) => store.put('small/hung', 'x', signal),
      (signal: AbortSignal) => store.get('small/hung', { signal }),
      (signal: AbortSignal) => collect(store.stream('small/hung', { signal })),
    ]) {
      const given = new AbortController();
      const before = (await proxy.ledger()).faults.hang ?? 0;
      const done = expect(act(given.signal)).rejects.toThrow('given up');
      await expect.poll(async () => (await proxy.ledger()).faults.hang ?? 0).toBeGreaterThan(before);
      given.abort(new Error('given up'));
      await done;
    }
    expect(await leftUploads()).toBe(0);
  });

  it('of any length take the memory of a few parts', async () => {
    await proxy.setRules([{ fault: 'hang', operation: 'UploadPart' }]);
    const given = new AbortController();
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        taken += MIB;
        yield Buffer.alloc(MIB);
      }
    }
    const before = (await faultsOf('UploadPart'))['hang'] ?? 0;
    const putting = expect(store.put('large/endless', endless(), given.signal)).rejects.toThrow('enough');
    await expect.poll(async () => (await faultsOf('UploadPart'))['hang'] ?? 0).toBe(before + 4);
    expect(taken).toBeLessThan(6 * 8 * MIB);
    given.abort(new Error('enough'));
    await putting;
    expect(await leftUploads()).toBe(0);
  });

  it('of a writer that was killed are found and aborted by their age', async () => {
    const begun = new AbortController();
    await proxy.setRules([{ fault: 'hang', operation: ['UploadPart', 'AbortMultipartUpload'] }]);
    void store.put('jobs/a/large', pieces(LARGE), begun.signal).catch(() => undefined);
    await expect.poll(async () => (await faultsOf('UploadPart'))['hang'] ?? 0).toBeGreaterThan(0);
    await proxy.setRules([]);
    expect(await store.abortStaleUploads('jobs/', Date.now() - 60_000)).toBe(0);
    expect(await store.abortStaleUploads('other/', Date.now() + 60_000)).toBe(0);
    expect(await store.abortStaleUploads('jobs/', Date.now() + 60_000)).toBe(1);
    expect(await leftUploads()).toBe(0);
    begun.abort(new Error('over'));
  });

  it('tell when their file changes after it was hashed', async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, 'growing');
      // More than the parts that are under way together.
      await writeFile(path, Buffer.alloc(48 * MIB));
      await proxy.setRules([{ fault: 'latency', operation: 'CreateMultipartUpload', delayMs: 300 }]);
      const begun = async (): Promise<number> => (await faultsOf('CreateMultipartUpload'))['latency'] ?? 0;
      const before = await begun();
      const putting = expect(store.putFile('large/changing', path)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: `${path} changed while it was being stored`,
      });
      await expect.poll(begun).toBeGreaterThan(before);
      const file = await open(path, 'r+');
      await file.write('other', 48 * MIB - 5);
      await file.close();
      await putting;
      expect(await store.head('large/changing')).toBeNull();
      expect(await leftUploads()).toBe(0);
    });
  });
});

describe('bytes that are not those stored', () => {
  const small = patterned(200_000);
  const expectSound = async (key: string): Promise<void> => {
    await withTempDir(async (dir) => {
      expect(sha256((await store.get(key)) ?? Buffer.alloc(0))).toBe(sha256(small));
      await store.getFile(key, join(dir, 'target'));
      expect(sha256(await readFile(join(dir, 'target')))).toBe(sha256(small));
    });
  };

  it.each<FaultRule>([
    { fault: 'alter', max: 1 },
    { fault: 'shorten', max: 1 },
    { fault: 'truncate', operation: 'GetObject', max: 5 },
  ])('are read again: $fault', async (rule) => {
    await store.put('small/object', small);
    await proxy.setRules([rule]);
    await expectSound('small/object');
    expect((await faultsOf('GetObject'))[rule.fault]).toBeGreaterThan(0);
  });

  it('never pass, whatever is altered on the way', async () => {
    await store.put('small/object', small);
    await proxy.setRules([{ fault: 'alter' }]);
    // Every reading is altered in another place: the object is not called corrupt for that.
    await expect(store.get('small/object')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('arrived altered') as string,
    });
    await proxy.setRules([{ fault: 'alter', max: 1 }]);
    await expect(collect(store.stream('small/object'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(sha256(await collect(store.stream('small/object')))).toBe(sha256(small));
  });

  it('are corrupt when every reading finds the same', async () => {
    await store.put('small/object', small);
    await proxy.setRules([{ fault: 'shorten' }]);
    const corrupt = { code: 'STORE_CORRUPT', message: expect.stringContaining('run/small/object') as string };
    await withTempDir(async (dir) => {
      await expect(store.get('small/object')).rejects.toMatchObject(corrupt);
      await expect(collect(store.stream('small/object'))).rejects.toMatchObject(corrupt);
      await expect(store.getFile('small/object', join(dir, 'target'))).rejects.toMatchObject(corrupt);
    });
  });

  it('are told from another version of the object', async () => {
    await store.put('small/replaced', small);
    await proxy.setRules([{ fault: 'truncate', operation: 'GetObject', max: 1 }]);
    const read: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of store.stream('small/replaced')) {
        if (read.length === 0) await store.put('small/replaced', small.toReversed());
        read.push(chunk);
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('was replaced while it was being read') as string,
    });
  });
});

describe('many objects', () => {
  const keys = Array.from({ length: 2_500 }, (_, index) => `many/${String(index).padStart(4, '0')}`);

  it('are listed page by page and deleted in batches, on a bad day too', async () => {
    await Promise.all(keys.map((key) => store.put(key, key)));
    await store.put('manyfold', 'stays');
    await proxy.setRules([{ fault: 'unprocessed', operation: 'DeleteObjects', rate: 0.5 }, ...badDay(0.2)], 5);
    const listed: string[] = [];
    for await (const { key } of store.list('many/')) listed.push(key);
    expect(listed).toEqual(keys);
    await store.delete(keys.slice(0, 1_200));
    await store.deletePrefix('many/');
    await proxy.setRules([]);
    const left: string[] = [];
    for await (const { key } of store.list('many')) left.push(key);
    expect(left).toEqual(['manyfold']);
  });

  it('cost one request until a second page is wanted', async () => {
    await Promise.all(keys.slice(0, 1_001).map((key) => store.put(key, '')));
    const asked = async (): Promise<number> => (await proxy.ledger()).operations['s3 ListObjectsV2']?.received ?? 0;
    const before = await asked();
    for await (const _ of store.list('many/')) break;
    expect((await asked()) - before).toBe(1);
    await store.deletePrefix('many/');
  });
});
