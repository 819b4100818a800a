import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import type { Compression } from '../../domain/job-spec.ts';
import { AppError, messageOf } from '../../errors/app-error.ts';
import { gunzip } from './gunzip.ts';
import { unzstd } from './unzstd.ts';

/** Large reads keep the number of awaits, and of lines that straddle two reads, small. */
const READ_BYTES = 1024 * 1024;

/**
 * The decompressed bytes of a file.
 * @throws INPUT_UNREADABLE; INPUT_MALFORMED when the compressed data is cut off or damaged
 */
export async function* fileBytes(
  path: string,
  compression: Compression,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await checkReadable(path);
  const raw = rawBytes(path, signal);
  if (compression === 'none') yield* raw;
  else if (compression === 'gzip') yield* gunzip(raw, path);
  else yield* unzstd(raw, path);
}

/** @throws INPUT_UNREADABLE when there is no such file, it is a directory, or it may not be read. */
export async function checkReadable(path: string): Promise<void> {
  try {
    const found = await stat(path);
    if (found.isDirectory())
      throw new AppError('INPUT_UNREADABLE', {
        message: `${path} is a directory, expected a file`,
        hint: `Name a file, or take every file in it with: files: "${path}/**/*"`,
      });
    await access(path, constants.R_OK);
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function* rawBytes(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(path, { highWaterMark: READ_BYTES, ...(signal === undefined ? {} : { signal }) });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(path, error);
  } finally {
    stream.destroy();
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of the path is a file',
  EACCES: 'may not be read: permission denied',
  EPERM: 'may not be read: permission denied',
  ELOOP: 'is a loop of symbolic links',
};

export function unreadable(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof AppError || code === undefined) return error;
  return new AppError('INPUT_UNREADABLE', {
    message: `${path} ${REASONS[code] ?? `cannot be read: ${messageOf(error)}`}`,
    cause: error,
  });
}
