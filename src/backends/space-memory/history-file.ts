/** What was free, as it lies in a file; pure. */
import type { SpaceHistory, SpacePoint } from '../../ports/space-memory.ts';

const SCHEMA = 'slurmctl.space-history/1';
/** A longer file was not written by us. */
export const MOST_BYTES = 1024 ** 2;

export const writeHistory = (history: SpaceHistory): string =>
  `${JSON.stringify({ schema: SCHEMA, places: [...history] })}\n`;

/** Empty for anything that was not written by `writeHistory`. */
export function readHistory(text: string): SpaceHistory {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new Map();
  }
  if (!isRecord(value) || value['schema'] !== SCHEMA) return new Map();
  const { places } = value;
  return Array.isArray(places) && places.every(isPlace) ? new Map(places) : new Map();
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPlace = (value: unknown): value is readonly [string, readonly SpacePoint[]] =>
  Array.isArray(value) &&
  value.length === 2 &&
  typeof value[0] === 'string' &&
  Array.isArray(value[1]) &&
  value[1].every(isPoint);

const isPoint = (value: unknown): value is SpacePoint =>
  isRecord(value) &&
  isAmount(value['atMs']) &&
  isAmount(value['freeBytes']) &&
  (value['freeInodes'] === null || isAmount(value['freeInodes']));

const isAmount = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;
