/** Spans of time of equal length, so many that the life of a job is a short list of them; pure. */
export interface TimeSpans {
  readonly widthMs: number;
  /** Begin (epoch ms) of the span a moment lies in. What lies outside the life of the job counts as its first or last moment. */
  of(ms: number): number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Lengths a person reads without reckoning. */
const WIDTHS = [1, 5, 15].map((n) => n * MINUTE_MS).concat([HOUR_MS, 6 * HOUR_MS, DAY_MS]);
const MOST_SPANS = 48;

/** `2026-11-20 23:31`, in UTC. */
export const minuteOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** @param fromMs @param toMs epoch ms of the begin and the end of what is looked at */
export function spansOf(fromMs: number, toMs: number): TimeSpans {
  const end = Math.max(fromMs, toMs);
  const fits = (width: number): boolean => (end - fromMs) / width <= MOST_SPANS;
  const days = Math.ceil((end - fromMs) / (MOST_SPANS * DAY_MS));
  const widthMs = WIDTHS.find(fits) ?? days * DAY_MS;
  return { widthMs, of: (ms) => Math.floor(Math.min(Math.max(ms, fromMs), end) / widthMs) * widthMs };
}
