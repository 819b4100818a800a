import type { Files } from '../files.ts';

/** Also a lint rule; here for the files that lint does not read. */
export const MOST_LINES = 400;

export const longFiles = (files: Files): string[] =>
  [...files].flatMap(([path, text]) => {
    const lines = text.split('\n').length - 1;
    return lines > MOST_LINES ? [`${path}: ${lines} lines, at most ${MOST_LINES}`] : [];
  });

/** Names that say where code was put, not what it does. */
export const bucketNames = (files: Files): string[] =>
  [...files.keys()].filter(
    (path) => /(^|\/)(utils?|helpers?|common|misc|lib)(\.ts$|\/)/.test(path) || /[A-Z_ ]/.test(path),
  );

/** A command record describes itself. */
const SELF_DESCRIBING = /^src\/cli\/commands\//;

/** Files without a single doc comment: nothing in them says what they promise. A file that only re-exports promises nothing. */
export const unexplained = (files: Files): string[] =>
  [...files]
    .filter(([path, text]) => !SELF_DESCRIBING.test(path) && !text.includes('/**') && /^export (?!\*|\{)/m.test(text))
    .map(([path]) => path);

/** Places that mean something on one machine only, and hosts that packages come from. */
export const machineTraces = (files: Files): string[] =>
  [...files].flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        TRACES.flatMap((trace) => (trace.test(line) ? [`${path}:${index + 1}: ${trace.exec(line)?.[0]}`] : [])),
      ),
  );

/** Put together from pieces, because this file is read too. */
const TRACES = [
  new RegExp(`(?<![\\w.~$}{*)])/(${['wo' + 'rk', 'ro' + 'ot'].join('|')})/`),
  new RegExp(
    ['registry' + '\\.', 'npm' + 'mirror', 'artifact' + 'ory', '_auth' + 'Token', 'npm' + 'rc\\b.*//'].join('|'),
    'i',
  ),
  new RegExp('"resolved"' + ':'),
];
