import { createHash } from 'node:crypto';

/** What happened, line by line; two runs of a seed must give the same. */
export interface Trace {
  add(who: string, what: string): void;
  lines(): readonly string[];
  /** sha-256 (hex) of all lines. */
  hash(): string;
}

export function createTrace(nowMs: () => number): Trace {
  const lines: string[] = [];
  return {
    add(who, what) {
      lines.push(`${timeText(nowMs())} ${who.padEnd(18)} ${what}`);
    },
    lines: () => lines,
    hash() {
      const hash = createHash('sha256');
      for (const line of lines) hash.update(line).update('\n');
      return hash.digest('hex');
    },
  };
}

/** `  12:04.250`: minutes, seconds, milliseconds of virtual time. */
const timeText = (ms: number): string => {
  const seconds = (ms / 1_000) % 60;
  return `${String(Math.floor(ms / 60_000)).padStart(4)}:${seconds.toFixed(3).padStart(6, '0')}`;
};
