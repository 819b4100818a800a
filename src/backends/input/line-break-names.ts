import * as fs from 'node:fs';

/**
 * File names may hold line breaks, which a double star does not match: it becomes a dot of a regular expression. So the walker is shown names in
 * which each line break is written as two other characters, and its answers are read back. One-to-one, whatever a name holds.
 */
const MARK = '\uFDD0';
const WRITTEN: Readonly<Record<string, string>> = {
  '\n': `${MARK}n`,
  '\r': `${MARK}r`,
  '\u2028': `${MARK}l`,
  '\u2029': `${MARK}p`,
  [MARK]: `${MARK}m`,
};
const READ = Object.fromEntries(Object.entries(WRITTEN).map(([plain, written]) => [written, plain]));

/** A name or pattern as the walker may see it. */
export const hideLineBreaks = (text: string): string =>
  text.replaceAll(/[\n\r\u2028\u2029\uFDD0]/g, (character) => WRITTEN[character] as string);

/** The name on disk of what the walker calls by `text`. */
export const showLineBreaks = (text: string): string =>
  text.replaceAll(/\uFDD0[nrlpm]/g, (written) => READ[written] as string);

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

/** `node:fs` for the walker; `onReaddir` hears of every directory that was read, because the walker drops errors. */
export const walkerFs = (onReaddir: (path: string, error: NodeJS.ErrnoException | null) => void) => ({
  ...fs,
  readdir(path: string, options: { withFileTypes: true }, callback: Callback<fs.Dirent[]>): void {
    const real = showLineBreaks(path);
    fs.readdir(real, options, (error, entries) => {
      onReaddir(real, error);
      callback(error, error === null ? entries.map(hidden) : entries);
    });
  },
  realpath: (path: string, callback: Callback<string>): void =>
    fs.realpath(showLineBreaks(path), (error, real) => callback(error, error === null ? hideLineBreaks(real) : real)),
  stat: (path: string, callback: Callback<fs.Stats>): void => fs.stat(showLineBreaks(path), callback),
});

function hidden(entry: fs.Dirent): fs.Dirent {
  const name = hideLineBreaks(entry.name);
  return name === entry.name ? entry : (Object.create(entry, { name: { value: name } }) as fs.Dirent);
}
