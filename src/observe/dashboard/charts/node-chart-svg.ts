import { ENDINGS, type NodeChart, type NodeRow } from '../document.ts';
import { count, duration, round } from '../format.ts';
import { html, type Html, type HtmlValue } from '../html.ts';
import { clip, plainText } from '../plain-text.ts';
import { timeTicks } from '../scale.ts';
import { drawing } from './figure.ts';

const WIDTH = 960;
const LEFT = 132;
const INNER = WIDTH - LEFT - 12;
const TOP = 8;
const LANE = 11;
const GAP = 6;
/** Shades of how busy a node is. */
const LEVELS = 5;
const NAME_CHARS = 18;

/** Attempts over time, a row for each node: bar by bar where there are few, else how busy it was. */
export function nodeChartSvg(chart: NodeChart, title: string): Html {
  const most = Math.max(...chart.rows.flatMap(({ load }) => load));
  let y = TOP;
  const rows = chart.rows.map((row) => {
    const high = row.bars === null ? LANE + 3 : row.lanes * LANE;
    const drawn = html`<g
      >${nameOf(row, chart, y + Math.min(high, LANE + 3) / 2)}<rect
        class="track"
        x="${LEFT}"
        y="${y}"
        width="${INNER}"
        height="${high}"
      />${row.bars === null ? loadOf(row, { y, high, most }) : barsOf(row, chart, y)}</g
    >`;
    y += high + GAP;
    return drawn;
  });
  return drawing({ width: WIDTH, height: y + 22, title }, [timeAxis(chart, y), rows]);
}

function nameOf({ node, attempts, failed }: NodeRow, { sharing }: NodeChart, y: number): Html {
  const name = node === null ? `${sharing} other nodes` : plainText(node);
  const words = `${name}: ${count(attempts, 'attempt')}, ${failed} failed`;
  const shown = name.length > NAME_CHARS ? `${clip(name, NAME_CHARS).slice(0, NAME_CHARS)}…` : name;
  return html`<text x="${LEFT - 8}" y="${round(y + 3.5)}" class="end name"><title>${words}</title>${shown}</text>`;
}

function barsOf({ bars }: NodeRow, { fromMs, toMs }: NodeChart, y: number): HtmlValue {
  const x = (ms: number): number => round(LEFT + ((ms - fromMs) / (toMs - fromMs)) * INNER);
  return (bars ?? []).map((bar) => {
    const wide = Math.max(1.5, round(x(bar.toMs) - x(bar.fromMs)));
    const ending = ENDINGS[bar.ending] ?? 'running';
    return html`<rect
      class="e-${ending}"
      x="${x(bar.fromMs)}"
      y="${y + bar.lane * LANE + 1}"
      width="${wide}"
      height="${LANE - 2}"
      rx="1.5"
      ><title>task ${bar.task}: ${ending}, ${duration(bar.toMs - bar.fromMs)}</title></rect
    >`;
  });
}

function loadOf(
  { load, failures }: NodeRow,
  { y, high, most }: { readonly y: number; readonly high: number; readonly most: number },
): HtmlValue {
  const step = INNER / load.length;
  const levels = load.map((value) =>
    value <= 0 || most <= 0 ? 0 : Math.min(LEVELS, Math.ceil((value / most) * LEVELS)),
  );
  const runs: Html[] = [];
  for (let at = 0; at < levels.length; at += 1) {
    const level = levels[at] ?? 0;
    const start = at;
    while (at + 1 < levels.length && levels[at + 1] === level) at += 1;
    if (level > 0)
      runs.push(
        html`<rect
          class="l-${level}"
          x="${round(LEFT + start * step)}"
          y="${y}"
          width="${round((at - start + 1) * step)}"
          height="${high}"
        />`,
      );
  }
  const marks = failures
    .map((value, at) => (value === 0 ? '' : `M${round(LEFT + (at + 0.5) * step)} ${y + high + 0.5}v4`))
    .join('');
  return [runs, marks !== '' && html`<path class="failure" d="${marks}" />`];
}

function timeAxis({ fromMs, toMs }: NodeChart, y: number): HtmlValue {
  return timeTicks(fromMs, toMs, 8).map(({ ms, label }) => {
    const x = round(LEFT + ((ms - fromMs) / (toMs - fromMs)) * INNER);
    return html`<path class="grid" d="M${x} ${TOP}V${y}" /><text x="${x}" y="${y + 14}" class="middle">${label}</text>`;
  });
}
