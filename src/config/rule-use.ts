import type { Cause } from '../domain/causes.ts';
import type { RetryRule } from '../domain/retry-rules.ts';

interface Useless {
  readonly why: string;
  readonly hint: string;
}

/** Attempts end so for what jobs share, which is no failure of theirs. */
const NEVER_ASKED: readonly Cause[] = ['quota-spent', 'waiting'];

/** Why what a rule does is of no use to the failures it is about; null when it is of some. */
export function whyUseless({ when, action }: Pick<RetryRule, 'when' | 'action'>): Useless | null {
  const isAbout = (cause: Cause): boolean => when.cause?.every((each) => each === cause) === true;
  const free = NEVER_ASKED.find(isAbout);
  if (free !== undefined)
    return {
      why: `is about ${free}, after which a task goes on in any case, at the cost of no attempt`,
      hint: 'Drop the rule',
    };
  if (action.do !== 'fail' && isAbout('bad-input'))
    return {
      why: `does ${action.do} about bad-input, and a record that cannot be read stays so`,
      hint: 'Correct the input, or drop the rule: such items fail at once',
    };
  if (action.do === 'escalate' && action.memory === undefined && isAbout('timeout-item'))
    return {
      why: 'asks for more time about timeout-item, and an item may only run for handler.timeout whatever its element has',
      hint: 'Raise handler.timeout',
    };
  return null;
}
