import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Place, Problem } from '../errors/app-error.ts';
import { shorten } from './located.ts';
import { fsWords } from './read-text.ts';

/** Something the job file names that must be there before anything is written. */
export interface PathCheck {
  readonly kind: 'readable-file' | 'directory' | 'program';
  /** Absolute, except for a program that is to be looked for on PATH. */
  readonly path: string;
  readonly key: string;
  readonly place: Place;
}

/** Looks at every path; the problems come in the order of the checks. `pathVariable` is where programs without a slash are looked for. */
export async function checkPaths(checks: readonly PathCheck[], pathVariable: string): Promise<Problem[]> {
  const found = await Promise.all(checks.map((check) => CHECKERS[check.kind](check, pathVariable)));
  return found.flatMap((result, index) => {
    const { key, place } = checks[index] as PathCheck;
    return result === null
      ? []
      : [{ place, message: `${key}: ${result.message}`, ...(result.hint === undefined ? {} : { hint: result.hint }) }];
  });
}

type Checker = (
  check: PathCheck,
  pathVariable: string,
) => Promise<{ readonly message: string; readonly hint?: string } | null>;

const CHECKERS: Readonly<Record<PathCheck['kind'], Checker>> = {
  'readable-file': async ({ path }) => {
    try {
      const info = await stat(path);
      if (info.isDirectory()) return { message: `found the directory ${path}, expected a file` };
      if (!info.isFile())
        return { message: `found the device or pipe ${path}, expected a file that can be read again` };
      await (await open(path, 'r')).close();
      return null;
    } catch (error) {
      return { message: `cannot read ${path}: ${fsWords(error)}`, ...tildeHint(path) };
    }
  },
  directory: async ({ path }) => {
    try {
      return (await stat(path)).isDirectory() ? null : { message: `found the file ${path}, expected a directory` };
    } catch (error) {
      return { message: `cannot read ${path}: ${fsWords(error)}`, ...tildeHint(path) };
    }
  },
  program: async ({ path }, pathVariable) => {
    if (path.includes('/')) return programProblem(path);
    const places = pathVariable.split(delimiter).filter((each) => each !== '');
    for (const each of places) if ((await programProblem(join(each, path))) === null) return null;
    return {
      message: `found no program ${shorten(JSON.stringify(path))} on PATH`,
      hint: `Load its module or install it; for a file beside the job file write ./${shorten(path)}`,
    };
  },
};

async function programProblem(path: string): Promise<{ message: string; hint?: string } | null> {
  try {
    if (!(await stat(path)).isFile()) return { message: `found ${path}, expected a program` };
  } catch (error) {
    return { message: `cannot run ${path}: ${fsWords(error)}`, ...tildeHint(path) };
  }
  try {
    await access(path, constants.X_OK);
    return null;
  } catch {
    return { message: `cannot run ${path}: it is not executable`, hint: `Run: chmod +x ${path}` };
  }
}

const tildeHint = (path: string): { hint?: string } =>
  path.includes('/~/') ? { hint: 'Write the whole path: ~ is expanded by the shell only' } : {};
