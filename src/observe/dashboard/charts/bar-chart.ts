import { round } from '../format.ts';
import { html, type Html } from '../html.ts';
import { wholeTicksUpTo } from '../scale.ts';
import { number } from '../format.ts';
import { drawing } from './figure.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What a pointer that rests on it is told. */
  readonly title: string;
}

const FRAME = { width: 460, height: 210, left: 46, right: 8, top: 12, bottom: 34 };

/** A single bar is a bar still, and no wall. */
const MOST_STEP = 72;

/** Standing bars of counts. A bar that is not empty is always to be seen. */
export function barChart(
  bars: readonly Bar[],
  { title, axis, colour = 'c-done' }: { readonly title: string; readonly axis: string; readonly colour?: string },
): Html {
  const { width, height, left, right, top, bottom } = FRAME;
  const ticks = wholeTicksUpTo(Math.max(...bars.map(({ value }) => value)), 4);
  const end = ticks.at(-1) ?? 1;
  const floor = height - bottom;
  const y = (value: number): number => round(floor - (value / end) * (floor - top));
  const step = Math.min(MOST_STEP, (width - left - right) / bars.length);
  const every = Math.ceil(bars.length / 8);
  return drawing({ width, height, title }, [
    ticks.map(
      (tick) =>
        html`<path class="grid" d="M${left} ${y(tick)}H${width - right}" /><text
            x="${left - 6}"
            y="${y(tick) + 3.5}"
            class="end"
            >${number(tick)}</text
          >`,
    ),
    bars.map(({ value, label, title: words }, index) => {
      const x = round(left + index * step);
      const high = value === 0 ? 0 : Math.max(1.5, round(floor - y(value)));
      return html`<g
          ><title>${words}</title
          ><rect class="hit" x="${x}" y="${top}" width="${round(step)}" height="${floor - top}" /><rect
            class="${colour}"
            x="${round(x + Math.min(2, step * 0.1))}"
            y="${round(floor - high)}"
            width="${round(step - Math.min(4, step * 0.2))}"
            height="${round(high)}"
            rx="1.5" /></g
        >${
          index % every === 0 && html`<text x="${round(x + step / 2)}" y="${floor + 14}" class="middle">${label}</text>`
        }`;
    }),
    html`<text x="${left + (width - left - right) / 2}" y="${height - 4}" class="middle axis">${axis}</text>`,
  ]);
}
