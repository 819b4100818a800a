/** What is to be done about a message in the outbox, and when; pure. */
import type { OutboxItem } from '../../domain/alert-items.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Longer than any send is allowed to take, clocks of two hosts that disagree included. */
export const CLAIM_MS = 10 * MINUTE_MS;
const FIRST_PAUSE_MS = MINUTE_MS;
const LONGEST_PAUSE_MS = 60 * MINUTE_MS;
/** A message that nobody could send for so long interests nobody any more. */
const GIVE_UP_MS = 7 * DAY_MS;
/** Kept after its end, so that a pass that is late finds that it was sent. All that is kept is read by each pass. */
const KEEP_MS = 3 * DAY_MS;

/** What was tried least goes first, so that a dead channel with many messages keeps nobody else waiting; then the oldest. */
export const byTurn = (a: OutboxItem, b: OutboxItem): number => a.tries - b.tries || a.createdMs - b.createdMs;

/** What is to be done about an item now, on this host. */
export function standing(
  item: OutboxItem,
  { nowMs, hostname }: { readonly nowMs: number; readonly hostname: string },
): 'due' | 'later' | 'give-up' | 'forget' {
  if (item.state === 'sent' || item.state === 'given-up') return nowMs - item.endedMs > KEEP_MS ? 'forget' : 'later';
  // Times that lie further ahead than any that is written were written by a clock that has been set back since.
  const isAbandoned = item.state === 'sending' && Math.abs(nowMs - item.claimedMs) > CLAIM_MS;
  if (item.state === 'sending' && !isAbandoned) return 'later';
  if (item.kind === 'hook' && isAbandoned) return 'give-up';
  if (nowMs - item.createdMs > GIVE_UP_MS) return 'give-up';
  // What one host could not reach, another one may try at once.
  const leftMs = item.notBeforeMs - nowMs;
  return item.host === hostname && leftMs > 0 && leftMs <= LONGEST_PAUSE_MS ? 'later' : 'due';
}

/** Pause after so many tries in a row: a minute, doubling up to an hour. */
export const pauseAfter = (tries: number): number =>
  Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, Math.max(0, tries - 1)));
