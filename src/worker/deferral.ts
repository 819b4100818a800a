import type { Cause } from '../domain/causes.ts';
import { withItemsLeft } from '../domain/items-left.ts';
import type { FailureFacts } from '../domain/retry-rules.ts';
import type { Waiting } from './work-queue.ts';

/** A wait longer than this is not spent in an array element when nothing else is left to run. */
export const DEFER_MS = 60_000;

/** Items are left without an outcome on purpose: why the attempt hands its task back. */
export interface Deferral {
  readonly cause: Cause;
  /** `<class>: <message>` of one of the failures, then how many items wait. */
  readonly detail: string;
  /** Of the same failure. */
  readonly exitCode?: number;
  readonly signal?: number;
  /** Name of the rule by which that item is left. */
  readonly rule: string;
  /** Numbers of all items that are left so. */
  readonly items: readonly number[];
  /** The failure above is of an item that needs more of what ran out. */
  readonly needsMore: boolean;
  /** Epoch ms before which none of those with a long wait may run; absent: there are none. */
  readonly dueMs?: number;
}

const MESSAGE_CHARS = 200;

/**
 * @param escalated items that need more of what ran out
 * @param waiting items whose wait is long; monotonic times
 * @param toEpochMs from monotonic to epoch ms
 */
export function deferralOf(
  escalated: readonly Waiting[],
  waiting: readonly Waiting[],
  toEpochMs: (monotonicMs: number) => number,
): Deferral {
  const all = [...escalated, ...waiting];
  const { failure, rule } = all[0] as Waiting;
  const due = waiting.reduce((first, { dueMs }) => Math.min(first, dueMs), Infinity);
  return {
    cause: failure.cause,
    detail: withItemsLeft(whatFailed(failure), all.length),
    ...(failure.exitCode === undefined ? {} : { exitCode: failure.exitCode }),
    ...(failure.signal === undefined ? {} : { signal: failure.signal }),
    rule,
    items: all.map(({ item }) => item),
    needsMore: escalated.length > 0,
    ...(waiting.length === 0 ? {} : { dueMs: Math.ceil(toEpochMs(due)) }),
  };
}

function whatFailed({ errorClass, message, cause }: FailureFacts): string {
  const text = [errorClass, message].filter((part) => part !== undefined && part !== '').join(': ');
  const line = (text === '' ? cause : text).replaceAll(/\s+/g, ' ');
  return line.length > MESSAGE_CHARS ? `${line.slice(0, MESSAGE_CHARS - 1)}…` : line;
}
