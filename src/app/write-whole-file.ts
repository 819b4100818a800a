/** A file of the user's, named by an option of a command: there as a whole or not at all. */
import { chmod, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeFailure, errnoOf, troubleOf } from '../backends/shared/fs-errno.ts';
import { AppError } from '../errors/app-error.ts';
import type { Ids } from '../ports/random.ts';

export interface WholeFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** Permissions, whatever the umask is: who may read it is part of what the file is for. */
  readonly mode: number;
  /** What a person would type instead: `--out dashboard.html`. */
  readonly example: string;
}

/** Creates or replaces it in one step. @throws USAGE for a place where no file can be, SCRATCH_FULL */
export async function writeWholeFile(ids: Pick<Ids, 'token'>, { path, text, mode, example }: WholeFile): Promise<void> {
  const hint = hintOf(example);
  await requireFilePlace(path, example);
  const beside = `${path}.${ids.token(8)}.tmp`;
  try {
    await writeFile(beside, text, { mode, flag: 'wx' });
    // Some shared file systems have fixed modes and refuse the call, so it is made only where something is missing.
    if ((mode & ~(await stat(beside)).mode) !== 0) await chmod(beside, mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw asAppError(error, path, hint);
  }
}

const hintOf = (example: string): string => `Name a file in a directory that exists and that you may write: ${example}`;

/** Before anything is read for a file that cannot be. @throws USAGE */
export async function requireFilePlace(path: string, example: string): Promise<void> {
  const hint = hintOf(example);
  const there = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw new AppError('USAGE', { message: `--out: ${describeFailure(error, path)}`, hint });
  });
  if (there !== null && !there.isFile())
    throw new AppError('USAGE', { message: `--out: ${path} is a directory or a device, expected a file`, hint });
  const above = await stat(dirname(path)).catch(() => null);
  if (above?.isDirectory() !== true)
    throw new AppError('USAGE', { message: `--out: ${dirname(path)} is no directory`, hint });
}

function asAppError(error: unknown, path: string, hint: string): unknown {
  if (errnoOf(error) === undefined) return error;
  const message = describeFailure(error, path);
  if (troubleOf(error) !== 'full') return new AppError('USAGE', { message: `--out: ${message}`, hint });
  return new AppError('SCRATCH_FULL', {
    message,
    hint: 'Free space there or choose another place; a file that was there is unchanged',
    cause: error,
  });
}
