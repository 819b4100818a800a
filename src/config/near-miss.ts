import { distance } from 'fastest-levenshtein';

/** Case, dashes and underscores are how people misremember a key most often. */
const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_\s]/g, '');

/** Two letters in the wrong order count as two edits, and are one slip of the fingers. */
const swapped = (a: string, b: string): boolean => letters(a) === letters(b);
const letters = (word: string): string => Array.from(plain(word)).toSorted().join('');

/** The candidate a person most likely meant, or null when none is near. */
export function nearMiss(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  // Longer words cannot be near any key, and comparing them would take time in proportion to their length.
  if (word.length > 100) return null;
  for (const candidate of candidates) {
    const away = distance(plain(word), plain(candidate));
    const tolerated = swapped(word, candidate)
      ? 2
      : Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (away <= tolerated && away < bestDistance && away < candidate.length) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best;
}

/** `Did you mean …?` with the near miss, or the whole list. */
export function suggestOneOf(word: string, candidates: readonly string[]): string {
  const near = nearMiss(word, candidates);
  return near === null ? `Use one of: ${candidates.join(', ')}` : `Did you mean \`${near}\`?`;
}
