import { createHash } from 'node:crypto';

import { AppError } from '../../errors/app-error.ts';
import type { ObjectStore, ReadOptions } from '../../ports/object-store.ts';
import { writeLocalFile } from './fs-local-copy.ts';
import { notFound, type S3Access } from './s3-access.ts';
import { AlteredBytes, openBody, ReplacedObject } from './s3-body.ts';
import { headObject } from './s3-head.ts';

/** Whole readings of one object, after which what arrives differently each time is given up. */
const MAX_READINGS = 5;

/** The reading verbs of the store. */
export function createS3Reads(access: S3Access): Pick<ObjectStore, 'get' | 'stream' | 'getRange' | 'getFile' | 'head'> {
  const open = async (key: string, options: ReadOptions): Promise<AsyncIterable<Uint8Array> | null> => {
    const bucketKey = access.bucketKey(key);
    options.signal?.throwIfAborted();
    const opened = await openBody(access, { bucketKey, signal: options.signal });
    return opened === null ? null : verified(opened.chunks, options.sha256 ?? opened.sha256);
  };
  const openExisting = async (key: string, options: ReadOptions): Promise<AsyncIterable<Uint8Array>> => {
    const chunks = await open(key, options);
    if (chunks === null) throw notFound(access.placeOf(access.bucketKey(key)));
    return chunks;
  };
  const settled = async <T>(key: string, read: () => Promise<T>, found?: string): Promise<T> =>
    await readUntilAgreed(access.placeOf(access.bucketKey(key)), read, found);

  return {
    get: async (key, options = {}) =>
      await settled(key, async () => {
        const chunks = await open(key, options);
        return chunks === null ? null : await joined(chunks);
      }),
    async *stream(key, options = {}) {
      try {
        yield* await openExisting(key, options);
      } catch (error) {
        if (!(error instanceof AlteredBytes || error instanceof ReplacedObject)) throw error;
        // What was handed out cannot be taken back, but the object is only called corrupt when it is.
        const found = error instanceof AlteredBytes ? error.found : undefined;
        await settled(key, async () => await drain(await openExisting(key, options)), found);
        throw unsound(access.placeOf(access.bucketKey(key)), error);
      }
    },
    async getRange(key, start, end) {
      const bucketKey = access.bucketKey(key);
      if (end <= start) {
        if ((await headObject(access, bucketKey)) === null) throw notFound(access.placeOf(bucketKey));
        return Buffer.alloc(0);
      }
      return await settled(key, async () => {
        const opened = await openBody(access, { bucketKey, start, end });
        if (opened === null) throw notFound(access.placeOf(bucketKey));
        return await joined(opened.chunks);
      });
    },
    getFile: async (key, path, options = {}) =>
      await settled(key, async () =>
        writeLocalFile(path, access.context.ids.token(16), await openExisting(key, options)),
      ),
    async head(key) {
      const bytes = await headObject(access, access.bucketKey(key));
      return bytes === null ? null : { key, bytes };
    },
  };
}

async function* verified(chunks: AsyncIterable<Uint8Array>, expected: string | undefined): AsyncGenerator<Uint8Array> {
  if (expected === undefined) return yield* chunks;
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest('hex');
  if (found !== expected) throw new AlteredBytes(`sha-256 ${found}`, expected);
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all.length === 1 ? (all[0] as Uint8Array) : Buffer.concat(all);
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks);
}

/**
 * Reads until the bytes are sound. Wrong bytes may be the fault of the way; only two readings that found the same wrong bytes say that
 * the object itself is not what was recorded.
 * @throws STORE_CORRUPT, STORE_UNAVAILABLE
 */
async function readUntilAgreed<T>(place: string, read: () => Promise<T>, found?: string): Promise<T> {
  const seen = new Set(found === undefined ? [] : [found]);
  for (let readings = 1; ; readings += 1) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof AlteredBytes || error instanceof ReplacedObject)) throw error;
      if (error instanceof AlteredBytes) {
        if (seen.has(error.found))
          throw new AppError('STORE_CORRUPT', { message: `${place} is altered: ${error.message}`, cause: error });
        seen.add(error.found);
      }
      if (readings >= MAX_READINGS) throw unsound(place, error);
    }
  }
}

const unsound = (place: string, error: AlteredBytes | ReplacedObject): AppError =>
  new AppError('STORE_UNAVAILABLE', {
    message:
      error instanceof ReplacedObject
        ? `${place} was replaced while it was being read`
        : `${place} arrived altered (${error.message}), but differently when it was read again`,
    cause: error,
  });
