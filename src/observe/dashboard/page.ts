/** The whole page: one file that asks nobody for anything. */
import { createHash } from 'node:crypto';
import type { Dashboard } from './document.ts';
import { count, instant, number, percent } from './format.ts';
import { html, inlineElement, userText, type Html } from './html.ts';
import { about } from './sections/about.ts';
import { efficiency } from './sections/efficiency.ts';
import { errors } from './sections/errors.ts';
import { limits } from './sections/limits.ts';
import { nodes } from './sections/nodes.ts';
import { overview } from './sections/overview.ts';
import { progress } from './sections/progress.ts';
import { retries } from './sections/retries.ts';
import { sectionHtml, type Section } from './sections/section.ts';
import { speed } from './sections/speed.ts';
import { tasks } from './sections/tasks.ts';
import { plainText } from './plain-text.ts';

const SECTIONS = [overview, progress, tasks, errors, retries, speed, nodes, efficiency, limits, about];

/** The page's own style and script, as they lie in the package. */
export interface PageAssets {
  readonly style: string;
  readonly script: string;
}

/** Parts of a page by the id of their element: what a live page puts in the place of older ones. */
export type PageParts = Readonly<Record<string, string>>;

export const pageParts = (board: Dashboard): PageParts =>
  Object.fromEntries([
    ['headline', headline(board).markup],
    ...SECTIONS.map((section) => section(board)).map((section) => [section.id, sectionHtml(section).markup]),
  ]);

/** @param live the page may ask the server it came from for newer parts */
export function renderPage(board: Dashboard, assets: PageAssets, { live }: { readonly live: boolean }): string {
  const sections = SECTIONS.map((section) => section(board));
  const policy = [
    "default-src 'none'",
    `style-src '${sha256(assets.style)}'`,
    `script-src '${sha256(assets.script)}'`,
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${plainText(board.job.name)} – slurmctl</title>
${inlineElement('style', assets.style)}
</head>
<body${live && html` data-live="true"`}>
<a class="skip" href="#main">Skip to the figures</a>
<header id="masthead">${headline(board)}<button type="button" id="theme" class="theme" hidden>Dark</button></header>
<nav aria-label="Parts of this page"><ul>${sections.map(navEntry)}</ul></nav>
<main id="main">${sections.map(sectionHtml)}</main>
<footer><p>Made by slurmctl at <time>${instant(board.madeMs)}</time>. This page is one file: it loads nothing and sends nothing${live && html`, but asks the slurmctl that serves it for newer figures`}.</p></footer>
${inlineElement('script', assets.script)}
</body>
</html>`.markup
  }\n`;
}

const navEntry = ({ id, title }: Section): Html => html`<li><a href="#${id}">${title}</a></li>`;

function headline({ job, items, madeMs }: Dashboard): Html {
  const sentence =
    items.total === 0
      ? 'Its input is not split yet.'
      : `${percent(items.succeeded, items.total)} of ${count(items.total, 'item')} succeeded, ${number(items.failed)} failed.`;
  return html`<div id="headline">
    <p class="eyebrow">slurmctl job <code>${job.id}</code></p>
    <h1>${userText(job.name)}</h1>
    <p class="summary">
      <span class="state state-${job.state.toLowerCase()}">${job.state.toLowerCase().replaceAll('_', ' ')}</span>
      ${sentence} <span class="as-of">As of ${instant(madeMs)}.</span>
    </p>
  </div>`;
}

/** As a Content Security Policy names it. */
const sha256 = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
