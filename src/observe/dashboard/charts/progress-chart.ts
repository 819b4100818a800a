import type { Progress } from '../document.ts';
import { number, rate, round } from '../format.ts';
import { html, type Html, type HtmlValue } from '../html.ts';
import { ticksUpTo, timeTicks, wholeTicksUpTo } from '../scale.ts';
import { drawing } from './figure.ts';

const WIDTH = 960;
const SIDES = { left: 64, right: 12 };
const INNER = WIDTH - SIDES.left - SIDES.right;

/** Outcomes so far, one area on the other, up to all items of the job. */
export function progressChart(progress: Progress, title: string): Html {
  const [top, floor, height] = [10, 230, 256];
  const ticks = wholeTicksUpTo(progress.total, 5);
  const end = ticks.at(-1) ?? 1;
  const y = (value: number): number => round(floor - (value / end) * (floor - top));
  const both = progress.succeeded.map((value, step) => value + (progress.failed[step] ?? 0));
  return drawing({ width: WIDTH, height, title }, [
    ticks.map((tick) => gridLine(y(tick), number(tick))),
    html`<path class="c-partly" d="${areaOf(both, y, floor)}" />`,
    html`<path class="c-done" d="${areaOf(progress.succeeded, y, floor)}" />`,
    html`<path class="goal" d="M${SIDES.left} ${y(progress.total)}H${WIDTH - SIDES.right}" />`,
    timeAxis(progress, floor),
  ]);
}

/** Outcomes a second in each step. */
export function throughputChart(progress: Progress, title: string): Html {
  const [top, floor, height] = [10, 110, 136];
  const rates = throughputOf(progress);
  const ticks = ticksUpTo(Math.max(...rates), 3);
  const end = ticks.at(-1) ?? 1;
  const y = (value: number): number => round(floor - (value / end) * (floor - top));
  const step = INNER / rates.length;
  const bars = rates.map((value, index) =>
    value === 0
      ? ''
      : `M${round(SIDES.left + index * step)} ${floor}V${Math.min(y(value), floor - 1)}h${round(step * 0.85)}V${floor}z`,
  );
  return drawing({ width: WIDTH, height, title }, [
    ticks.map((tick) => gridLine(y(tick), rate(tick))),
    html`<path class="c-done" d="${bars.join('')}" />`,
    timeAxis(progress, floor),
  ]);
}

/** Outcomes a second, step by step, without those of which nobody knows when they came about: those that a cancel left over would dwarf all others. Pure. */
export function throughputOf({ succeeded, failed, stepMs, undated }: Progress): number[] {
  const both = succeeded.map((value, step) => value + (failed[step] ?? 0));
  const last = both.length - 1;
  return both.map((value, step) => ((value - (both[step - 1] ?? 0) - (step === last ? undated : 0)) * 1_000) / stepMs);
}

const gridLine = (y: number, label: string): Html =>
  html`<path class="grid" d="M${SIDES.left} ${y}H${WIDTH - SIDES.right}" /><text
      x="${SIDES.left - 8}"
      y="${y + 3.5}"
      class="end"
      >${label}</text
    >`;

/** Each value holds to the end of its step. */
function areaOf(values: readonly number[], y: (value: number) => number, floor: number): string {
  const step = INNER / values.length;
  const line = values.map((value, index) => `L${round(SIDES.left + (index + 1) * step)} ${y(value)}`);
  return `M${SIDES.left} ${floor}${line.join('')}V${floor}z`;
}

function timeAxis({ fromMs, stepMs, succeeded }: Progress, floor: number): HtmlValue {
  const toMs = fromMs + stepMs * succeeded.length;
  return [
    html`<path class="baseline" d="M${SIDES.left} ${floor}H${WIDTH - SIDES.right}" />`,
    timeTicks(fromMs, toMs, 8).map(({ ms, label }) => {
      const x = round(SIDES.left + ((ms - fromMs) / (toMs - fromMs)) * INNER);
      return html`<path class="grid" d="M${x} ${floor}v5" /><text x="${x}" y="${floor + 18}" class="middle"
          >${label}</text
        >`;
    }),
  ];
}
