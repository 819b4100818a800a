import { createReadStream, readFileSync, statSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';

import { AppError, messageOf } from '../../errors/app-error.ts';
import { createFile, writeAll } from '../shared/fs-directory.ts';
import { scratchFull } from '../shared/scratch-full.ts';
import { storeError } from './fs-store-error.ts';

const CHUNK_BYTES = 256 * 1_024;

/** The bytes of a local file that is not part of the store. */
export async function* readLocalFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    // A worker has just written it, so it comes from memory, and a stream would cost ten times as much as the read.
    if (statSync(path).size <= CHUNK_BYTES) yield readFileSync(path);
    else for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('STORE_UNAVAILABLE', {
      message: `cannot read ${path}, which was to be stored: ${messageOf(error)}`,
      cause: error,
    });
  }
}

/** Creates or replaces the local file at `path` in one step. Errors of `chunks` pass through and leave what was there. */
export async function writeLocalFile(path: string, nonce: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const temp = `${path}.part-${nonce}`;
  const file = await onLocal(path, createFile(temp));
  try {
    for await (const chunk of chunks) await onLocal(path, writeAll(file, chunk));
    // A crash of the host must not leave a name whose bytes were never written.
    await onLocal(path, file.sync());
    await onLocal(path, file.close());
    await onLocal(path, rename(temp, path));
  } catch (error) {
    await file.close().catch(() => {});
    // The copy has failed already, and why is being told.
    await unlink(temp).catch(() => {});
    throw error;
  }
}

async function onLocal<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw storeError(scratchFull(error, path), path);
  }
}
