import type { StatusDocument } from '../../app/documents.ts';
import { isFinalJobState, type JobState } from '../../domain/states.ts';
import type { Style } from './style.ts';
import { carrySentence } from './carry.ts';
import { laggardLines, leftWords, paceLines, queueLines, speedOf } from './pace.ts';
import { troubleLines } from './trouble.ts';
import { idleLine } from './standstill.ts';
import { undeliveredLines } from './undelivered.ts';
import { count, minute, number, percent, printable, rate, wrap } from './text.ts';
import type { View } from './view.ts';

const LABEL_WIDTH = 12;
const BAR_WIDTH = 24;
const MOST_CAUSES = 8;
const MOST_SUBMISSIONS = 6;

/** The screen of `status`: a fact after the other, no line but the path of the output wider than the terminal. */
export function renderStatus(document: StatusDocument, view: View): string {
  const { job, output } = document;
  const { style } = view;
  const lines: [label: string, text: string, paint?: (text: string) => string][] = [
    ['job', job.name === job.id ? job.id : `${job.id}  (${printable(job.name)})`, style.bold],
    ['state', stateLine(document), paintOf(job.state, style)],
    ['items', itemsLine(document)],
    ['tasks', tasksLine(document)],
  ];
  const idle = idleLine(document);
  if (idle !== null) {
    lines.push(['not running', idle, style.warn]);
    lines.push(['', `why, until when and what to do: slurmctl explain ${job.id}`]);
  }
  for (const [label, line] of paceLines(document)) lines.push([label, line]);
  lines.push([
    'created',
    `${minute(job.createdAt)} UTC${job.finishedAt === null ? '' : `, finished ${minute(job.finishedAt)} UTC`}`,
  ]);
  for (const [label, line] of queueLines(document)) lines.push([label, line]);
  for (const [label, line] of laggardLines(document)) lines.push([label, line, style.warn]);
  for (const [label, line] of troubleLines(document)) lines.push([label, line, style.warn]);
  const { turn } = document;
  if (turn !== undefined) lines.push(['group', turnLine(turn)]);
  for (const [index, line] of causeLines(document).entries())
    lines.push([index === 0 ? 'causes' : '', line, style.warn]);
  for (const [index, line] of errorLines(document).entries())
    lines.push([index === 0 ? 'errors' : '', line, style.warn]);
  for (const [index, line] of submissionLines(document).entries()) lines.push([index === 0 ? 'arrays' : '', line]);
  for (const [index, line] of undeliveredLines(document).entries())
    lines.push([index === 0 ? 'alerts' : '', line, style.warn]);
  const { carry } = document;
  if (carry !== undefined) lines.push(['carried', carrySentence(carry), carry.problem === null ? same : style.warn]);
  if (carry !== undefined && carry.problem !== null)
    lines.push(['', `last try: ${printable(carry.problem)}`, style.warn]);
  for (const note of carry?.notes ?? []) lines.push(['', printable(note), style.warn]);
  if (output !== null) lines.push(['output', printable(output), style.info]);
  const earlier = earlierOutput(document);
  if (earlier !== null) lines.push(['', earlier]);
  return lines
    .flatMap(([label, text, paint]) =>
      (label === 'output' ? [text] : wrap(view.flagged(text), view.width - LABEL_WIDTH)).map(
        (line, index) => `${style.dim((index === 0 ? label : '').padEnd(LABEL_WIDTH))}${(paint ?? same)(line)}\n`,
      ),
    )
    .join('');
}

/** While a retry has not published: whose output it is that stands there. */
function earlierOutput({ job, output, outputGeneration }: StatusDocument): string | null {
  if (output === null || outputGeneration === null || outputGeneration >= job.generation) return null;
  const now = job.state === 'CANCELLED' ? 'was cancelled' : `is ${job.state.toLowerCase()}`;
  return `that is the output of generation ${outputGeneration}; generation ${job.generation} ${now} and has published none`;
}

const same = (text: string): string => text;

/** Colour of a job state. */
export const paintOf = (state: JobState, style: Style): ((text: string) => string) => {
  if (state === 'COMPLETED') return style.good;
  if (state === 'COMPLETED_WITH_FAILURES' || state === 'PAUSED') return style.warn;
  return state === 'FAILED' || state === 'CANCELLED' ? style.bad : style.info;
};

function stateLine({ job }: StatusDocument): string {
  const wave = job.wave > 0 ? `, wave ${job.wave}` : '';
  const generation = job.generation > 0 ? `, generation ${job.generation}` : '';
  return `${job.state} on ${job.scheduler}${wave}${generation}${job.reason === null ? '' : `: ${printable(job.reason)}`}`;
}

function itemsLine({ items }: StatusDocument): string {
  const done = items.succeeded + items.failed;
  const filled = items.total === 0 ? 0 : Math.floor((BAR_WIDTH * done) / items.total);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
  const failed = items.failed === 0 ? '' : `, ${number(items.failed)} failed`;
  return `${bar} ${number(done)} of ${number(items.total)} (${percent(done, items.total)})${failed}`;
}

function tasksLine({ tasks }: StatusDocument): string {
  const parts = (['pending', 'submitted', 'running', 'wait', 'done', 'dead', 'cancelled'] as const)
    .filter((state) => tasks[state] > 0)
    .map((state) => `${number(tasks[state])} ${state === 'wait' ? 'waiting for a retry' : state}`);
  return `${number(tasks.total)}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

/** Whom it waits for is in its state. */
function turnLine({ group, max, place, holders, waiting }: NonNullable<StatusDocument['turn']>): string {
  const most = `${group}, at most ${count(max, 'job')} at a time`;
  if (place === 0)
    return `${most}; ${waiting === 0 ? 'no job waits' : `${count(waiting, 'job')} ${waiting === 1 ? 'waits' : 'wait'}`}`;
  const who = holders.map(
    ({ job, user, state }) => `${job} by ${printable(user)}${state === 'PAUSED' ? ' (paused)' : ''}`,
  );
  return `${most}; place ${place ?? 'unknown'} of ${waiting}, behind ${who.length === 0 ? 'nobody' : who.join(', ')}`;
}

function causeLines({ causes }: StatusDocument): string[] {
  const lines = causes
    .slice(0, MOST_CAUSES)
    .map(
      ({ cause, tasks, explanation, example }) =>
        `${cause}: ${count(tasks, 'task')}, ${explanation}${example === '' ? '' : ` (${printable(example)})`}`,
    );
  return causes.length > MOST_CAUSES ? [...lines, `… and ${causes.length - MOST_CAUSES} more causes`] : lines;
}

/** The largest groups that the states of the tasks tell of, and the command that knows them all. */
function errorLines({ job, items, failures }: StatusDocument): string[] {
  if (items.failed === 0 && failures.length === 0) return [];
  const kinds = failures.map((failure) => {
    const { fingerprint, cause, example } = failure;
    const sample = example === '' ? '' : ` (${printable(example)})`;
    return `${fingerprint}: ${alike(failure)} failed alike, ${cause}${sample}`;
  });
  return [...kinds, `what failed, where and what to do: slurmctl analyze-errors ${job.id}`];
}

/** `at least 412 items (93% of the failed ones) and 1 task`. */
function alike({ items, share, tasks, atLeast }: StatusDocument['failures'][number]): string {
  const part = share < 0.01 ? 'less than 1%' : `${Math.floor(100 * share + 1e-9)}%`;
  const ofItems = `${atLeast ? 'at least ' : ''}${count(items, 'item')} (${part} of the failed ones)`;
  return [...(items === 0 ? [] : [ofItems]), ...(tasks === 0 ? [] : [count(tasks, 'task')])].join(' and ');
}

function submissionLines({ submissions }: StatusDocument): string[] {
  const shown = submissions.slice(-MOST_SUBMISSIONS);
  const hidden = submissions.length - shown.length;
  return [
    ...(hidden > 0 ? [`… ${count(hidden, 'earlier submission')}`] : []),
    ...shown.map(({ kind, wave, elements, handle, state, reason }) => {
      const what = kind === 'finaliser' ? 'finaliser' : count(elements, 'element');
      const why = reason === null ? '' : `: ${printable(reason)}`;
      const id = handle === null ? 'not accepted yet' : `job ${printable(handle)}`;
      return `wave ${wave}: ${what}, ${id}, ${state.toLowerCase()}${why}`;
    }),
  ];
}

/** One plain line about a running job, for logs and for screens that cannot redraw. */
export function statusSentence(document: StatusDocument): string {
  const { job, items } = document;
  const done = items.succeeded + items.failed;
  const parts = [`${number(done)} of ${count(items.total, 'item')} (${percent(done, items.total)})`];
  if (items.failed > 0) parts.push(`${number(items.failed)} failed`);
  const left = leftWords(document);
  const speed = speedOf(document);
  if (speed !== null) parts.push(rate(speed));
  // A line that says what is not known would be said again and again.
  if (left !== null && (document.pace?.unknown ?? null) === null) parts.push(left);
  if (job.reason !== null) parts.push(printable(job.reason));
  return `${job.state}: ${parts.join(', ')}`;
}

/** The command most worth typing after looking at this status. */
export function nextAfterStatus({ job, items, output, keptResults, lateResults }: StatusDocument): string {
  if (isFinalJobState(job.state) && keptResults + lateResults > 0) return `slurmctl aggregate ${job.id}`;
  switch (job.state) {
    case 'COMPLETED':
      return `slurmctl results ${job.id}`;
    case 'COMPLETED_WITH_FAILURES':
    case 'FAILED':
      if (items.failed > 0) return `slurmctl analyze-errors ${job.id}`;
      return output === null ? `slurmctl logs ${job.id}` : `slurmctl results ${job.id}`;
    case 'CANCELLED':
      return output === null ? 'slurmctl list --all' : `slurmctl results ${job.id}`;
    case 'PAUSED':
      return `slurmctl resume ${job.id}`;
    case 'SUBMITTING':
    case 'RUNNING':
    case 'AGGREGATING':
      // What a live job waits for may need somebody to put it right first.
      return job.reason !== null ? `slurmctl advance ${job.id}` : `slurmctl status ${job.id} --watch`;
  }
}
