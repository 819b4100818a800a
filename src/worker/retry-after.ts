import type { ProviderAnswer } from '../ports/handler-host.ts';

/** What a handler says of a refusal: seconds, an HTTP date, or the provider's answer. */
export type RetryAfter = number | string | Date | ProviderAnswer | null | undefined;

/** The status by which HTTP says "too many requests". */
const TOO_MANY = 429;

/** Milliseconds the provider wants to be left alone, null when it did not say so; `other`: an answer that is no refusal. */
export function retryAfterMs(said: RetryAfter, nowMs: number): number | null | 'other' {
  if (said === null || said === undefined) return null;
  if (typeof said === 'number') return inSeconds(said);
  if (said instanceof Date) return until(said.getTime(), nowMs);
  if (typeof said === 'string') return fromText(said, nowMs);
  if (said.status !== TOO_MANY) return 'other';
  const header = said.headers.get('retry-after');
  return header === null ? null : fromText(header, nowMs);
}

const fromText = (text: string, nowMs: number): number | null =>
  /^\s*\d+(\.\d+)?\s*$/.test(text) ? inSeconds(Number(text)) : until(Date.parse(text), nowMs);

/** A provider that is not to be asked for longer is asked once a day all the same. */
const LONGEST_MS = 86_400_000;

const inSeconds = (seconds: number): number | null =>
  Number.isFinite(seconds) && seconds >= 0 ? Math.min(LONGEST_MS, Math.ceil(seconds * 1_000)) : null;

const until = (epochMs: number, nowMs: number): number | null =>
  Number.isFinite(epochMs) ? Math.min(LONGEST_MS, Math.max(0, Math.ceil(epochMs - nowMs))) : null;
