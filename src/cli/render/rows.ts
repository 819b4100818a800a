import type { View } from './view.ts';
import { cellText, jsonText } from './json.ts';
import { type Column, columnWidths, renderTable } from './table.ts';
import { count, fit, printable } from './text.ts';

interface QueryColumn {
  readonly name: string;
  readonly type: string;
}
type Row = readonly unknown[];

/** Rows that settle the widths of the columns; later ones are cut to them. */
const ROWS_FOR_LAYOUT = 500;
/** Longest cell a table shows; the whole value is in `--json` and `--export`. */
const MAX_CELL = 60;
const NUMERIC = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|int|bigint|double)$/i;

/**
 * A table of query rows in pieces, in constant memory. When the terminal is too narrow for all columns, those on the right are left out and
 * named in a last line.
 */
export async function* renderRows(
  columns: readonly QueryColumn[],
  rows: AsyncIterable<readonly Row[]>,
  view: View,
): AsyncGenerator<string> {
  let layout: Layout | undefined;
  let waiting: Row[] = [];
  for await (const chunk of rows) {
    if (layout !== undefined) {
      yield tableOf(layout, chunk, { view, heading: false });
      continue;
    }
    waiting.push(...chunk);
    if (waiting.length < ROWS_FOR_LAYOUT) continue;
    layout = layoutOf(columns, waiting, view);
    yield tableOf(layout, waiting, { view, heading: true });
    waiting = [];
  }
  if (layout === undefined) {
    layout = layoutOf(columns, waiting, view);
    yield tableOf(layout, waiting, { view, heading: true });
  }
  const hidden = columns.slice(layout.columns.length);
  if (hidden.length > 0)
    yield view.style.dim(
      `(${count(hidden.length, 'more column')}: ${hidden.map(({ name }) => printable(name)).join(', ')})\n`,
    );
}

interface Layout {
  readonly columns: readonly Column[];
  readonly widths: readonly number[];
}

function layoutOf(columns: readonly QueryColumn[], rows: readonly Row[], view: View): Layout {
  const all = columns.map(({ name, type }): Column => ({
    head: printable(name),
    align: NUMERIC.test(type) ? 'right' : 'left',
  }));
  const cells = rows.map((row) => row.map((value) => fit(printable(cellText(value)), MAX_CELL)));
  for (let kept = all.length; kept > 1; kept -= 1) {
    const widths = columnWidths(all.slice(0, kept), cells, view);
    if (widths !== null) return { columns: all.slice(0, kept), widths };
  }
  const first = all.slice(0, 1);
  return { columns: first, widths: columnWidths(first, cells, view) ?? first.map(() => view.width) };
}

const tableOf = (
  { columns, widths }: Layout,
  rows: readonly Row[],
  { view, heading }: { readonly view: View; readonly heading: boolean },
): string =>
  renderTable(
    columns,
    rows.map((row) => columns.map((_, index) => cellText(row[index]))),
    { view, widths, heading },
  );

/** The `slurmctl.query/1` document in pieces, one row a line. */
export async function* jsonRows(
  columns: readonly QueryColumn[],
  rows: AsyncIterable<readonly Row[]>,
): AsyncGenerator<string> {
  yield `{"schema":"slurmctl.query/1","columns":${jsonText(columns)},"rows":[`;
  let separator = '\n';
  for await (const chunk of rows) {
    if (chunk.length === 0) continue;
    yield separator + chunk.map((row) => jsonText(row)).join(',\n');
    separator = ',\n';
  }
  yield '\n]}\n';
}
