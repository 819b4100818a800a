import { parseDurationMs } from '../../domain/units.ts';

/** A moment, or how long ago one was. */
export type Since = { readonly atMs: number } | { readonly agoMs: number };

const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** Null for text that is neither. A time without a zone is UTC, as all times are that slurmctl shows: what it printed can be given back to it. */
export function parseSince(text: string): Since | null {
  const agoMs = parseDurationMs(text);
  if (agoMs !== null) return { agoMs };
  const [, day, time = '00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  const atMs = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(atMs) ? null : { atMs };
}

export const SINCE_EXPECTED =
  'a time such as 2026-11-21T09:30:00Z (UTC where it names no zone), or a duration such as 2h or 30m';
