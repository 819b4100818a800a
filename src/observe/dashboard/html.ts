/** HTML as a value: whatever is put into the template is escaped, unless it is HTML already. There is no way around it for text. */
import { plainText } from './plain-text.ts';

declare const IS_HTML: unique symbol;
/** Markup made by `html`. */
export interface Html {
  readonly [IS_HTML]: true;
  readonly markup: string;
}
/** Null and false are nothing; numbers are written as JavaScript does. */
export type HtmlValue = Html | string | number | null | false | readonly HtmlValue[];

/** Template tag. Values may stand between tags and in quoted attributes, nowhere else. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return asHtml(piecesOf(strings).reduce((text, piece, index) => text + markupOf(values[index - 1] ?? null) + piece));
}

const known = new WeakMap<TemplateStringsArray, readonly string[]>();

/** Without the indentation of the source, which would only take room on the page. */
function piecesOf(strings: TemplateStringsArray): readonly string[] {
  const pieces = known.get(strings) ?? strings.map((piece) => piece.replaceAll(/\n\s+/g, '\n'));
  known.set(strings, pieces);
  return pieces;
}

/** Text that is no more than text: escaped, visible, and unable to turn the words around it. */
export const userText = (text: string): Html => html`<bdi>${plainText(text)}</bdi>`;

/** Data for the page's script, in an element that nothing executes. */
export const jsonElement = (id: string, value: unknown): Html =>
  asHtml(
    `<script type="application/json" id="${escapeHtml(id)}">${JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, escapeJson)}</script>`,
  );

/** The page's own style or script: a file of the package, never data. @throws where it would end its element */
export function inlineElement(name: 'style' | 'script', source: string): Html {
  if (/<\/(?:style|script)|<!--/i.test(source)) throw new Error(`the ${name} of the dashboard would end its element`);
  return asHtml(`<${name}>${source}</${name}>`);
}

/** For text and for attributes in either kind of quotes. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

const escapeJson = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

const asHtml = (markup: string): Html => ({ markup }) as Html;

function markupOf(value: HtmlValue): string {
  if (value === null || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(markupOf).join('');
  return (value as Html).markup;
}
