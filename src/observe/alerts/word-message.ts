/** The words of a message: what happened, where, how many, and the command to run next. Plain text. */
import type { AlertEvent, OutboxItem } from '../../domain/alert-items.ts';
import type { AlertKind } from '../../domain/alert-rule.ts';
import { redactText } from '../../domain/redact.ts';
import { finishedItems, type AlertFacts } from './facts.ts';

const LONGEST_SUBJECT = 150;
const LONGEST_SENTENCE = 500;

/** Text on one line, without control characters and without what turns the direction of writing: names come from outside. */
export const plainLine = (text: string, most: number): string => {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]+/gu, ' ').trim();
  const chars = Array.from(line);
  return chars.length <= most ? line : `${chars.slice(0, most - 1).join('')}…`;
};

/** What a reader will want to see next. */
export function nextCommand(event: AlertEvent['event'], { job, items }: Pick<AlertFacts, 'job' | 'items'>): string {
  if (event === 'completed' && items.failed === 0) return `slurmctl results ${job}`;
  if (event === 'stall' || event === 'queue-wait') return `slurmctl explain ${job}`;
  const isAboutFailures = event === 'error-rate' || event === 'error-spike' || event === 'budget' || event === 'failed';
  if (isAboutFailures || (event === 'ended' && items.failed > 0)) return `slurmctl analyze-errors ${job}`;
  return `slurmctl status ${job}`;
}

export interface Wording {
  readonly id: string;
  readonly event: AlertKind | AlertEvent['event'];
  readonly what: string;
  /** Where the state of the job is kept. */
  readonly place: string;
}

export function wordMessage(
  facts: AlertFacts,
  { id, event, what, place }: Wording,
): Pick<OutboxItem, 'subject' | 'text' | 'event'> {
  const name = plainLine(facts.name, 80);
  // It may quote what a handler said.
  const sentence = plainLine(redactText(what), LONGEST_SENTENCE);
  const next = nextCommand(event, facts);
  // `ended: ended as FAILED` says it twice.
  const about = sentence.startsWith(`ended as ${facts.state}`) ? name : `${name} ${event}`;
  const { total, succeeded, failed, pending } = facts.items;
  const lines = [
    `Job ${facts.job}: ${sentence}.`,
    '',
    `items   ${finishedItems(facts)} of ${total} finished: ${succeeded} succeeded, ${failed} failed; ${pending} left`,
    `state   ${facts.state}${facts.generation === 0 ? '' : `, retry ${facts.generation}`}`,
    `kept in ${plainLine(place, 300)}`,
    `seen    ${new Date(facts.nowMs).toISOString()}`,
    '',
    `Next: ${next}`,
    '',
  ];
  return {
    subject: plainLine(`[slurmctl] ${about}: ${sentence}`, LONGEST_SUBJECT),
    text: lines.join('\n'),
    event: {
      schema: 'slurmctl.alert/1',
      id,
      event,
      at: new Date(facts.nowMs).toISOString(),
      job: { id: facts.job, name: facts.name, state: facts.state, generation: facts.generation },
      items: facts.items,
      what: sentence,
      next,
    },
  };
}
