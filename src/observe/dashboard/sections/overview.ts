import type { Dashboard } from '../document.ts';
import { duration, instant, iso, number, percent, rate } from '../format.ts';
import { html, userText, type Html, type HtmlValue } from '../html.ts';
import { facts, type Section } from './section.ts';

/** How the job is doing, in figures; the same as `status --json` has them. */
export function overview(board: Dashboard): Section {
  const { items, tasks, job, notes, output } = board;
  const content = [
    itemBar(board),
    facts([
      ['items', html`<data value="${items.total}" data-figure="items.total">${number(items.total)}</data>`],
      [
        'succeeded',
        html`<data value="${items.succeeded}" data-figure="items.succeeded">${number(items.succeeded)}</data>
          <small>${percent(items.succeeded, items.total)}</small>`,
      ],
      [
        'failed',
        html`<data value="${items.failed}" data-figure="items.failed">${number(items.failed)}</data>
          <small>${percent(items.failed, items.total)}</small>`,
      ],
      ['pending', html`<data value="${items.pending}" data-figure="items.pending">${number(items.pending)}</data>`],
      ...timing(board),
    ]),
    html`<h3>Tasks</h3>`,
    facts(
      Object.entries(tasks).map(([name, value]) => [
        name,
        html`<data value="${value}" data-figure="tasks.${name}">${number(value)}</data>`,
      ]),
    ),
    job.reason !== null &&
      html`<p class="note"><strong>${job.isOver ? 'Why' : 'Waiting'}:</strong> ${userText(job.reason)}</p>`,
    notes.length > 0 &&
      html`<ul class="notes">
        ${notes.map((note) => html`<li>${userText(note)}</li>`)}
      </ul>`,
    output !== null && html`<p class="output">Output: <code>${userText(output)}</code></p>`,
  ];
  return { id: 'overview', title: 'Overview', content };
}

function itemBar({ items }: Dashboard): HtmlValue {
  if (items.total === 0) return null;
  const width = 960;
  const wide = (value: number): number => Math.round((value / items.total) * width * 10) / 10;
  const good = wide(items.succeeded);
  const bad = items.failed === 0 ? 0 : Math.max(2, wide(items.failed));
  const words = `${number(items.succeeded)} of ${number(items.total)} items succeeded, ${number(items.failed)} failed`;
  return html`<svg
    viewBox="0 0 ${width} 14"
    preserveAspectRatio="none"
    class="item-bar"
    role="img"
    aria-label="${words}"
  >
    <rect class="track" width="${width}" height="14" />
    <rect class="c-done" width="${good}" height="14" />
    <rect class="c-dead" x="${Math.min(good, width - bad)}" width="${bad}" height="14" />
  </svg>`;
}

function timing({ job, itemsPerSec, etaMs, madeMs }: Dashboard): (readonly [string, HtmlValue])[] {
  const rows: (readonly [string, HtmlValue])[] = [
    ['submitted', time(job.createdMs)],
    job.finishedMs === null
      ? ['so far', duration(Math.max(0, madeMs - job.createdMs))]
      : ['took', duration(job.finishedMs - job.createdMs)],
  ];
  if (itemsPerSec !== null) rows.push(['items a second', rate(itemsPerSec)]);
  if (etaMs !== null) rows.push(['at this rate', html`${duration(etaMs)} <small>to go</small>`]);
  return rows;
}

export const time = (epochMs: number): Html => html`<time datetime="${iso(epochMs)}">${instant(epochMs)}</time>`;
