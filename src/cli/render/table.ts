import Table from 'cli-table3';
import { displayWidth, fit, printable } from './text.ts';
import type { View } from './view.ts';

/** A column: its heading, and how its cells lie. */
export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
  /** Never cut: the reader will copy it. */
  readonly whole?: boolean;
  /** Colours a cell after it was made to fit. */
  readonly paint?: (cell: string) => string;
}

const MIN_CELL = 6;
const GAP = 2;

/** Widths that hold all cells, then shrunk, widest first, until a line fits; null when even that does not fit. */
export function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  view: View,
): number[] | null {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.head), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  const room = view.width - GAP * (columns.length - 1);
  let over = widths.reduce((sum, width) => sum + width, 0) - room;
  while (over > 0) {
    const cuttable = widths.map((width, index) => (columns[index]?.whole === true ? 0 : width));
    const widest = cuttable.indexOf(Math.max(...cuttable));
    if ((cuttable[widest] as number) <= MIN_CELL) return null;
    widths[widest] = (widths[widest] as number) - 1;
    over -= 1;
  }
  return widths;
}

/**
 * Lines of a table without borders, ending in a newline. Cells are made printable and cut to fit. `widths` fixes the layout (to print a long
 * table in pieces); `heading: false` leaves the head out.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  {
    view,
    widths,
    heading = true,
  }: { readonly view: View; readonly widths?: readonly number[]; readonly heading?: boolean },
): string {
  const safe = rows.map((row) => row.map(printable));
  const fixed = widths ?? columnWidths(columns, safe, view) ?? smallestWidths(columns, safe);
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colWidths: [...fixed],
    colAligns: columns.map((column) => column.align ?? 'left'),
  });
  if (heading)
    table.push(
      cellsOf(
        columns.map((column) => column.head),
        fixed,
        columns.map(() => view.style.dim),
      ),
    );
  const paints = columns.map((column) => column.paint);
  for (const row of safe) table.push(cellsOf(row, fixed, paints));
  if (table.length === 0) return '';
  return `${table.toString().replaceAll(/[ \t]+$/gm, '')}\n`;
}

const smallestWidths = (columns: readonly Column[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(({ whole }, index) =>
    whole === true ? Math.max(...rows.map((row) => displayWidth(row[index] ?? ''))) : MIN_CELL,
  );

const cellsOf = (
  row: readonly string[],
  widths: readonly number[],
  paints: readonly (((cell: string) => string) | undefined)[],
): string[] =>
  row.map((cell, index) => {
    const cut = fit(cell, widths[index] as number);
    return paints[index]?.(cut) ?? cut;
  });

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
};
