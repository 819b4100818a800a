import { rename, unlink, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';

import type { ObjectBody } from '../../ports/object-store.ts';
import { createFile, writeAll } from '../shared/fs-directory.ts';
import { onStore } from './fs-store-error.ts';
import { TEMP_PREFIX } from './keys.ts';

interface PublishOptions {
  /** Distinguishes this write from every other one of the same object. */
  readonly nonce: string;
  readonly signal?: AbortSignal | undefined;
  readonly makeDirectory: (path: string) => Promise<void>;
}

/**
 * Writes `body` beside `path` and moves it there in one step; a failure leaves what was there before. The caller syncs the directory.
 * Errors of the body itself pass through untouched.
 */
export async function publishFile(
  path: string,
  body: ObjectBody,
  options: PublishOptions,
): Promise<{ bytes: number; sha256: string }> {
  const temp = join(dirname(path), TEMP_PREFIX + options.nonce);
  const file = await onStore(path, createFile(temp, options.makeDirectory));
  try {
    const written = await fill(file, path, body, options.signal);
    await onStore(path, file.sync());
    await onStore(path, file.close());
    options.signal?.throwIfAborted();
    await onStore(path, rename(temp, path));
    return written;
  } catch (error) {
    await file.close().catch(() => {});
    // The write has failed already, and why is being told; a left-over is found by its name.
    await unlink(temp).catch(() => {});
    throw error;
  }
}

async function fill(
  file: FileHandle,
  path: string,
  body: ObjectBody,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const add = async (chunk: Uint8Array): Promise<void> => {
    signal?.throwIfAborted();
    hash.update(chunk);
    bytes += chunk.byteLength;
    await onStore(path, writeAll(file, chunk));
  };
  if (typeof body === 'string') await add(Buffer.from(body));
  else if (body instanceof Uint8Array) await add(body);
  else for await (const chunk of body) await add(chunk);
  return { bytes, sha256: hash.digest('hex') };
}
