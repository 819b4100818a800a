import { figure, legend } from '../charts/figure.ts';
import { nodeChartSvg } from '../charts/node-chart-svg.ts';
import { isMissing, type Dashboard } from '../document.ts';
import { count, duration, number } from '../format.ts';
import { html, userText } from '../html.ts';
import { absent, type Section } from './section.ts';

/** Which node worked when. */
export function nodes({ nodes: chart }: Dashboard): Section {
  const base = { id: 'nodes', title: 'Nodes' };
  if (isMissing(chart)) return { ...base, content: absent(chart.missing) };
  const single = chart.rows.every(({ bars }) => bars !== null);
  const own = chart.rows.length + Math.max(0, chart.sharing - 1);
  const says = `${count(chart.attempts, 'attempt')} on ${count(own, 'node')} in ${duration(chart.toMs - chart.fromMs)}.`;
  return {
    ...base,
    content: [
      html`<p class="lead">
        ${says}
        ${single ? 'Each bar is an attempt.' : 'The stronger the colour, the more attempts at once; a mark where one ended without a result.'}
        Where an attempt failed, its end is when that was judged.
      </p>`,
      legend(
        single
          ? [
              { colour: 'e-committed', label: 'with a result' },
              { colour: 'e-failed', label: 'without' },
              { colour: 'e-running', label: 'running' },
            ]
          : [
              { colour: 'l-1', label: 'few attempts at once' },
              { colour: 'l-5', label: 'most' },
              { colour: 'failure-swatch', label: 'an attempt without a result' },
            ],
      ),
      figure({ id: 'attempts-by-node', caption: 'Attempts by node', says }, nodeChartSvg(chart, says), {
        head: ['node', 'attempts', 'without a result', 'busy'],
        figures: [1, 2, 3],
        rows: chart.rows.map(({ node, attempts, failed, busyMs }) => [
          node === null ? `${chart.sharing} other nodes` : userText(node),
          number(attempts),
          number(failed),
          duration(busyMs),
        ]),
      }),
      chart.left > 0 &&
        html`<p class="remark">
          ${count(chart.left, 'attempt')} beyond the first ${number(chart.attempts - chart.left)} are not drawn.
        </p>`,
    ],
  };
}
