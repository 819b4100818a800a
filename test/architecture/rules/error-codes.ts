import type { Files } from '../files.ts';
import { reduce } from '../source-text.ts';

export interface CodeUse {
  /** Codes that no source file outside the catalogue names in quotes: nothing can throw them. */
  readonly neverThrown: string[];
  /** Codes that no test names: nothing proves how they come about. */
  readonly neverTested: string[];
}

/** How the codes of the catalogue are used by source and tests. */
export function codeUse(
  codes: readonly string[],
  { source, tests }: { readonly source: Files; readonly tests: Files },
): CodeUse {
  const throwing = [...source]
    .filter(([path]) => !path.startsWith('src/errors/catalogue'))
    .map(([, text]) => reduce(text).withStrings);
  const testing = [...tests.values()].map((text) => reduce(text).withStrings);
  return {
    neverThrown: codes.filter((code) => !throwing.some((text) => text.includes(`'${code}'`))),
    neverTested: codes.filter((code) => !testing.some((text) => new RegExp(`\\b${code}\\b`).test(text))),
  };
}
