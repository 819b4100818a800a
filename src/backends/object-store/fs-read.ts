import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';

import { AppError } from '../../errors/app-error.ts';
import type { ObjectStore, ReadOptions } from '../../ports/object-store.ts';
import { errnoOf, isMissing } from '../shared/fs-errno.ts';
import type { KeyPlaces } from './fs-keys.ts';
import { storeError } from './fs-store-error.ts';

const CHUNK_BYTES = 256 * 1_024;

/** The reading verbs of the store. */
export function createReads(places: KeyPlaces): Pick<ObjectStore, 'get' | 'stream' | 'getRange'> {
  return {
    async get(key, options = {}) {
      const path = await places.object(key);
      options.signal?.throwIfAborted();
      await using file = await openObject(path);
      const bytes = file === null ? null : await readWhole(file, path);
      if (bytes !== null && options.sha256 !== undefined)
        assertHash(createHash('sha256').update(bytes).digest('hex'), options.sha256, path);
      return bytes;
    },
    async *stream(key, options = {}) {
      const path = await places.object(key);
      await using file = await openObject(path);
      if (file === null) throw notFound(path);
      yield* streamFile(file, path, options);
    },
    async getRange(key, start, end) {
      const path = await places.object(key);
      await using file = await openObject(path);
      if (file === null) throw notFound(path);
      return await readRange(file, path, start, end);
    },
  };
}

/** Opens an object for reading; null when there is none. A symbolic link is not an object. */
async function openObject(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isMissing(error)) return null;
    throw storeError(error, path);
  }
}

/** The whole file, or null when it is a directory. */
async function readWhole(file: FileHandle, path: string): Promise<Uint8Array | null> {
  try {
    return await file.readFile();
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') return null;
    throw storeError(error, path);
  }
}

async function* streamFile(file: FileHandle, path: string, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const hash = options.sha256 === undefined ? null : createHash('sha256');
  for (;;) {
    options.signal?.throwIfAborted();
    // A fresh buffer each time: the reader may keep the chunk.
    const chunk = await readChunk(file, path, CHUNK_BYTES, null);
    if (chunk.byteLength === 0) break;
    hash?.update(chunk);
    yield chunk;
  }
  if (hash !== null) assertHash(hash.digest('hex'), options.sha256, path);
}

/** Bytes [start, end), shorter at the end of the file. */
async function readRange(file: FileHandle, path: string, start: number, end: number): Promise<Uint8Array> {
  const { size } = await file.stat();
  const result = Buffer.alloc(Math.max(0, Math.min(end, size) - start));
  let done = 0;
  while (done < result.byteLength) {
    const chunk = await readChunk(file, path, result.byteLength - done, start + done);
    if (chunk.byteLength === 0) break;
    result.set(chunk, done);
    done += chunk.byteLength;
  }
  return result.subarray(0, done);
}

/** @throws STORE_CORRUPT when the hash is not the expected one. */
function assertHash(found: string, expected: string | undefined, path: string): void {
  if (expected === undefined || found === expected) return;
  throw new AppError('STORE_CORRUPT', { message: `${path} has sha-256 ${found}, expected ${expected}` });
}

async function readChunk(file: FileHandle, path: string, bytes: number, position: number | null): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(bytes);
  try {
    const { bytesRead } = await file.read(buffer, 0, bytes, position);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') throw notFound(path);
    throw storeError(error, path);
  }
}

const notFound = (path: string): AppError =>
  new AppError('STORE_NOT_FOUND', { message: `there is no object at ${path}` });
