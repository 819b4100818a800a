import type { ErrorGroup, ErrorGroups, ErrorSample } from '../../domain/error-groups.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { count, fit, minute, number, printable } from './text.ts';
import type { View } from './view.ts';

/** Groups on the screen; the document has more. */
const MOST_GROUPS = 20;
const MOST_NODES = 5;
const MOST_NAMED = 3;
const LABEL_WIDTH = 12;
const TITLE_CHARS = 120;
const MESSAGE_CHARS = 240;

/** A heading, then a paragraph a group, largest first. What is there to be copied is never cut. */
export function renderErrorGroups(document: ErrorGroups, view: View): string {
  const { groups, others, notes } = document;
  const shown = groups.slice(0, MOST_GROUPS);
  const hidden = groups.length - shown.length + (others?.groups ?? 0);
  const lines = [
    view.style.bold(headline(document)),
    ...(document.unsavedItems === 0
      ? []
      : [
          `${count(document.unsavedItems, 'item')} failed in attempts that run and ${document.unsavedItems === 1 ? 'is' : 'are'} not saved yet`,
        ]),
    ...shown.flatMap((group, at) => ['', ...groupLines(group, { at, document, view })]),
    ...(hidden === 0
      ? []
      : ['', `… and ${count(hidden, 'smaller group')}${groups.length > MOST_GROUPS ? ' (--json shows more)' : ''}`]),
    ...notes.map((note) => view.style.dim(`note: ${printable(note)}`)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function headline({ jobId, state, failedItems, failedAttempts, items, groups, others }: ErrorGroups): string {
  const sofar = isFinalJobState(state) ? '' : ' so far';
  if (failedItems === 0 && failedAttempts === 0) return `${jobId} is ${state}: nothing has failed${sofar}`;
  const attempts =
    failedAttempts === 0 ? '' : ` and ${count(failedAttempts, 'attempt')} ended without a result${sofar}`;
  const kinds = groups.length + (others?.groups ?? 0);
  const many =
    failedItems === 0 && attempts !== ''
      ? ''
      : `${number(failedItems)} of ${count(items, 'item')} failed${attempts === '' ? sofar : ''}`;
  return `${jobId} is ${state}: ${many === '' ? attempts.slice(5) : many + attempts}, in ${count(kinds, 'group')}`;
}

interface Around {
  readonly at: number;
  readonly document: ErrorGroups;
  readonly view: View;
}

function groupLines(group: ErrorGroup, { at, document, view }: Around): string[] {
  const { style } = view;
  const { remedy, correlations, heldBack, sample } = group;
  const fact = (label: string, text: string): string => `   ${style.dim(label.padEnd(LABEL_WIDTH))}${text}`;
  const title = fit(printable(group.title), Math.min(TITLE_CHARS, Math.max(LABEL_WIDTH, view.width - LABEL_WIDTH)));
  return [
    `${at + 1}. ${style.bold(title)}`,
    fact('failed', amounts(group)),
    ...(document.by === 'cause' ? [] : causeLines(group).map((line) => fact('cause', line))),
    fact('kind', kinds(group)),
    ...(group.firstSeen === null || group.lastSeen === null
      ? []
      : [fact('seen', seen(group.firstSeen, group.lastSeen))]),
    ...(document.by === 'node' || group.nodes.length === 0 ? [] : [fact('nodes', nodes(group))]),
    ...correlations.map(({ text }) => fact('stands out', style.warn(printable(text)))),
    ...(heldBack === null ? [] : [fact('held back', printable(heldBack))]),
    fact('sample', sampleWords(sample)),
    fact('', sample.logCommand),
    fact('', sample.explainCommand),
    fact('remedy', printable(remedy.advice)),
    ...(remedy.command === null
      ? []
      : [fact('', `${style.info(remedy.command)}   # runs ${count(remedy.commandItems, 'item')} again`)]),
    ...(remedy.rule === null ? [] : [fact('rule', `- ${printable(remedy.rule)}   # ${ruleUse(remedy.rule)}`)]),
  ];
}

function seen(first: string, last: string): string {
  const [from, to] = [minute(first), minute(last)];
  return from === to ? `${from} UTC` : `${from} to ${to} UTC`;
}

/** When a person would want the rule. */
const ruleUse = (rule: string): string =>
  rule.endsWith('do: fail}') ? 'if trying again never helps' : 'for retry.rules of the next submit';

function amounts({ items, attempts, tasks, share }: ErrorGroup): string {
  const percent = `${share < 0.01 ? '< 1' : Math.floor(100 * share + 1e-9)} %`;
  const parts = [
    ...(items === 0 ? [] : [`${count(items, 'item')} (${percent})`]),
    ...(attempts === 0 ? [] : [count(attempts, 'attempt')]),
  ];
  return `${parts.join(' and ')} of ${count(tasks, 'task')}`;
}

const causeLines = ({ causes }: ErrorGroup): string[] =>
  causes.length === 1
    ? causes.map(({ cause, explanation }) => `${cause}: ${explanation}`)
    : [causes.map(({ cause, items, attempts }) => `${cause} ${number(items + attempts)} ×`).join(', ')];

function kinds({ fingerprints, fingerprintCount }: ErrorGroup): string {
  const named = fingerprints.slice(0, MOST_NAMED).map(({ fingerprint }) => fingerprint);
  const more = fingerprintCount - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`;
}

function nodes({ nodes: all }: ErrorGroup): string {
  const named = all
    .slice(0, MOST_NODES)
    .map(({ node, items, attempts }) => `${printable(node)} ${number(items + attempts)} ×`);
  return `${named.join(', ')}${all.length > MOST_NODES ? ' …' : ''}`;
}

function sampleWords({ task, itemId, attempt, node, errorClass, message }: ErrorSample): string {
  const what = itemId === null ? `an attempt at task ${task}` : `item ${printable(itemId)} of task ${task}`;
  const where = node === null ? '' : ` on ${printable(node)}`;
  const by = attempt === null ? where : ` (${attempt}${where})`;
  const name = errorClass === null || errorClass === '' ? '' : `${printable(errorClass)}: `;
  const cut = message.length > MESSAGE_CHARS ? `${message.slice(0, MESSAGE_CHARS)}…` : message;
  return `${what}${by}: ${name}${printable(cut)}`;
}
