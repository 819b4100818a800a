/** `--token-file`: a token that outlives the process that made it. */
import { open, readFile, stat } from 'node:fs/promises';
import { describeFailure, errnoOf } from '../backends/shared/fs-errno.ts';
import { AppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';
import { TOKEN_CHARS } from './serve-until.ts';

const TOKEN = /^[A-Za-z0-9]{16,128}$/;
const PRIVATE = 0o077;

/** The token that a scraper is configured with: it stays the same from one run to the next. @throws USAGE */
export async function keptToken({ ids }: Pick<Drivers, 'ids'>, path: string): Promise<string> {
  try {
    await using file = await open(path, 'wx', 0o600);
    const token = ids.token(TOKEN_CHARS);
    await file.writeFile(`${token}\n`);
    return token;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw refused(error, path);
  }
  return readToken(path);
}

async function readToken(path: string): Promise<string> {
  const hint = `Make it private with: chmod 600 ${path}; or name a file that is not there yet, to have one made`;
  try {
    if (((await stat(path)).mode & PRIVATE) !== 0)
      throw new AppError('USAGE', { message: `--token-file: others may read ${path}, so it keeps no secret`, hint });
    const token = (await readFile(path, 'utf8')).trim();
    if (TOKEN.test(token)) return token;
  } catch (error) {
    throw refused(error, path);
  }
  throw new AppError('USAGE', {
    message: `--token-file: ${path} holds no token, expected 16 to 128 letters and digits`,
    hint: 'Name a file that is not there yet, to have one made',
  });
}

const refused = (error: unknown, path: string): unknown =>
  errnoOf(error) === undefined
    ? error
    : new AppError('USAGE', {
        message: `--token-file: ${describeFailure(error, path)}`,
        hint: 'Name a file in a directory that you may write',
      });
