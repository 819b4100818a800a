import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { text } from './plain-types.ts';
import { unexpected, type ValueType } from './value-type.ts';

/** An absolute directory, from a path; `~/` is the home directory of the user. */
export function directoryPath(userHome: string | undefined): ValueType<string> {
  const plain = text({ expected: 'the path of a directory' });
  return {
    ...plain,
    read(value, context) {
      const found = plain.read(value, context);
      return found === undefined ? undefined : absolute(found, { dir: value.dir, userHome });
    },
  };
}

/** Where a backend keeps its data, as a `file://` URL; from a path or such a URL. */
export function location(userHome: string | undefined): ValueType<string> {
  const expected = 'a directory: a path, or file:///absolute/path';
  const plain = text({ expected });
  return {
    ...plain,
    read(value, context) {
      const found = plain.read(value, context);
      if (found === undefined) return undefined;
      const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(found)?.[1]?.toLowerCase();
      if (scheme === undefined) return pathToFileURL(absolute(found, { dir: value.dir, userHome })).href;
      // Such an address may hold a password, so it is not repeated.
      if (scheme !== 'file')
        return context.problem(
          `found a ${scheme}:// address, expected ${expected}; this version keeps jobs in directories only`,
          {
            at: value,
            hint: 'Use a directory on a file system that all nodes share',
          },
        );
      return (
        canonicalFileUrl(found) ??
        unexpected(value, expected, { context, hint: 'Write three slashes: file:///scratch/me/jobs' })
      );
    },
  };
}

function absolute(path: string, { dir, userHome }: { dir: string; userHome: string | undefined }): string {
  if (userHome !== undefined && (path === '~' || path.startsWith('~/'))) return join(userHome, path.slice(1));
  return resolve(dir, path);
}

function canonicalFileUrl(url: string): string | null {
  try {
    const parsed = new URL(url);
    const path = fileURLToPath(parsed);
    return parsed.search === '' && parsed.hash === '' && isAbsolute(path) ? pathToFileURL(path).href : null;
  } catch {
    return null;
  }
}
