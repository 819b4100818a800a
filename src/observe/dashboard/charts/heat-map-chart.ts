import { CELL_STATES, type HeatMap } from '../document.ts';
import { html, type Html } from '../html.ts';
import { drawing } from './figure.ts';

/** Colours of lengths, and of nodes: the most used have one of their own. */
export const LENGTH_SHADES = 7;
export const NODE_COLOURS = 8;

/** Of a job with a handful of tasks. */
const MOST_CELL_PX = 26;

export type HeatMapView = 'state' | 'length' | 'node';

/** One path for all cells of a colour: a cell costs a few characters. */
export function heatMapChart(map: HeatMap, view: HeatMapView, title: string): Html {
  const rows = Math.ceil(map.cells / map.columns);
  const colours = coloursOf(map, view);
  return drawing({ width: map.columns, height: rows, title, unit: MOST_CELL_PX }, [
    [...new Set(colours)].map((colour) => html`<path class="${colour}" d="${runsOf(colours, colour, map.columns)}" />`),
    html`<path class="gaps" d="${gapsOf(map.columns, rows)}" />`,
    html`<rect class="cursor" width="1" height="1" x="-2" y="0" />`,
  ]);
}

function coloursOf(map: HeatMap, view: HeatMapView): string[] {
  if (view === 'state') return map.state.map((state) => `c-${CELL_STATES[state] ?? 'pending'}`);
  if (view === 'node') return map.node.map((node) => (node < 0 ? 'c-none' : `n-${Math.min(node, NODE_COLOURS)}`));
  const shade = shadeOf(map.ms);
  return map.ms.map((ms) => (ms < 0 ? 'c-none' : `s-${shade(ms)}`));
}

/** Shades by rank: however long the longest is, every shade is used. */
export function shadeOf(lengths: readonly number[]): (ms: number) => number {
  const edges = lengthEdges(lengths);
  return (ms) => edges.filter((edge) => ms >= edge).length;
}

/** Lengths at which the next shade begins. */
export function lengthEdges(lengths: readonly number[]): number[] {
  const sorted = lengths.filter((ms) => ms >= 0).toSorted((a, b) => a - b);
  const edges = Array.from(
    { length: LENGTH_SHADES - 1 },
    (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / LENGTH_SHADES)],
  );
  return [...new Set(edges.filter((edge) => edge !== undefined && edge > (sorted[0] ?? 0)))] as number[];
}

/** Neighbours of one colour in a row are one rectangle. */
function runsOf(colours: readonly string[], colour: string, columns: number): string {
  let path = '';
  for (let at = 0; at < colours.length; at += 1) {
    if (colours[at] !== colour) continue;
    const start = at;
    while ((at + 1) % columns !== 0 && colours[at + 1] === colour) at += 1;
    const wide = at - start + 1;
    path += `M${start % columns} ${Math.floor(start / columns)}h${wide}v1h-${wide}z`;
  }
  return path;
}

const gapsOf = (columns: number, rows: number): string =>
  Array.from({ length: rows + 1 }, (_, row) => `M0 ${row}h${columns}`).join('') +
  Array.from({ length: columns + 1 }, (_, column) => `M${column} 0v${rows}`).join('');
