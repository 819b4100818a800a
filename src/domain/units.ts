/**
 * Durations, sizes and percentages as people write them. Parsers return null for anything they do not fully understand:
 * the caller knows the place and the key, and words the error.
 */

const DURATION_UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `90m`, `1h30m`, `2d`. A bare number is refused: its unit would be a guess. Result in milliseconds. */
export function parseDurationMs(text: string): number | null {
  const pattern = /(\d+(?:\.\d+)?)(ms|s|min|m|h|d)/gy;
  const compact = text.trim().replaceAll(/\s+/g, '');
  if (compact === '') return null;
  let total = 0;
  while (pattern.lastIndex < compact.length) {
    const match = pattern.exec(compact);
    if (match === null) return null;
    total += Number(match[1]) * (DURATION_UNITS_MS[match[2] as string] as number);
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : null;
}

const KIB = 1024;
/** As Slurm counts: K, M, G, T (also KB, KiB …) are powers of 1024. */
const BYTE_UNITS: Record<string, number> = { '': 1, k: KIB, m: KIB ** 2, g: KIB ** 3, t: KIB ** 4 };

/** `512K`, `16MiB`, `2G`, `1.5GB`, `100B`. A bare number is refused. Result in bytes. */
export function parseBytes(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)$/i.exec(text.trim());
  if (match === null) return null;
  const bytes = Math.round(Number(match[1]) * (BYTE_UNITS[(match[2] ?? '').toLowerCase()] as number));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `1%`, `0.5 %`: a number from 0 to 100; null otherwise. */
export function parsePercent(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  const percent = match === null ? NaN : Number(match[1]);
  return percent <= 100 ? percent : null;
}

/** `1.5 GiB`, `512 B`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `850 ms`, `12 s`, `3 m 20 s`, `2 h 5 m`, `4 d 3 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}
