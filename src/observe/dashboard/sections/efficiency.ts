import { formatBytes } from '../../../domain/units.ts';
import { barChart } from '../charts/bar-chart.ts';
import { figure } from '../charts/figure.ts';
import { isMissing, type Dashboard, type Panel, type Shares } from '../document.ts';
import { count, duration, number, percent } from '../format.ts';
import { html, type Html } from '../html.ts';
import { absent, facts, type Section } from './section.ts';

/** Requested against used, as far as it is stored. */
export function efficiency({ job, efficiency: { asked, cpu, time, memory } }: Dashboard): Section {
  const content = [
    asked !== null &&
      facts([
        ['CPUs requested', number(asked.cpus)],
        ['memory requested', formatBytes(asked.memoryBytes)],
        ['time requested', duration(asked.timeMs)],
      ]),
    html`<div class="pair">
      <div>${shares('cpu-use', cpu, 'Share of the requested CPU time')}</div>
      <div>
        ${shares('time-use', time, 'Share of the time limit')}
        <p class="remark">
          The limit is that of an array element, which runs one task after another: a small share alone does not mean
          that less would do.
        </p>
      </div>
      <div>
        ${shares('memory-use', memory, 'Share of the requested memory')}
        ${
          !isMissing(memory) &&
          html`<p class="remark">
            The most that the worker had up to the end of the task, its earlier tasks included. What to ask for instead:
            <code>slurmctl report ${job.id}</code>
          </p>`
        }
      </div>
    </div>`,
  ];
  return { id: 'efficiency', title: 'Requested and used', content };
}

function shares(id: string, panel: Panel<Shares>, caption: string): Html {
  if (isMissing(panel))
    return html`<h3>${caption}</h3>
      ${absent(panel.missing)}`;
  const { tenths, mean, most } = panel;
  const total = tenths.reduce((sum, value) => sum + value, 0);
  const says = `${count(total, 'attempt')} used ${percent(mean, 1)} on average, and ${percent(most, 1)} at most.`;
  const label = (tenth: number): string => (tenth === 10 ? '100 % and more' : `${tenth * 10} to ${tenth * 10 + 10} %`);
  const bars = tenths.map((value, tenth) => ({
    label: `${tenth * 10}`,
    value,
    title: `${label(tenth)}: ${count(value, 'attempt')}`,
  }));
  const picture = html`<p class="says">${says}</p>
    ${barChart(bars, { title: says, axis: `${caption}, %` })}`;
  return figure({ id, caption, says }, picture, {
    head: ['share', 'attempts'],
    figures: [1],
    rows: tenths.map((value, tenth) => [label(tenth), number(value)]),
  });
}
