/** Axes: round numbers on them, and where they are. */

/** Up to about `most` round values from 0 to at least `max`; the last one is the end of the axis. */
export function ticksUpTo(max: number, most: number): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** The same for counts of whole things. */
export const wholeTicksUpTo = (max: number, most: number): number[] => [
  ...new Set(ticksUpTo(Math.max(1, max), most).map(Math.ceil)),
];

const STEPS_MS = [
  100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
  3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000, 2_592_000_000,
];

/** Round moments (UTC) between two, at most `most` of them, with labels that are as long as they need to be. */
export function timeTicks(
  fromMs: number,
  toMs: number,
  most: number,
): { readonly ms: number; readonly label: string }[] {
  const span = toMs - fromMs;
  const step = STEPS_MS.find((ms) => span / ms <= most) ?? Math.ceil(span / most / 2_592_000_000) * 2_592_000_000;
  const ticks = [];
  for (let ms = Math.ceil(fromMs / step) * step; ms <= toMs; ms += step)
    ticks.push({ ms, label: labelOf(ms, step, span) });
  return ticks;
}

function labelOf(ms: number, step: number, span: number): string {
  const text = new Date(ms).toISOString();
  if (step >= 86_400_000) return text.slice(5, 10);
  if (step < 1_000) return text.slice(11, 21);
  if (span >= 86_400_000) return text.slice(5, 16).replace('T', ' ');
  return step < 60_000 ? text.slice(11, 19) : text.slice(11, 16);
}
