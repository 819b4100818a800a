import { html, type Html, type HtmlValue } from '../html.ts';

/** A part of the page under its own heading. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: HtmlValue;
}

export const sectionHtml = ({ id, title, content }: Section): Html =>
  html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${content}
  </section>`;

/** Why a panel is not there. */
export const absent = (why: string): Html => html`<p class="absent">${why}</p>`;

/** Label and figure, next to each other. */
export const facts = (rows: readonly (readonly [label: string, value: HtmlValue])[]): Html =>
  html`<dl class="facts">
    ${rows.map(
      ([label, value]) =>
        html`<div>
          <dt>${label}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
