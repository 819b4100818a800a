import type { StatusDocument } from '../../app/documents.ts';
import type { UsageDocument } from '../../app/pace-documents.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { count, minute, number, printable, rate } from './text.ts';
import { hours } from './report.ts';
import type { LabelledLine } from './trouble.ts';

/** Tasks and reasons on the screen; the document has a few more. */
const MOST_TASKS = 3;
const MOST_REASONS = 3;

/** Items a second: lately where that is known, else over the life of the job. */
export const speedOf = ({ pace, itemsPerSec }: Pick<StatusDocument, 'pace' | 'itemsPerSec'>): number | null =>
  pace?.itemsPerSec ?? itemsPerSec;

/** How long the rest takes, as honestly as it is known; null when there is nothing to wait for. */
export function leftWords({ pace, etaMs, items }: Pick<StatusDocument, 'pace' | 'etaMs' | 'items'>): string | null {
  if (pace === null) return etaMs === null ? null : `about ${formatDuration(etaMs)} left`;
  const { leftAtLeastMs: least, leftAtMostMs: most, unknown } = pace;
  if (items.pending === 0) return null;
  if (least === null) return `how long is left cannot be said: ${unknown ?? 'nothing is known of its pace'}`;
  if (most === null) return `at least ${formatDuration(least)} left, at most nobody can say: the pace varies too much`;
  const [from, to] = [formatDuration(least), formatDuration(most)];
  return from === to ? `about ${from} left` : `${from} to ${to} left`;
}

/** How fast it goes, how long is left, and what it used. */
export function paceLines(document: StatusDocument): LabelledLine[] {
  const lines: LabelledLine[] = [];
  const speed = speedOf(document);
  const left = leftWords(document);
  if (speed !== null || (left !== null && document.items.total > 0))
    lines.push(['speed', [...(speed === null ? [] : [rate(speed)]), ...(left === null ? [] : [left])].join(', ')]);
  if (document.usage !== null) lines.push(['used', usageText(document.usage)]);
  return lines;
}

function usageText({ asked, cpuShare, mostMemoryBytes, longestTaskMs, cpuHours }: UsageDocument): string {
  return [
    `${hours(cpuHours)} CPU-hours so far`,
    ...(cpuShare === null ? [] : [`${Math.round(cpuShare * 100)} % of ${count(asked.cpus, 'CPU')}`]),
    ...(mostMemoryBytes === null ? [] : [`${formatBytes(mostMemoryBytes)} of ${formatBytes(asked.memoryBytes)}`]),
    ...(longestTaskMs === null
      ? []
      : [`longest task ${formatDuration(longestTaskMs)} of ${formatDuration(asked.timeMs)}`]),
  ].join(', ');
}

/** Why elements wait in the queue, and what one can do about it. */
export function queueLines({ queue }: Pick<StatusDocument, 'queue'>): LabelledLine[] {
  if (queue === undefined) return [];
  if (queue.problem !== null) return [['queue', `not known: ${printable(queue.problem)}`]];
  const shown = queue.waiting.slice(0, MOST_REASONS);
  const lines = shown.flatMap(({ reason, elements, says, todo }) => [
    `${count(elements, 'element')} ${elements === 1 ? 'waits' : 'wait'}: ${printable(says)} (${printable(reason)})`,
    ...(todo === null ? [] : [`  ${printable(todo)}`]),
  ]);
  const hidden = queue.waiting.slice(MOST_REASONS).reduce((sum, { elements }) => sum + elements, 0);
  if (hidden > 0) lines.push(`… and ${count(hidden, 'element')} for other reasons`);
  if (lines.length > 0 && queue.askedAt !== null) lines.push(`as Slurm said at ${minute(queue.askedAt)} UTC`);
  return lines.map((line, index) => [index === 0 ? 'queue' : '', line]);
}

/** Running tasks that deserve a look. */
export function laggardLines({ laggards }: Pick<StatusDocument, 'laggards'>): LabelledLine[] {
  if (laggards === null || laggards.tasks.length === 0) return [];
  const { tasks, slow, silent, medianMs } = laggards;
  const lines = tasks.slice(0, MOST_TASKS).map(({ task, node, runsMs, silentMs, done, items, why }) => {
    const where = node === null ? '' : ` on ${printable(node)}`;
    const what =
      why === 'silent'
        ? `has said nothing for ${formatDuration(silentMs)}`
        : `runs for ${formatDuration(runsMs)}${medianMs === null ? '' : `, others took ${formatDuration(medianMs)}`}`;
    return `task ${task}${where} ${what}; ${number(done)} of ${count(items, 'item')}`;
  });
  const hidden = slow + silent - Math.min(MOST_TASKS, tasks.length);
  if (hidden > 0) lines.push(`… and ${count(hidden, 'more task')}`);
  return lines.map((line, index) => [index === 0 ? (silent > 0 ? 'stuck' : 'slow') : '', line]);
}
