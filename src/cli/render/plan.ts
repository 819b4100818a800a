import type { PlanDocument } from '../../app/documents.ts';
import { formatBytes } from '../../domain/units.ts';
import { problemLines } from './problems.ts';
import { count, number, printable, printableLines, shellWord } from './text.ts';
import type { View } from './view.ts';

const MOST_SUBMISSIONS = 4;

/** What `submit` would do. `scripts` adds the script of every submission. */
export function renderPlan(plan: PlanDocument, view: View, scripts: boolean): string {
  const { style } = view;
  const fact = (label: string, text: string): string => `${style.dim(label.padEnd(12))}${text}\n`;
  const bad = plan.badRecords === 0 ? '' : `, ${count(plan.badRecords, 'bad record')}`;
  return [
    fact('job', style.bold(printable(plan.name))),
    fact('scheduler', `${plan.scheduler} (${printable(plan.schedulerFrom)})`),
    fact('home', printable(plan.home)),
    fact('input', `${count(plan.items, 'item')}, ${formatBytes(plan.bytes)}${bad}`),
    fact('tasks', number(plan.tasks)),
    fact('elements', `${number(plan.elements)} (${printable(plan.elementsReason)})`),
    ...plan.limits.map((limit, index) =>
      fact(
        index === 0 ? 'limits' : '',
        `${printable(limit.name)} ${printable(limit.value)} (${printable(limit.from)})`,
      ),
    ),
    ...ruleLines(plan.rules).map((line, index) => fact(index === 0 ? 'failures' : '', line)),
    ...submissionLines(plan, view, scripts),
    ...plan.warnings.flatMap((warning) => problemLines(warning, style.warn('warning: '))).map((line) => `${line}\n`),
  ].join('');
}

/** In the order they are asked; those that never get a turn are only counted. */
function ruleLines(rules: PlanDocument['rules']): string[] {
  const covered = rules.filter(({ coveredBy }) => coveredBy.length > 0);
  const lines = rules
    .filter(({ coveredBy }) => coveredBy.length === 0)
    .map(
      ({ name, condition, action }, index) =>
        `${index + 1}. ${printable(condition)} → ${printable(action)} · ${printable(name)}`,
    );
  if (covered.length === 0) return lines;
  const by = [...new Set(covered.flatMap(({ coveredBy }) => coveredBy))].map(printable).join(', ');
  const what = covered.length === 1 ? 'never gets a turn: it is' : 'never get a turn: they are';
  return [...lines, `… ${count(covered.length, 'built-in rule')} ${what} covered by ${by}`];
}

function submissionLines({ submissions }: PlanDocument, { style }: View, scripts: boolean): string[] {
  const shown = scripts ? submissions : submissions.slice(0, MOST_SUBMISSIONS);
  const lines = shown.flatMap(({ elements, argv, script }, index) => [
    `\n${style.dim(`submission ${index + 1} of ${submissions.length}: ${count(elements, 'element')}`)}\n`,
    `${argv.map(printable).map(shellWord).join(' ')}\n`,
    ...(scripts ? [`${style.dim('script:')}\n  ${printableLines(script.trimEnd())}\n`] : []),
  ]);
  const hidden = submissions.length - shown.length;
  return hidden > 0
    ? [...lines, style.dim(`\n… and ${count(hidden, 'more submission')} (--scripts shows all)\n`)]
    : lines;
}
