import { figure, legend } from '../charts/figure.ts';
import { progressChart, throughputChart, throughputOf } from '../charts/progress-chart.ts';
import { isMissing, type Dashboard, type Progress } from '../document.ts';
import { count, duration, instant, number, rate } from '../format.ts';
import { html, type HtmlValue } from '../html.ts';
import { absent, type Section } from './section.ts';

/** Rows of the tables under the charts. */
const TABLE_STEPS = 24;

/** Outcomes over time. */
export function progress({ progress: panel, job }: Dashboard): Section {
  const base = { id: 'progress', title: 'Progress over time' };
  if (isMissing(panel)) return { ...base, content: absent(panel.missing) };
  return {
    ...base,
    content: [
      html`<p class="lead">
        From the first attempt to ${job.isOver ? 'the end' : 'this moment'}:
        ${duration(panel.stepMs * panel.succeeded.length)}. Times are UTC. An item counts when its task is committed.
      </p>`,
      legend([
        { colour: 'c-done', label: 'succeeded' },
        { colour: 'c-partly', label: 'failed' },
      ]),
      outcomes(panel),
      throughput(panel),
      panel.undated > 0 &&
        html`<p class="remark">
          Of ${count(panel.undated, 'item')} it is not known when they ended; they are drawn at the end, and in no
          second.
        </p>`,
    ],
  };
}

function outcomes(panel: Progress): HtmlValue {
  const last = panel.succeeded.length - 1;
  const says = `${number(panel.succeeded[last] ?? 0)} succeeded and ${number(panel.failed[last] ?? 0)} failed of ${count(panel.total, 'item')}.`;
  return figure({ id: 'outcomes', caption: 'Items with an outcome', says }, progressChart(panel, says), {
    head: ['until', 'succeeded', 'failed'],
    figures: [1, 2],
    rows: everyFew(panel).map((step) => [
      instant(panel.fromMs + (step + 1) * panel.stepMs),
      number(panel.succeeded[step] ?? 0),
      number(panel.failed[step] ?? 0),
    ]),
  });
}

function throughput(panel: Progress): HtmlValue {
  const rates = throughputOf(panel);
  const says = `At most ${rate(Math.max(...rates))}, measured over steps of ${duration(panel.stepMs)}.`;
  return figure({ id: 'throughput', caption: 'Items a second', says }, throughputChart(panel, says), {
    head: ['from', 'items a second'],
    figures: [1],
    rows: everyFew(panel).map((step) => [instant(panel.fromMs + step * panel.stepMs), rate(rates[step] ?? 0)]),
  });
}

const everyFew = ({ succeeded }: Progress): number[] => {
  const every = Math.max(1, Math.floor(succeeded.length / TABLE_STEPS));
  return succeeded.flatMap((_, step) => ((step + 1) % every === 0 ? [step] : []));
};
