import { ATTEMPT_DECISIONS } from '../../../domain/history.ts';
import { barChart } from '../charts/bar-chart.ts';
import { figure, table } from '../charts/figure.ts';
import type { Dashboard, Retries } from '../document.ts';
import { count, number } from '../format.ts';
import { html, userText, type HtmlValue } from '../html.ts';
import { absent, facts, type Section } from './section.ts';

/** Attempts without a result: why, and what was decided. */
export function retries({ retries: panel }: Dashboard): Section {
  const { attempts, escalations, causes, decisions, waiting } = panel;
  const ended = causes.reduce((sum, row) => sum + row.attempts, 0);
  const content = [
    facts([
      ['attempts begun', number(attempts)],
      ['ended without a result', number(ended)],
      ['times given more', number(escalations)],
    ]),
    html`<div class="pair">
      <div>${perTask(panel)}</div>
      <div>
        <h3>Waiting now</h3>
        ${
          waiting.length === 0
            ? absent('No task waits for a retry.')
            : table('Tasks that wait for a retry', {
                head: ['cause', 'tasks'],
                figures: [1],
                rows: waiting.map(({ cause, tasks }) => [cause, number(tasks)]),
              })
        }
      </div>
    </div>`,
    html`<h3>Causes</h3>`,
    causes.length === 0
      ? absent('Every attempt that has ended left a result.')
      : table('Attempts without a result, by cause', {
          head: ['cause', 'attempts', 'charged', 'what it means', 'the last one'],
          figures: [1, 2],
          rows: causes.map((row) => [
            html`<span class="cause">${row.cause}</span>`,
            number(row.attempts),
            number(row.charged),
            row.explanation,
            userText(row.example),
          ]),
        }),
    decisions.length > 0 &&
      html`<h3>Decisions</h3>
        ${decisionTable(decisions)}`,
  ];
  return { id: 'retries', title: 'Retries', content };
}

const decisionTable = (decisions: Retries['decisions']): HtmlValue =>
  table('What was decided about these attempts', {
    head: ['decision', 'what it means', 'by', 'attempts'],
    figures: [3],
    rows: decisions.map(({ decision, rule, attempts }) => [
      decision,
      ATTEMPT_DECISIONS[decision],
      userText(rule),
      number(attempts),
    ]),
  });

function perTask({ perTask: tasks }: Retries): HtmlValue {
  const label = (place: number): string => (place === tasks.length - 1 ? `${place + 1} or more` : String(place + 1));
  const bars = tasks.map((value, place) => ({
    label: label(place),
    value,
    title: `${label(place)}: ${count(value, 'task')}`,
  }));
  if (tasks.every((value) => value === 0)) return absent('No task has begun an attempt.');
  const says = `${count(tasks[0] ?? 0, 'task')} needed one attempt so far, ${number(tasks.slice(1).reduce((sum, value) => sum + value, 0))} more than one.`;
  return figure(
    { id: 'attempts-per-task', caption: 'Attempts begun for each task', says },
    barChart(bars, { title: says, axis: 'attempts' }),
    {
      head: ['attempts', 'tasks'],
      figures: [1],
      rows: tasks.map((value, place) => [label(place), number(value)]),
    },
  );
}
