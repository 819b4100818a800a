/** A decision in the words of `explain` and `status`: one sentence that says what happens next and why. Pure. */
import { CAUSES } from '../domain/causes.ts';
import { sizeFor } from '../domain/element-size.ts';
import { countIn, formatRanges, type ItemRange } from '../domain/item-ranges.ts';
import type { RetryDecision, RetryQuestion } from '../domain/retry-decision.ts';
import type { RetryRule } from '../domain/retry-rules.ts';
import { MAX_IDLE_ATTEMPTS, type TaskNeeds } from '../domain/task-item.ts';
import { formatBytes, formatDuration } from '../domain/units.ts';
import type { Suspicion } from './isolate.ts';

/** What was found out on the way to a decision. */
export interface Answered {
  readonly rule: RetryRule;
  /** What the task asks for from here on; null: as before. */
  readonly needs: TaskNeeds | null;
  readonly suspicion: Suspicion | null;
  /** Items that are not run any more. */
  readonly put: readonly ItemRange[] | null;
  readonly idleAttempts: number;
  readonly charged: boolean;
  readonly gaveUp: GiveUp | null;
  /** For what the task would be given up if no items had been left for later. */
  readonly spared: GiveUp | null;
}

type GiveUp = 'fail' | 'worn' | 'used-up';

export function sayDecision(question: RetryQuestion, answered: Answered): Pick<RetryDecision, 'decision' | 'why'> {
  const { put, needs, suspicion, gaveUp, spared } = answered;
  if (gaveUp !== null) return { decision: 'give-up', why: `given up: ${whyGivenUp(question, answered, gaveUp)}` };
  const price = sayPrice(question, answered);
  if (put !== null)
    return {
      decision: 'quarantine',
      why: `${itemsIn(put)} ${countIn(put) === 1 ? 'is' : 'are'} not run any more, because the worker died while nothing else was running; the other items go on`,
    };
  if (needs !== null) return { decision: 'escalate', why: `retried with ${sizeInWords(question, needs)}${price}` };
  if (suspicion !== null) {
    const { suspects } = suspicion;
    const how = countIn(suspects) === 1 ? 'runs last and alone' : 'run last, in small groups';
    return { decision: 'isolate', why: `retried; ${itemsIn(suspects)} may have caused it and ${how}${price}` };
  }
  if (spared !== null)
    return {
      decision: 'retry',
      why: `retried once more, so that each item that was left ends by its own rule: ${whyGivenUp(question, answered, spared)}`,
    };
  return { decision: 'retry', why: `retried${price}` };
}

function sizeInWords({ resources, task }: RetryQuestion, needs: TaskNeeds): string {
  const asked = sizeFor(resources, task.needs);
  const next = sizeFor(resources, needs);
  const parts = [
    ...(next.memoryBytes === asked.memoryBytes ? [] : [`${formatBytes(next.memoryBytes)} of memory`]),
    ...(next.timeMs === asked.timeMs ? [] : [`a time limit of ${formatDuration(next.timeMs)}`]),
  ];
  return parts.join(' and ');
}

function sayPrice(
  { task, failure, policy, isCanary }: RetryQuestion,
  { charged, rule, idleAttempts }: Answered,
): string {
  const most = rule.action.do === 'retry' && rule.action.times !== undefined ? rule.action.times + 1 : policy.attempts;
  if (charged) return ` (${task.charged} of ${most} attempts used)`;
  if (CAUSES[failure.cause].payer === 'infra') return ' (the infrastructure is to blame, so it costs no attempt)';
  if (isCanary && idleAttempts > 0) return ' (it was tried for many others, so it costs no attempt)';
  return ' (it came further than the attempt before, so it costs no attempt)';
}

function whyGivenUp(
  { task, failure, policy }: RetryQuestion,
  { rule, idleAttempts }: Answered,
  gaveUp: GiveUp,
): string {
  const attempts = task.attempts - (task.attemptsBefore ?? 0);
  if (gaveUp === 'fail') return `${rule.name} says that ${failure.cause} cannot succeed on another try`;
  if (gaveUp === 'worn')
    return idleAttempts >= MAX_IDLE_ATTEMPTS
      ? `${idleAttempts} attempts in a row came no further, the most for any task`
      : `${attempts} attempts were begun, the most for any task`;
  const most = rule.action.do === 'retry' && rule.action.times !== undefined ? rule.action.times + 1 : policy.attempts;
  return most === 1 ? 'the only attempt is spent' : `all ${most} attempts are spent`;
}

/** `item 7 of the task`, `items 3-9,12 of the task`, numbered from 0. */
const itemsIn = (ranges: readonly ItemRange[]): string =>
  `${countIn(ranges) === 1 ? 'item' : 'items'} ${formatRanges(ranges)} of the task`;
