import { isMissing, type Dashboard } from '../document.ts';
import type { ErrorGroup, ErrorGroups } from '../../../domain/error-groups.ts';
import { count, instant, number, percent } from '../format.ts';
import { html, userText, type Html, type HtmlValue } from '../html.ts';
import { clip, clipLine } from '../plain-text.ts';
import { absent, type Section } from './section.ts';

const MOST_GROUPS = 50;
const TITLE_CHARS = 240;
const SAMPLE_CHARS = 2_000;
const COMMAND_CHARS = 1_000;
const MOST_NODES = 5;
/** A live page reads failures less often than the rest. */
const OLD_MS = 2_000;
/** The others are opened by whoever wants to see them. */
const OPEN_GROUPS = 3;

/** Failures in groups, with a sample each and what deals with them. */
export function errors({ errors: panel, job, madeMs }: Dashboard): Section {
  const base = { id: 'failures', title: 'What failed' };
  if (isMissing(panel)) return { ...base, content: absent(panel.missing) };
  if (panel.groups.length === 0)
    return {
      ...base,
      content: [absent(job.isOver ? 'Nothing failed.' : 'Nothing has failed so far.'), notesOf(panel)],
    };
  const listed = panel.groups.slice(0, MOST_GROUPS);
  const more = panel.groups.length - listed.length + (panel.others?.groups ?? 0);
  return {
    ...base,
    content: html`<p class="lead">
        ${count(panel.failedItems, 'failed item')} and ${count(panel.failedAttempts, 'attempt')} without a result, in
        groups of failures that read alike; largest
        first.${madeMs - Date.parse(panel.readAt) > OLD_MS && html` As of ${instant(Date.parse(panel.readAt))}.`}
      </p>
      <ol class="groups">
        ${listed.map((group, place) => groupHtml(group, panel, place < OPEN_GROUPS))}
      </ol>
      ${more > 0 && html`<p class="remark">And ${count(more, 'smaller group')}: <code>slurmctl analyze-errors ${panel.jobId}</code> lists them.</p>`}${notesOf(panel)}`,
  };
}

const notesOf = ({ notes }: ErrorGroups): HtmlValue =>
  notes.map((note) => html`<p class="remark">${userText(clipLine(note, COMMAND_CHARS))}</p>`);

function groupHtml(group: ErrorGroup, { failedItems }: ErrorGroups, isOpen: boolean): Html {
  const { key, items, attempts, tasks, title, causes, correlations, remedy, heldBack } = group;
  const share = items > 0 && failedItems > 0 ? `, ${percent(items, failedItems)} of them` : '';
  return html`<li>
    <details id="failure-${key}" ${isOpen && html` open`}>
      <summary>
        <b>${userText(clipLine(title, TITLE_CHARS))}</b>
        <span class="tally">${items > 0 ? `${count(items, 'item')}${share}` : count(attempts, 'attempt')}</span>
      </summary>
      <p>
        ${causes.map(({ cause }) => html`<span class="cause">${cause}</span> `)}in
        ${count(tasks, 'task')}${items > 0 && attempts > 0 && `, ${count(attempts, 'attempt')}`}${seen(group)}.
      </p>
      ${
        correlations.length > 0 &&
        html`<ul>
          ${correlations.map(({ text }) => html`<li>${userText(clipLine(text, COMMAND_CHARS))}</li>`)}
        </ul>`
      }
      ${heldBack !== null && html`<p>${userText(clip(heldBack, COMMAND_CHARS))}</p>`} ${sampleOf(group)}
      <p class="remedy">
        ${userText(clip(remedy.advice, COMMAND_CHARS))}${remedy.command !== null && html` <code>${userText(clip(remedy.command, COMMAND_CHARS))}</code> <small>runs ${count(remedy.commandItems, 'item')} again</small>`}
      </p>
      ${
        remedy.rule !== null &&
        html`<p class="remedy">
            Rule for <code>retry.rules</code> of the job
            file${remedy.rule.endsWith('do: fail}') ? ', if trying again never helps' : ', from the next submit on'}:
          </p>
          <pre class="rule" tabindex="0" aria-label="Rule for the job file">
${userText(clip(remedy.rule, SAMPLE_CHARS))}</pre>`
      }
    </details>
  </li>`;
}

function seen({ firstSeen, lastSeen, nodes }: ErrorGroup): HtmlValue {
  const on = nodes
    .slice(0, MOST_NODES)
    .map(
      ({ node, items, attempts }, place) =>
        html`${place > 0 && ', '}${userText(clipLine(node, TITLE_CHARS))} ${number(items + attempts)} ×`,
    );
  return [
    firstSeen !== null && lastSeen !== null && `, ${minutesOf(firstSeen, lastSeen)}`,
    on.length > 0 && html`; on ${on}${nodes.length > MOST_NODES && ' and others'}`,
  ];
}

function minutesOf(first: string, last: string): string {
  const [from, to] = [minute(first), minute(last)];
  return from === to ? `at ${from} UTC` : `from ${from} to ${to} UTC`;
}

const minute = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

function sampleOf({ sample }: ErrorGroup): Html {
  const { task, itemId, errorClass, message, logCommand, explainCommand } = sample;
  return html`<figure class="sample">
    <figcaption>
      For example task <code>${task}</code>${itemId !== null && html`, item ${userText(clipLine(itemId, TITLE_CHARS))}`}
    </figcaption>
    <pre tabindex="0" aria-label="Message of the sample">
${errorClass !== null && html`${userText(clipLine(errorClass, TITLE_CHARS))}: `}${userText(clip(message, SAMPLE_CHARS))}</pre>
    <p>
      <code>${userText(clip(logCommand, COMMAND_CHARS))}</code>
      <code>${userText(clip(explainCommand, COMMAND_CHARS))}</code>
    </p>
  </figure>`;
}
