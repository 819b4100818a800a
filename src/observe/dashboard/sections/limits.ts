import { table } from '../charts/figure.ts';
import { isMissing, type Dashboard, type LimitUse } from '../document.ts';
import { count, duration, number, percent } from '../format.ts';
import { html, userText, type Html, type HtmlValue } from '../html.ts';
import { absent, facts, type Section } from './section.ts';

/** The rate limits that the job uses, as their site sees them at this moment. */
export function limits({ limits: panel }: Dashboard): Section {
  const base = { id: 'limits', title: 'Rate limits' };
  if (isMissing(panel)) return { ...base, content: absent(panel.missing) };
  return {
    ...base,
    content: html`<p class="lead">
        Shared with every job that names them; these figures are of the site, not of this job alone.
      </p>
      ${panel.limits.map(limitHtml)}`,
  };
}

function limitHtml(use: LimitUse): Html {
  const { name, words, share, refusals, soldAheadMs, sold, windows, waitingTasks } = use;
  return html`<article class="limit">
    <h3>${userText(name)}</h3>
    <p>${userText(words)}</p>
    ${facts([
      ['rate that is sold', percent(share, 1)],
      ['refused by the provider', number(refusals)],
      ['a call that asks now waits', soldAheadMs === 0 ? 'not at all' : duration(soldAheadMs)],
      ['waiting', count(waitingTasks, 'task')],
      ...sold.map(({ unit, units }): readonly [string, HtmlValue] => [`${unit} in all`, number(units)]),
    ])}${
      windows.length > 0 &&
      table(`Quotas of ${name}`, {
        head: ['quota', 'used', 'of', 'share', ''],
        figures: [1, 2, 3],
        rows: windows.map(({ unit, used, amount, every }) => [
          `${unit} each ${every}`,
          number(used),
          number(amount),
          percent(used, amount),
          meter(used, amount),
        ]),
      })
    }
  </article>`;
}

const meter = (used: number, amount: number): Html =>
  html`<svg viewBox="0 0 120 8" class="meter" aria-hidden="true">
    <rect class="track" width="120" height="8" rx="2" />
    <rect
      class="c-running"
      width="${Math.min(120, Math.round((120 * used) / Math.max(1, amount)))}"
      height="8"
      rx="2"
    />
  </svg>`;
