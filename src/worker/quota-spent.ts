/** A quota of a limit that is used up for longer than a worker waits: the attempt hands its task back, and nobody pays for it. */
import { withItemsLeft } from '../domain/items-left.ts';
import { isAppError } from '../errors/app-error.ts';
import type { AttemptEnd } from './task-writes.ts';

export interface QuotaSpent {
  readonly limit: string;
  /** For people. */
  readonly message: string;
  /** Epoch ms at which the next window begins, and at which the limit was stated. */
  readonly untilMs: number;
  readonly setMs: number;
}

/** What `LIMIT_SPENT` says; null for any other error. */
export function quotaSpentOf(error: unknown): QuotaSpent | null {
  if (!isAppError(error, 'LIMIT_SPENT')) return null;
  const { limit, untilMs, setMs } = error.details as { limit: string; untilMs: number; setMs: number };
  return { limit, message: error.message, untilMs, setMs };
}

/** Before the later of the two there is nothing to go on with. */
export const laterOf = (a: QuotaSpent | null, b: QuotaSpent | null): QuotaSpent | null =>
  a === null || (b !== null && b.untilMs > a.untilMs) ? b : a;

/** How the attempt ends that leaves so many items. */
export const endedByQuota = ({ limit, message, untilMs, setMs }: QuotaSpent, items: number): AttemptEnd => ({
  cause: 'quota-spent',
  detail: withItemsLeft(message, items),
  deferred: { items, dueMs: Math.ceil(untilMs), quota: { limit, setMs } },
});
