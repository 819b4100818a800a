import { CAUSES, CAUSE_NAMES } from './causes.ts';
import type { RetrySpec } from './job-spec.ts';
import type { RetryRule } from './retry-rules.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Further tries at an item that a service refused; with their backoff they last some minutes. */
const RATE_LIMITED_TIMES = 5;
/** Memory or time grow to 2.25 times what the job file asks for. */
const ESCALATION_FACTOR = 1.5;
const ESCALATION_TIMES = 2;

/** What is done about failures that no rule of the job file is about, in order. The last one matches everything. */
export const BUILTIN_RULES: readonly RetryRule[] = [
  {
    name: 'built-in rule for oom',
    when: { cause: ['oom'] },
    action: { do: 'escalate', memory: { factor: ESCALATION_FACTOR }, times: ESCALATION_TIMES },
  },
  {
    name: 'built-in rule for time-limit',
    when: { cause: ['time-limit'] },
    action: { do: 'escalate', time: { factor: ESCALATION_FACTOR }, times: ESCALATION_TIMES },
  },
  {
    name: 'built-in rule for what cannot get better',
    when: { cause: CAUSE_NAMES.filter((cause) => CAUSES[cause].action === 'fail') },
    action: { do: 'fail' },
  },
  {
    name: 'built-in rule for rate-limited',
    when: { cause: ['rate-limited'] },
    action: {
      do: 'retry',
      backoff: { baseMs: 10 * SECOND_MS, maxMs: 10 * MINUTE_MS },
      times: RATE_LIMITED_TIMES,
    },
  },
  {
    name: 'built-in rule for infrastructure',
    when: { cause: CAUSE_NAMES.filter((cause) => CAUSES[cause].payer === 'infra') },
    action: { do: 'retry' },
  },
  { name: 'built-in rule for everything else', when: {}, action: { do: 'retry' } },
];

/** The rules of a job in the order they are asked: its own, then the built-in ones. Always ends in one that matches everything. */
export const effectiveRules = (retry: Pick<RetrySpec, 'rules'>): readonly RetryRule[] => [
  ...(retry.rules ?? []),
  ...BUILTIN_RULES,
];
