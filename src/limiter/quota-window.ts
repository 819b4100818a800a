/** Calendar hours, days and months of a time zone as stretches of real time, right across changes of the clocks. */
import type { QuotaPeriod } from '../domain/limit.ts';

/** Epoch ms; `toMs` belongs to the next window. */
export interface QuotaWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface QuotaCalendar {
  /** The hour, day or month of the zone that `atMs` lies in. @throws RangeError for an unknown zone */
  windowAt(every: QuotaPeriod, zone: string, atMs: number): QuotaWindow;
}

/** Longer than any period with a change of the clocks in it. */
const LONGEST_MS: Readonly<Record<QuotaPeriod, number>> = {
  hour: 2 * 3_600_000,
  day: 50 * 3_600_000,
  month: 33 * 86_400_000,
};

/** Remembers the last window of each kind, because it is asked for the same one again and again. */
export function createQuotaCalendar(): QuotaCalendar {
  const formats = new Map<string, Intl.DateTimeFormat>();
  const last = new Map<string, QuotaWindow>();
  const formatOf = (zone: string): Intl.DateTimeFormat => {
    const known = formats.get(zone) ?? localFormat(zone);
    formats.set(zone, known);
    return known;
  };
  return {
    windowAt(every, zone, atMs) {
      const id = `${every} ${zone}`;
      const known = last.get(id);
      if (known !== undefined && known.fromMs <= atMs && atMs < known.toMs) return known;
      const format = formatOf(zone);
      const label = labelAt(format, every, atMs);
      const isInside = (ms: number): boolean => labelAt(format, every, ms) === label;
      const window = {
        fromMs: boundary(atMs - LONGEST_MS[every], atMs, isInside),
        toMs: boundary(atMs, atMs + LONGEST_MS[every], (ms) => !isInside(ms)),
      };
      last.set(id, window);
      return window;
    },
  };
}

/** The first moment of (outside, inside] for which `holds`, which does so from then on. */
function boundary(outsideMs: number, insideMs: number, holds: (ms: number) => boolean): number {
  let [no, yes] = [outsideMs, insideMs];
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

const localFormat = (timeZone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });

/** Two moments have one label exactly when they are in one period. An hour that the clocks repeat is two hours, told apart by the offset. */
function labelAt(format: Intl.DateTimeFormat, every: QuotaPeriod, atMs: number): string {
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const month = `${part('year')}-${part('month')}`;
  if (every === 'month') return month;
  const day = `${month}-${part('day')}`;
  if (every === 'day') return day;
  const localMs = Date.parse(`${day}T${part('hour')}:${part('minute')}:${part('second')}Z`);
  return `${day} ${part('hour')} ${localMs - Math.floor(atMs / 1_000) * 1_000}`;
}
