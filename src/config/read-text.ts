import { open } from 'node:fs/promises';
import { AppError, isAppError, messageOf } from '../errors/app-error.ts';
import { formatBytes } from '../domain/units.ts';

/** Far above any configuration; a file this big is data that was named by mistake. */
const LARGEST_BYTES = 4 * 1024 ** 2;

/**
 * Reads a configuration file as UTF-8 text.
 * @throws CONFIG_NOT_FOUND when it cannot be opened, CONFIG_INVALID when it cannot be configuration at all
 */
export async function readConfigText(path: string): Promise<string> {
  try {
    return decode(await readSmallFile(path), path);
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError('CONFIG_NOT_FOUND', { message: `${path}: ${fsWords(error)}`, cause: error });
  }
}

async function readSmallFile(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const stat = await file.stat();
    if (stat.isDirectory())
      throw new AppError('CONFIG_NOT_FOUND', { message: `${path}: found a directory, expected a YAML file` });
    if (!stat.isFile())
      throw new AppError('CONFIG_NOT_FOUND', { message: `${path}: found a device or pipe, expected a YAML file` });
    if (stat.size > LARGEST_BYTES) {
      const message = `${path}: found ${formatBytes(stat.size)}, expected at most ${formatBytes(LARGEST_BYTES)} of YAML`;
      throw invalid(path, message, 'Name the YAML file that describes the job, not its data');
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function decode(bytes: Uint8Array, path: string): string {
  const invalidText = (found: string): AppError =>
    invalid(
      path,
      `${path}: found ${found}, expected YAML in UTF-8`,
      'Name the YAML file that describes the job, or save it as UTF-8',
    );
  if (bytes.includes(0)) throw invalidText('binary data');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidText('bytes that are not UTF-8');
  }
}

const invalid = (path: string, message: string, hint: string): AppError =>
  new AppError('CONFIG_INVALID', {
    message,
    hint,
    problems: [{ place: { file: path }, message: message.slice(path.length + 2), hint }],
  });

const FS_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read (permission denied)',
  EPERM: 'it may not be read (operation not permitted)',
  ENOTDIR: 'a part of the path is a file, not a directory',
  ELOOP: 'the symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
};

/** A file system error in words for people. */
export function fsWords(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === 'string' ? FS_WORDS[code] : undefined) ?? messageOf(error);
}
