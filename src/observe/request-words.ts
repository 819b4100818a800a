/** Sizes and times as a job file writes them, rounded up to what a person would write; pure. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** `1536M`, `2G`; bytes that are no whole MiB are rounded up. */
export function memoryWords(bytes: number): string {
  const mib = Math.ceil(bytes / MIB);
  return mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`;
}

/** `45s`, `30m`, `2h`, `1h30m`; rounded up to whole minutes, below one to whole seconds. */
export function timeWords(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(1, Math.ceil(ms / 1_000))}s`;
  const minutes = Math.ceil(ms / MINUTE_MS);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return `${hours === 0 ? '' : `${hours}h`}${rest === 0 ? '' : `${rest}m`}`;
}

/** What to ask for where so much was used: a third more, in steps that grow with it; at least 256 MiB. */
export function roomyMemory(usedBytes: number): number {
  const wanted = usedBytes * (4 / 3);
  const step = wanted <= GIB ? GIB / 4 : wanted <= 8 * GIB ? GIB / 2 : GIB;
  return Math.max(GIB / 4, Math.ceil(wanted / step) * step);
}

/** The same of time: half as much again, at least five minutes, because a queue and a node are not the same every day. */
export function roomyTime(usedMs: number): number {
  const wanted = Math.max(5 * MINUTE_MS, usedMs * 1.5);
  const step = wanted <= HOUR_MS ? 5 * MINUTE_MS : wanted <= 6 * HOUR_MS ? HOUR_MS / 2 : HOUR_MS;
  return Math.ceil(wanted / step) * step;
}
