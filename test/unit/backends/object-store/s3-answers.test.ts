import { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { S3ObjectStore } from '../../../../src/backends/object-store/s3.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { openS3Store } from '../../../contract/object-store-s3.ts';

/** Sleeping is moving on. */
function jumpingClock(): Clock {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  return { monotonicMs: () => now, nowMs: () => now, sleep } as unknown as Clock;
}

const s3 = mockClient(S3Client);
let store: S3ObjectStore;
beforeEach(async () => {
  s3.reset();
  store = await openS3Store('s3://bucket/run?region=eu-central-1', { clock: jumpingClock() });
});
afterAll(() => s3.restore());

const refused = (name: string, status: number): Error =>
  Object.assign(new Error(`${name} it said`), { name, $metadata: { httpStatusCode: status } });
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());
async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of source) all.push(value);
  return all;
}

/** A body that ends with an error after what is said. */
function broken(
  said: string,
  error: Error | null = Object.assign(new Error('aborted'), { code: 'ECONNRESET' }),
): never {
  return Readable.from(
    (async function* () {
      if (said !== '') yield Buffer.from(said);
      if (error !== null) throw error;
    })(),
  ) as never;
}
const answer = (more: Partial<GetObjectCommandOutput>): GetObjectCommandOutput => ({
  $metadata: {},
  ETag: '"1"',
  ...more,
});

describe('an answer that breaks off', () => {
  it('is taken up where it broke, wherever and however often, also by a server that knows no ranges', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 12 }),
        fc.record({ start: fc.nat({ max: 320 }), length: fc.integer({ min: 1, max: 320 }), knowsRanges: fc.boolean() }),
        async (bytes, cuts, { start, length, knowsRanges }) => {
          const left = [...cuts];
          s3.on(GetObjectCommand).callsFake(async ({ Range }: GetObjectCommandInput) => {
            const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(Range ?? '') ?? [];
            const from = knowsRanges ? Number(first) : 0;
            const to = knowsRanges && last !== '' ? Math.min(bytes.length, Number(last) + 1) : bytes.length;
            if (from >= bytes.length) throw refused('InvalidRange', 416);
            const body = bytes.subarray(from, to);
            const cut = left.shift();
            const isRange = knowsRanges && Range !== undefined;
            return answer({
              ContentLength: body.length,
              ...(isRange ? { ContentRange: `bytes ${from}-${to - 1}/${bytes.length}` } : {}),
              // Without ranges a cut before the wanted bytes is no progress; these are few.
              Body: cut === undefined ? (Readable.from([Buffer.from(body)]) as never) : brokenAfter(body, cut),
            });
          });
          expect(Buffer.from((await store.get('k')) ?? [])).toEqual(Buffer.from(bytes));
          left.push(...cuts.slice(0, 6));
          expect(Buffer.from(await store.getRange('k', start, start + length))).toEqual(
            Buffer.from(bytes.subarray(start, start + length)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  const brokenAfter = (body: Uint8Array, cut: number): never => {
    const said = body.subarray(0, cut);
    return Readable.from(
      (async function* () {
        if (said.length > 0) yield Buffer.from(said);
        // One byte before the end is as good as in the middle.
        if (said.length < body.length) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      })(),
    ) as never;
  };

  it('is no end because the connection ended in order', async () => {
    s3.on(GetObjectCommand)
      .resolvesOnce(answer({ ContentLength: 6, Body: broken('abc', null) }))
      .resolvesOnce(answer({ ContentLength: 3, ContentRange: 'bytes 3-5/6', Body: broken('def', null) }));
    expect(text(await store.get('k'))).toBe('abcdef');
    expect(s3.commandCalls(GetObjectCommand)[1]?.args[0].input).toMatchObject({ Range: 'bytes=3-', IfMatch: '"1"' });
  });

  it('is not continued with another version by a server that ignores If-Match', async () => {
    s3.on(GetObjectCommand)
      .resolvesOnce(answer({ ContentLength: 6, Body: broken('abc') }))
      .resolvesOnce(answer({ ContentLength: 3, ContentRange: 'bytes 3-5/6', ETag: '2', Body: broken('DEF', null) }))
      .resolvesOnce(answer({ ContentLength: 6, ETag: '2', Body: broken('ABCDEF', null) }));
    expect(text(await store.get('k'))).toBe('ABCDEF');
  });

  it('is given up when nothing comes any more', async () => {
    s3.on(GetObjectCommand).callsFake(() => answer({ ContentLength: 6, Body: broken('') }));
    await expect(store.get('k')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message:
        'GetObject on s3://bucket/run/k at AWS eu-central-1 breaks off again and again after 0 of 6 bytes (ECONNRESET)',
    });
    expect(s3.commandCalls(GetObjectCommand)).toHaveLength(9);
  });

  it("is altered when the SDK's checksum says so, and corrupt when it does so twice in the same way", async () => {
    const mismatch = new Error('Checksum mismatch: expected "aaaa" but received "bbbb" in response header "x".');
    s3.on(GetObjectCommand)
      .resolvesOnce(answer({ ContentLength: 3, Body: broken('abd', mismatch) }))
      .resolvesOnce(answer({ ContentLength: 3, Body: broken('abc', null) }));
    expect(text(await store.get('k'))).toBe('abc');
    s3.reset();
    s3.on(GetObjectCommand).callsFake(() => answer({ ContentLength: 3, Body: broken('abd', mismatch) }));
    await expect(store.get('k')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: 's3://bucket/run/k is altered: found checksum bbbb, expected checksum aaaa',
    });
  });
});

describe('a batch of deletions', () => {
  it('is repeated for the keys that may still go', async () => {
    s3.on(DeleteObjectsCommand)
      .resolvesOnce({
        Errors: [
          { Key: 'run/b', Code: 'InternalError' },
          { Key: 'run/c', Code: 'SlowDown' },
          { Key: 'run/a', Code: 'NoSuchKey' },
        ],
      })
      .resolvesOnce({ Errors: [{ Key: 'run/c', Code: 'SlowDown' }] })
      .resolves({});
    await store.delete(['a', 'b', 'c', 'd']);
    const asked = s3.commandCalls(DeleteObjectsCommand).map(({ args }) => args[0].input.Delete?.Objects);
    expect(asked.map((objects) => objects?.map(({ Key }) => Key))).toEqual([
      ['run/a', 'run/b', 'run/c', 'run/d'],
      ['run/b', 'run/c'],
      ['run/c'],
    ]);
  });

  it('fails with the key that may not be deleted', async () => {
    s3.on(DeleteObjectsCommand).resolves({
      Errors: [
        { Key: 'run/j/a', Code: 'SlowDown', Message: 'Slow' },
        { Key: 'run/j/b', Code: 'AccessDenied', Message: 'Denied' },
      ],
    });
    await expect(store.delete(['j/a', 'j/b'])).rejects.toMatchObject({
      code: 'STORE_DENIED',
      message: expect.stringMatching(/^DeleteObjects on s3:\/\/bucket\/run\/j\/ .*"run\/j\/b"/) as string,
    });
    expect(s3.commandCalls(DeleteObjectsCommand)).toHaveLength(1);
  });

  it('holds a thousand keys at most', async () => {
    s3.on(DeleteObjectsCommand).resolves({});
    await store.delete(Array.from({ length: 2_001 }, (_, index) => `k${index}`));
    const sizes = s3.commandCalls(DeleteObjectsCommand).map(({ args }) => args[0].input.Delete?.Objects?.length);
    expect(sizes).toEqual([1_000, 1_000, 1]);
  });
});

describe('a listing', () => {
  const page = (keys: readonly string[], more: object = {}) => ({
    Contents: keys.map((Key) => ({ Key, Size: 1 })),
    ...more,
  });
  const keys = async (prefix: string): Promise<string[]> => (await collect(store.list(prefix))).map(({ key }) => key);

  it('of one page is put in order', async () => {
    s3.on(ListObjectsV2Command).resolves(page(['run/a', 'run/B', 'run/\u{1f600}', 'run/\uffee']));
    expect(await keys('')).toEqual(['B', 'a', '\uffee', '\u{1f600}']);
  });

  it.each([
    ['in another order', page(['run/b', 'run/B']), 'listed "run/b" before "run/B"'],
    ['with the last page again', page(['run/A', 'run/a']), 'listed "run/a" before "run/A"'],
    ['without a way to go on', page(['run/b'], { IsTruncated: true }), 'said that there is more'],
  ])('of several pages %s is refused', async (_what, second, words) => {
    s3.on(ListObjectsV2Command)
      .resolvesOnce(page(['run/A', 'run/a'], { IsTruncated: true, NextContinuationToken: 't' }))
      .resolves(second);
    await expect(keys('')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(words) as string,
      hint: expect.stringContaining('S3 Express') as string,
    });
  });

  it('leaves out what no object here is called, and deletePrefix takes it along', async () => {
    s3.on(ListObjectsV2Command).resolves(page(['run/j/', 'run/j/.put-x', 'run/j//b', 'run/j/a']));
    s3.on(DeleteObjectsCommand).resolves({});
    expect(await keys('j/')).toEqual(['j/a']);
    await store.deletePrefix('j/');
    expect(s3.commandCalls(DeleteObjectsCommand)[0]?.args[0].input.Delete?.Objects).toHaveLength(4);
  });
});

it('what killed writers left is found page by page', async () => {
  const begun = (UploadId: string, ms: number) => ({ Key: 'run/j/k', UploadId, Initiated: new Date(ms) });
  s3.on(ListMultipartUploadsCommand)
    .resolvesOnce({
      Uploads: [begun('1', 1_000), begun('2', 9_000), { ...begun('x', 1_000), Key: 'other/k' }],
      IsTruncated: true,
      NextKeyMarker: 'run/j/k',
      NextUploadIdMarker: '2',
    })
    .resolves({ Uploads: [begun('3', 2_000)] });
  expect(await store.abortStaleUploads('j/', 5_000)).toBe(2);
});

describe('keys', () => {
  it('never leave the prefix of the store', async () => {
    s3.on(PutObjectCommand).resolves({});
    const segment = fc.oneof(fc.constantFrom('..', '.', '', 'a', '%2e%2e', '\\..'), fc.string({ unit: 'binary' }));
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { minLength: 1, maxLength: 5 }), async (segments) => {
        const key = segments.join('/');
        s3.resetHistory();
        const error = await store.put(key, '').then(
          () => null,
          (thrown: unknown) => thrown,
        );
        const sent = s3.commandCalls(PutObjectCommand)[0]?.args[0].input.Key;
        if (error !== null) expect([error, sent]).toMatchObject([{ code: 'STORE_BAD_KEY' }, undefined]);
        else {
          expect(sent).toBe(`run/${key}`);
          expect(key.split('/')).not.toContain('..');
        }
      }),
    );
  });

  it('are at most 1,024 bytes long together with the prefix', async () => {
    s3.on(PutObjectCommand).resolves({});
    const key = `${'x'.repeat(250)}/`.repeat(4) + 'y'.repeat(16);
    await store.put(key, '');
    await expect(store.put(`${key}z`, '')).rejects.toMatchObject({
      code: 'STORE_BAD_KEY',
      message: expect.stringContaining('together with the store\'s prefix "run/"') as string,
    });
  });
});
