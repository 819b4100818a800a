import { parseDurationMs } from '../../domain/units.ts';

/** A moment, or how long ago one was. */
export type Since = { readonly atMs: number } | { readonly agoMs: number };

const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Null for text that is neither. */
export function parseSince(text: string): Since | null {
  const agoMs = parseDurationMs(text);
  if (agoMs !== null) return { agoMs };
  const atMs = ISO.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : { atMs };
}

export const SINCE_EXPECTED = 'a time such as 2026-11-21T09:30:00Z, or a duration such as 2h or 30m';
