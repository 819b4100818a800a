import { barChart } from '../charts/bar-chart.ts';
import { figure } from '../charts/figure.ts';
import { isMissing, type Dashboard, type Distribution, type Panel } from '../document.ts';
import { count, duration, number, percent } from '../format.ts';
import { html, type Html } from '../html.ts';
import { absent, type Section } from './section.ts';

/** How long items and tasks take. */
export const speed = ({ itemTimes, taskTimes }: Dashboard): Section => ({
  id: 'speed',
  title: 'How long things take',
  content: html`<div class="pair">
    <div>${spread('item-times', itemTimes, 'item')}</div>
    <div>${spread('task-times', taskTimes, 'attempt')}</div>
  </div>`,
});

function spread(id: string, panel: Panel<Distribution>, noun: string): Html {
  const caption = `Duration of each ${noun}`;
  if (isMissing(panel))
    return html`<h3>${caption}</h3>
      ${absent(panel.missing)}`;
  const { p50, p95, p99, most, buckets } = panel;
  const says =
    panel.count === 1
      ? `One ${noun}, which took ${duration(most)}.`
      : `Half of ${count(panel.count, noun)} took at most ${duration(p50)}, 95 % at most ${duration(p95)}, 99 % at most ${duration(p99)}; the longest ${duration(most)}.`;
  const range = (from: number, to: number): string => `${duration(from)} to ${duration(to)}`;
  const bars = buckets.map(({ fromMs, toMs, count: value }) => ({
    label: duration(fromMs),
    value,
    title: `${range(fromMs, toMs)}: ${count(value, noun)}`,
  }));
  const picture = html`<p class="says">${says}</p>
    ${barChart(bars, { title: says, axis: 'duration; each step is longer than the one before' })}`;
  return figure({ id, caption, says }, picture, {
    head: ['duration', `${noun}s`, 'share'],
    figures: [1, 2],
    rows: buckets.map(({ fromMs, toMs, count: value }) => [
      range(fromMs, toMs),
      number(value),
      percent(value, panel.count),
    ]),
  });
}
