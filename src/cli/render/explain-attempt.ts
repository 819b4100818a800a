import type { ExplainedAttempt, ExplainedTask } from '../../app/explain-documents.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { clockTime } from './trouble.ts';
import { count, minute, number, printable } from './text.ts';
import type { View } from './view.ts';

/** Every attempt at a task, then where it stands. `short`: the last attempts only, for the story of one item. */
export function attemptLines(task: ExplainedTask, { style }: View, short: boolean): string[] {
  const { attempts } = task;
  const shown = short ? attempts.slice(-SHORT) : attempts;
  const hidden = attempts.length - shown.length;
  const generation = task.generation === 0 ? '' : `, generation ${task.generation}`;
  const { items, attemptsBegun, charged } = task;
  const begun =
    attemptsBegun === 0
      ? 'no attempt begun'
      : `${count(attemptsBegun, 'attempt')} begun, ${thatCount(charged, attemptsBegun)} against retry.attempts`;
  return [
    `task ${task.task} of ${count(items, 'item')}${generation}: ${begun}`,
    ...(hidden === 0 ? [] : [`  … ${count(hidden, 'earlier attempt')}`]),
    ...shown.flatMap((attempt) => oneAttempt(attempt)),
    ...(task.suspects === null ? [] : [`  suspected of killing attempts: ${itemsOf(task.suspects)} of the task`]),
    ...(task.quarantined === null ? [] : [quarantinedLine(task.quarantined)]),
    `  ${style.bold(printable(task.next))}${task.state === 'DONE' ? '' : asksFor(task, '; it asks for ')}`,
  ];
}

const SHORT = 3;

/** Of several items, the task keeps only why the last was put aside; each has its own words in its outcome. */
function quarantinedLine({ items, cause, detail }: NonNullable<ExplainedTask['quarantined']>): string {
  const which = isOne(items) ? '' : 'the last of them for ';
  return `  quarantined: ${itemsOf(items)} of the task (${which}${cause}: ${printable(detail)})`;
}

const isOne = (ranges: string): boolean => /^\d+$/.test(ranges);

/** `item 8`, `items 8-9`, of ranges as they are stored. */
const itemsOf = (ranges: string): string => `${isOne(ranges) ? 'item' : 'items'} ${ranges}`;

/** How many of so many attempts a task has to pay for: `none counts`, `1 counts`, `2 count`, `all count`. */
export function thatCount(charged: number, attempts: number): string {
  if (charged === 0) return 'none counts';
  if (charged === 1) return attempts === 1 ? 'it counts' : '1 counts';
  return charged === attempts ? 'all count' : `${number(charged)} count`;
}

function oneAttempt(attempt: ExplainedAttempt): string[] {
  const { cause, explanation, detail, why, rule, charged, retryAt, suspects } = attempt;
  const lines = [`  ${nameOf(attempt)}${whereAndWhen(attempt)}: ${howItEnded(attempt)}`];
  if (cause !== null && explanation !== null)
    lines.push(`    ${cause}: ${explanation}${detail === null || detail === '' ? '' : ` (${printable(detail)})`}`);
  if (attempt.end === 'corrupt')
    lines.push(`    found corrupt, so its task was opened again: ${printable(detail ?? '')}`);
  if (attempt.end === 'replaced' && why !== null) lines.push(`    replaced: ${printable(why)}`);
  if ((attempt.end === 'failed' || attempt.end === 'unclaimed') && why !== null) {
    const pays = charged === false && attempt.end === 'failed' ? '; it does not count against retry.attempts' : '';
    const when = retryAt === null ? '' : `, at ${clockTime(retryAt)} at the earliest`;
    lines.push(`    decided: ${printable(why)}${when}${pays}`);
    lines.push(`    by: ${printable(rule ?? 'unknown')}`);
  }
  if (suspects !== null) lines.push(`    suspects afterwards: ${itemsOf(suspects)}`);
  return lines;
}

function nameOf({ number: after, end }: ExplainedAttempt): string {
  if (end !== 'unclaimed') return `attempt ${after}`;
  return after === 0 ? 'no attempt' : `no attempt after attempt ${after}`;
}

function whereAndWhen({ node, startedAt, tookMs, ...asked }: ExplainedAttempt): string {
  const where = node === null ? '' : ` on ${printable(node)}`;
  const when = startedAt === null ? '' : ` from ${minute(startedAt)} UTC`;
  const took = tookMs === null ? '' : ` for ${formatDuration(tookMs)}`;
  return `${where}${when}${took}${asksFor(asked, ' with ')}`;
}

function howItEnded({ end, exitCode, signal, savedItems }: ExplainedAttempt): string {
  const saved = savedItems === null ? '' : `, ${count(savedItems, 'item')} saved`;
  if (end === 'unclaimed') return `no element came to the task${saved}`;
  if (end === 'committed' || end === 'replaced' || end === 'corrupt')
    return `committed${savedItems === null ? '' : ` ${count(savedItems, 'item')}`}`;
  if (end === 'running') return `runs${saved}`;
  const how = signal !== null ? `, signal ${signal}` : exitCode !== null ? `, exit ${exitCode}` : '';
  const verb = { undecided: 'has ended', failed: 'failed', cancelled: 'ended by a cancel' }[end];
  return `${verb}${how}${saved}`;
}

function asksFor(
  { memoryBytes, timeMs }: { readonly memoryBytes: number | null; readonly timeMs: number | null },
  before: string,
): string {
  const asks = [
    ...(memoryBytes === null ? [] : [formatBytes(memoryBytes)]),
    ...(timeMs === null ? [] : [formatDuration(timeMs)]),
  ];
  return asks.length === 0 ? '' : `${before}${asks.join(' and ')}`;
}
