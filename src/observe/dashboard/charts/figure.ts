/** What all charts share: a figure with a caption, the picture, and the same as a table for those who do not see it. */
import { html, type Html, type HtmlValue } from '../html.ts';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly HtmlValue[])[];
  /** Columns of figures, by number. */
  readonly figures?: readonly number[];
}

export function table(caption: string, { head, rows, figures = [] }: Table): Html {
  const cell = (column: number): string => (figures.includes(column) ? 'figure' : '');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head.map((name, column) => html`<th scope="col" class="${cell(column)}">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((value, column) => html`<td class="${cell(column)}">${value}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** `id`: of the figure, unique on the page. `says`: what the picture shows, in a sentence. */
export function figure(
  { id, caption, says }: { readonly id: string; readonly caption: string; readonly says: string },
  picture: Html,
  data: Table,
): Html {
  return html`<figure id="${id}" aria-labelledby="${id}-caption">
    <figcaption id="${id}-caption">${caption}</figcaption>
    <div class="picture">${picture}</div>
    <details id="${id}-data">
      <summary>${caption}: as a table</summary>
      <p>${says}</p>
      ${table(caption, data)}
    </details>
  </figure>`;
}

/** A drawing that scales to the width there is. `title`: what a screen reader says instead. `unit`: pixels of one of its units where it need not scale. */
export function drawing(
  {
    width,
    height,
    title,
    unit = 1,
  }: { readonly width: number; readonly height: number; readonly title: string; readonly unit?: number },
  content: HtmlValue,
): Html {
  return html`<svg
    viewBox="0 0 ${width} ${height}"
    width="${width * unit}"
    height="${height * unit}"
    role="img"
    aria-label="${title}"
    class="chart"
  >
    ${content}
  </svg>`;
}

export interface LegendEntry {
  /** Class that colours it. */
  readonly colour: string;
  readonly label: HtmlValue;
}

export const legend = (entries: readonly LegendEntry[]): Html =>
  html`<ul class="legend">
    ${entries.map(
      ({ colour, label }) =>
        html`<li>
          <svg viewBox="0 0 12 12" class="swatch" aria-hidden="true">
            <rect width="12" height="12" rx="2" class="${colour}" /></svg
          >${label}
        </li>`,
    )}
  </ul>`;
