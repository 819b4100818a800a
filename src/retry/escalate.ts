/** How much more to ask for after the memory or the time ran out. Pure. */
import { sizeFor, type ElementSize } from '../domain/element-size.ts';
import type { RetryQuestion } from '../domain/retry-decision.ts';
import type { Raise, RuleAction } from '../domain/retry-rules.ts';
import type { TaskNeeds } from '../domain/task-item.ts';

export type Escalation = Extract<RuleAction, { do: 'escalate' }>;

const MIB = 2 ** 20;
const MINUTE_MS = 60_000;

/**
 * What the task asks for next: raised from what it had asked for (what it used says little of an attempt that was cut off), in whole MiB and
 * minutes, up to the rule's maximum and what there is. Null when nothing can be raised any more, or the rule has been used up.
 */
export function escalate(
  rule: Escalation,
  { task, resources, most }: Pick<RetryQuestion, 'task' | 'resources' | 'most'>,
): TaskNeeds | null {
  if ((task.escalations ?? 0) >= rule.times) return null;
  const asked = sizeFor(resources, task.needs);
  const next: ElementSize = {
    memoryBytes: raised(asked.memoryBytes, rule.memory, {
      step: MIB,
      most: leastOf(rule.maxMemoryBytes, most.memoryBytes),
    }),
    timeMs: raised(asked.timeMs, rule.time, { step: MINUTE_MS, most: leastOf(rule.maxTimeMs, most.timeMs) }),
  };
  const isMore = next.memoryBytes > asked.memoryBytes || next.timeMs > asked.timeMs;
  if (!isMore) return null;
  return {
    ...(next.memoryBytes === resources.memoryBytes ? {} : { memoryBytes: next.memoryBytes }),
    ...(next.timeMs === resources.timeMs ? {} : { timeMs: next.timeMs }),
  };
}

/** Never less than what was asked for. The bound is a whole step too, downwards. */
function raised(
  asked: number,
  by: Raise | undefined,
  { step, most }: { readonly step: number; readonly most: number },
): number {
  if (by === undefined) return asked;
  const wanted = 'factor' in by ? asked * by.factor : asked + by.plus;
  const whole = Math.min(Math.ceil(wanted / step) * step, Math.floor(most / step) * step);
  return Math.max(asked, whole);
}

const leastOf = (rule: number | undefined, there: number | null): number =>
  Math.min(rule ?? Infinity, there ?? Infinity, Number.MAX_SAFE_INTEGER);
