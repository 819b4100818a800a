import type { StatusDocument } from '../../app/documents.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { count, number, printable } from './text.ts';

export type LabelledLine = readonly [label: string, text: string];

/** What is still running although the job is paused, what is tried again, why and when, and what failures have cost so far. Empty without trouble. */
export function troubleLines(document: StatusDocument): LabelledLine[] {
  const lines: LabelledLine[] = [];
  const { job, tasks, quarantinedItems, isolatingTasks } = document;
  if (job.state === 'PAUSED') lines.push(['running', stillRunning(tasks.running)]);
  for (const [index, wait] of document.waits.entries())
    lines.push([index === 0 ? 'waiting' : '', waitSentence(wait, tasks.running)]);
  if (document.retries.length > 0) lines.push(['retries', retriesSentence(document)]);
  // The last pass says of held retries what it found, in its own words.
  const held = document.notes.length > 0 ? document.notes.map(printable) : document.heldBack.map(heldSentence);
  for (const [index, line] of held.entries())
    lines.push([index === 0 && document.retries.length === 0 ? 'note' : '', line]);
  for (const [index, node] of document.avoidedNodes.entries())
    lines.push([index === 0 ? 'avoided' : '', avoidedSentence(node)]);
  lines.push(...waitingResultLines(document, job));
  const cost = costSentence(document);
  if (cost !== null) lines.push(['cost', cost]);
  if (isolatingTasks > 0)
    lines.push(['searching', `in ${count(isolatingTasks, 'task')} for the item that kills the attempts`]);
  if (quarantinedItems > 0)
    lines.push([
      'quarantined',
      `${count(quarantinedItems, 'item')} that killed attempts: failed, and not run any more`,
    ]);
  return lines;
}

/** Finished work that the output lacks, and the command that gives it its place; empty where there is none. */
export function waitingResultLines(
  { keptResults, lateResults }: Pick<StatusDocument, 'keptResults' | 'lateResults'>,
  { id, state }: Pick<StatusDocument['job'], 'id' | 'state'>,
): LabelledLine[] {
  const lines: LabelledLine[] = [];
  const verb = isFinalJobState(state) ? 'aggregate' : 'advance';
  if (keptResults > 0)
    lines.push([
      'kept',
      `${count(keptResults, 'finished result')} could not be stored ${keptResults === 1 ? 'and is' : 'and are'} kept; to take up: slurmctl ${verb} ${id}`,
    ]);
  if (lateResults > 0)
    lines.push([
      'late',
      `${count(lateResults, 'task')} finished after the output was published, which counts their items as failed; to publish again: slurmctl aggregate ${id}`,
    ]);
  return lines;
}

/** `for openai: 38 of 200 workers, next slot in 12 s`. */
function waitSentence({ name, tasks, nextInMs }: StatusDocument['waits'][number], running: number): string {
  const next = nextInMs === null ? '' : `, next slot ${nextInMs === 0 ? 'now' : `in ${formatDuration(nextInMs)}`}`;
  return `for ${printable(name)}: ${number(tasks)} of ${count(running, 'worker')}${next}`;
}

function stillRunning(running: number): string {
  if (running === 0) return 'nothing; what waits is held';
  return running === 1
    ? '1 task: its element stops after it'
    : `${number(running)} tasks: each element stops after the one it is at`;
}

/** `12 tasks wait: 9 × oom (next with up to 3.0 GiB), 3 × node-fail; the first at 12:04:30 UTC (in 40 s)`. */
export function retriesSentence({ retries }: Pick<StatusDocument, 'retries'>): string {
  const tasks = retries.reduce((sum, group) => sum + group.tasks, 0);
  const undecided = retries.reduce((sum, group) => sum + group.undecided, 0);
  const kinds = retries.map((group) => `${number(group.tasks)} × ${group.cause}${asksFor(group)}`).join(', ');
  const [first] = retries
    .filter(({ firstInMs }) => firstInMs !== null)
    .toSorted((a, b) => (a.firstInMs ?? 0) - (b.firstInMs ?? 0));
  const when = first === undefined ? '' : `; ${tasks === 1 ? 'due' : 'the first is due'} ${moment(first)}`;
  const open = undecided === 0 ? '' : `; the next advance decides about ${number(undecided)}`;
  return `${count(tasks, 'task')} ${tasks === 1 ? 'waits' : 'wait'}: ${kinds}${when}${open}`;
}

const moment = ({ firstAt, firstInMs }: StatusDocument['retries'][number]): string =>
  firstInMs === 0 ? 'now' : `at ${clockTime(firstAt ?? '')} (in ${formatDuration(firstInMs ?? 0)})`;

/** `12:04:30 UTC` of an ISO-8601 time. */
export const clockTime = (iso: string): string => `${iso.slice(11, 19)} UTC`;

function asksFor({ memoryBytes, timeMs }: StatusDocument['retries'][number]): string {
  const asks = [
    ...(memoryBytes === null ? [] : [formatBytes(memoryBytes)]),
    ...(timeMs === null ? [] : [formatDuration(timeMs)]),
  ];
  return asks.length === 0 ? '' : ` (next with up to ${asks.join(' and ')})`;
}

function heldSentence({ tasks, cause, example, canary, nextAt }: StatusDocument['heldBack'][number]): string {
  const tries =
    canary !== null
      ? `task ${canary} tries whether it still fails`
      : nextAt !== null
        ? `one tries again at ${clockTime(nextAt)}`
        : 'one tries again soon';
  return `${count(tasks, 'task')} failed alike (${cause}: ${printable(example)}): ${tries}`;
}

function costSentence({ cost }: StatusDocument): string | null {
  if (cost === null || (cost.attempts <= cost.tasks && cost.escalations === 0)) return null;
  const more = cost.escalations === 0 ? '' : `, ${number(cost.escalations)} × with more memory or time`;
  return `${count(cost.attempts, 'attempt')} for ${count(cost.tasks, 'task')}${more}`;
}

/** `n7 until 16:04:30 UTC: 5 elements died there at once …`. */
export const avoidedSentence = ({ node, until, why }: StatusDocument['avoidedNodes'][number]): string =>
  `${printable(node)} until ${clockTime(until)}: ${printable(why)}`;
