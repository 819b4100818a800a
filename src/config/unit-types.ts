import type { Tolerance } from '../domain/job-spec.ts';
import { formatBytes, formatDuration, parseBytes, parseDurationMs, parsePercent } from '../domain/units.ts';
import { describeFound, type Located } from './located.ts';
import { unexpected, type ValueType } from './value-type.ts';

const DAY_MS = 86_400_000;
/** Longer waits are typing errors. */
const LONGEST_MS = 365 * DAY_MS;

const sourceOf = (value: Located): string | null =>
  value.kind === 'scalar' && (typeof value.value === 'string' || typeof value.value === 'number')
    ? value.source.trim()
    : null;

/** The form is right and the number is beyond anything exact. */
const HUGE_DURATION = /^(\d+(\.\d+)?\s*(ms|s|min|m|h|d)\s*)+$/;
const HUGE_SIZE = /^\d+(\.\d+)?\s*([kmgt](i?b)?|b)$/i;

const isBareNumber = (source: string): boolean => /^[+-]?\d+(\.\d+)?$/.test(source);

/** A duration with its unit, in milliseconds. */
export function duration(options: { readonly minMs: number; readonly maxMs?: number }): ValueType<number> {
  const { minMs, maxMs = LONGEST_MS } = options;
  const expected = 'a duration with its unit, such as 30s, 10m, 1h30m or 2d';
  return {
    expected,
    schema: { type: 'string', pattern: '^\\s*(\\d+(\\.\\d+)?\\s*(ms|s|min|m|h|d)\\s*)+$' },
    read(value, context) {
      const source = sourceOf(value);
      const found = source === null ? null : parseDurationMs(source);
      if (found === null) {
        if (source !== null && HUGE_DURATION.test(source))
          return unexpected(value, `at most ${formatDuration(maxMs)}`, { context });
        const hint = source === null ? undefined : durationHint(source);
        return unexpected(value, expected, hint === undefined ? { context } : { context, hint });
      }
      if (found < minMs) return unexpected(value, `at least ${formatDuration(minMs)}`, { context });
      return found > maxMs ? unexpected(value, `at most ${formatDuration(maxMs)}`, { context }) : found;
    },
  };
}

function durationHint(source: string): string | undefined {
  if (source.startsWith('-')) return 'A duration cannot be negative';
  if (isBareNumber(source)) return `Add a unit: ${source}s, ${source}m`;
  // Slurm's own notation: [days-]hours:minutes:seconds.
  const slurm = /^(?:(\d+)-)?(\d+):(\d+):(\d+)$/.exec(source);
  if (slurm === null) return undefined;
  const parts = ['d', 'h', 'm', 's'].map((unit, index) => [Number(slurm[index + 1] ?? 0), unit] as const);
  const written = parts.filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount}${unit}`);
  return written.length === 0 ? undefined : `Write it as ${written.join('')}`;
}

/** A size with its unit, in bytes. */
export function byteSize(options: { readonly min: number; readonly max: number }): ValueType<number> {
  const { min, max } = options;
  const expected = 'a size with its unit, such as 512M, 16MiB or 2G';
  return {
    expected,
    schema: { type: 'string', pattern: '^\\s*\\d+(\\.\\d+)?\\s*([KMGTkmgt](i?[Bb])?|[Bb])\\s*$' },
    read(value, context) {
      const source = sourceOf(value);
      const found = source === null ? null : parseBytes(source);
      if (found === null) {
        if (source !== null && HUGE_SIZE.test(source))
          return unexpected(value, `at most ${formatBytes(max)}`, { context });
        const negative = source?.startsWith('-') === true;
        const bare = source !== null && isBareNumber(source);
        const hint = negative ? 'A size cannot be negative' : `Add a unit: ${source}M, ${source}G`;
        return unexpected(value, expected, negative || bare ? { context, hint } : { context });
      }
      if (found < min) return unexpected(value, `at least ${formatBytes(min)}`, { context });
      return found > max ? unexpected(value, `at most ${formatBytes(max)}`, { context }) : found;
    },
  };
}

interface BackoffBounds {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Two durations with `..` between them, the first not longer than the second. */
export function backoffRange(): ValueType<BackoffBounds> {
  const expected = 'two durations with .. between them, such as 1s..60s';
  return {
    expected,
    schema: { type: 'string', pattern: '^.+\\.\\..+$' },
    read(value, context) {
      const parts = sourceOf(value)?.split('..') ?? [];
      const bounds = parts.map(parseDurationMs);
      const [baseMs, maxMs] = bounds;
      if (bounds.length !== 2 || typeof baseMs !== 'number' || typeof maxMs !== 'number') {
        const bare = parts.length === 2 && parts.some((part) => isBareNumber(part.trim()));
        return unexpected(value, expected, bare ? { context, hint: 'Add a unit to each: 1s..60s' } : { context });
      }
      if (baseMs > maxMs)
        return context.problem(`found ${describeFound(value)}, expected the shorter duration first`, { at: value });
      return maxMs > LONGEST_MS
        ? unexpected(value, `at most ${formatDuration(LONGEST_MS)}`, { context })
        : { baseMs, maxMs };
    },
  };
}

/** A share of all items. */
export function percentage(): ValueType<number> {
  const expected = 'a percentage from 0% to 100%, such as 1%';
  return {
    expected,
    schema: { type: 'string', pattern: '^\\s*\\d+(\\.\\d+)?\\s*%\\s*$' },
    read(value, context) {
      const source = sourceOf(value);
      const found = source === null ? null : parsePercent(source);
      if (found !== null) return found;
      const bare = source !== null && isBareNumber(source);
      return unexpected(value, expected, bare ? { context, hint: `Add the sign: ${source}%` } : { context });
    },
  };
}

/** A number of items or a share of them. */
export function tolerance(): ValueType<Tolerance> {
  const expected = 'a number of items such as 25, or a percentage such as 1%';
  return {
    expected,
    schema: { anyOf: [{ type: 'integer', minimum: 0 }, percentage().schema] },
    read(value, context) {
      const source = sourceOf(value) ?? '';
      const percent = parsePercent(source);
      if (percent !== null) return { percent };
      return /^\d{1,15}$/.test(source) ? { count: Number(source) } : unexpected(value, expected, { context });
    },
  };
}
