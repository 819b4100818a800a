/** Numbers and times as a page shows them. */
import { formatDuration } from '../../domain/units.ts';

/** `1,234,567`. */
export const number = (value: number): string => value.toLocaleString('en-US');
export const count = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
/** Whole percent, rounded down, so that 100 % means all; below 1 % a decimal. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '0 %';
  const share = (100 * part) / whole;
  return share > 0 && share < 1 ? `${Math.max(0.1, Math.floor(share * 10) / 10)} %` : `${Math.floor(share)} %`;
}
/** `2026-11-20 23:31:05 UTC`. */
export const instant = (epochMs: number): string => `${iso(epochMs).slice(0, 19).replace('T', ' ')} UTC`;
export const iso = (epochMs: number): string => new Date(epochMs).toISOString();
/** `12.3/s`, `1,234/s`. */
export const rate = (perSec: number): string =>
  `${perSec >= 100 ? number(Math.round(perSec)) : Number(perSec.toPrecision(2))}/s`;
/** `85 ms`, `12 s`, `3 m 20 s`; short times with a digit more than a clock has. */
export const duration = (ms: number): string =>
  ms < 10
    ? `${Number(ms.toPrecision(2))} ms`
    : ms >= 1_000 && ms < 10_000
      ? `${(ms / 1_000).toFixed(1)} s`
      : formatDuration(ms);
/** Coordinates: a tenth of a pixel is finer than anybody sees, and half the size of a page. */
export const round = (value: number): number => Math.round(value * 10) / 10;
