/** Whether a listing in pages gave every name once and in the order of its UTF-8 bytes. */

import { broken, fine, type Verdict } from './verdict.ts';

/** Compares by the bytes of the UTF-8 form. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export interface Listed {
  readonly expected: readonly string[];
  readonly found: readonly string[];
  readonly pages: number;
}

export function checkListing(name: string, { expected, found, pages }: Listed): Verdict {
  const missing = expected.filter((key) => !found.includes(key));
  const strange = found.find((key) => !expected.includes(key));
  const [twice] = found.filter((key, index) => found.indexOf(key) !== index);
  const remedy = 'Use another server: jobs find their tasks and results by listing them';
  if (missing.length > 0)
    return broken(name, `${missing.length} of ${expected.length} names were left out over ${pages} pages`, remedy);
  if (strange !== undefined) return broken(name, `${JSON.stringify(strange)} was listed and was not asked for`, remedy);
  if (twice !== undefined) return broken(name, `${JSON.stringify(twice)} was listed twice over ${pages} pages`, remedy);
  const sorted = expected.toSorted(byBytes);
  const at = sorted.findIndex((key, index) => found[index] !== key);
  if (at >= 0)
    return broken(
      name,
      `${JSON.stringify(found[at])} came where ${JSON.stringify(sorted[at])} belongs in the order of bytes`,
      remedy,
    );
  return fine(name, `every name once over ${pages} pages, in the order of bytes`);
}
