/** Rules in words for people: `oom or killed → ask for 1.5 times the memory, twice at most`. Pure. */
import { CAUSES } from './causes.ts';
import type { RetrySpec } from './job-spec.ts';
import type { Raise, RetryRule, RuleAction, RuleCondition } from './retry-rules.ts';
import { signalName } from './signals.ts';
import { formatBytes, formatDuration } from './units.ts';

/** `oom or killed`, `exit 75 and error *RateLimit*`; `everything` without any condition. */
export function conditionWords({ cause, exit, signal, error }: RuleCondition): string {
  const parts = [
    either('', cause),
    either('exit ', exit?.map(String)),
    either('', signal?.map(signalName)),
    either('error ', error),
  ].filter((part) => part !== null);
  return parts.length === 0 ? 'everything' : parts.join(' and ');
}

const either = (label: string, values: readonly string[] | undefined): string | null =>
  values === undefined ? null : `${label}${values.join(' or ')}`;

/** What a rule does, with the counts of `retry` where it has none of its own, and its wait where it has one. */
export function actionWords({ when, action }: RetryRule, retry: Tries): string {
  if (action.do === 'fail') return 'fail at once';
  const { backoff } = action;
  const wait =
    backoff === undefined
      ? ''
      : `; wait up to ${formatDuration(backoff.baseMs)}, doubling to ${formatDuration(backoff.maxMs)}`;
  const what = action.do === 'escalate' ? escalation(action) : `try again, ${howOften(when, action.times, retry)}`;
  return `${what}${wait}`;
}

type Tries = Pick<RetrySpec, 'items' | 'attempts'>;

function howOften({ cause }: RuleCondition, times: number | undefined, { items, attempts }: Tries): string {
  if (times !== undefined) return `${times === 1 ? 'once' : `${times} times`} at most`;
  if (cause?.every((each) => CAUSES[each].payer === 'infra') === true) return 'without spending an attempt';
  return `${count(items, 'try', 'tries')} of an item and ${count(attempts, 'attempt', 'attempts')} at a task in all`;
}

const count = (number: number, one: string, more: string): string => `${number} ${number === 1 ? one : more}`;

function escalation(action: RuleAction & { readonly do: 'escalate' }): string {
  const { memory, time, maxMemoryBytes, maxTimeMs, times } = action;
  const raises = [
    raiseWords('memory', memory, { max: maxMemoryBytes, format: formatBytes }),
    raiseWords('time', time, { max: maxTimeMs, format: formatDuration }),
  ].filter((raise) => raise !== null);
  return `ask for ${raises.join(' and ')}, ${times === 1 ? 'once' : `${times} times`} at most`;
}

function raiseWords(
  what: string,
  raise: Raise | undefined,
  { max, format }: { readonly max: number | undefined; readonly format: (amount: number) => string },
): string | null {
  if (raise === undefined) return null;
  const amount = 'factor' in raise ? `${raise.factor} times the ${what}` : `${format(raise.plus)} more ${what}`;
  return max === undefined ? amount : `${amount} up to ${format(max)}`;
}
