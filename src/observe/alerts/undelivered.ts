/** What nobody got, by recipient: of the messages that wait, the hooks that failed, and what was given up. Pure. */
import type { OutboxItem } from '../../domain/alert-items.ts';
import { counted } from '../../domain/counted.ts';
import { CLAIM_MS } from './outbox-turn.ts';

/** A pass that has a channel sends at once: a message that nobody has tried for so long waits for a host that has none of it. */
const UNTRIED_MS = 20 * 60_000;

/** One recipient of one user that could not be told. */
export interface Undelivered {
  readonly kind: OutboxItem['kind'];
  /** Name of a channel, an address, or the event of a hook. */
  readonly to: string;
  /** Whose channel it is. */
  readonly user: string;
  /** That are tried again, and that nobody tries any more. */
  readonly waiting: number;
  readonly givenUp: number;
  /** When the oldest of them was to be told, epoch ms. */
  readonly sinceMs: number;
  /** Of the one that was tried most often. 0: nobody who passed over a job has this channel. */
  readonly tries: number;
  /** When the first of them is tried again (epoch ms; in the past: with the next pass); null: none is, or nobody knows when. */
  readonly nextMs: number | null;
  /** Why the last try failed; null: there was none. */
  readonly error: string | null;
}

export interface UndeliveredCounter {
  add(item: OutboxItem): void;
  /** Those that wait first, then by how many there are. */
  undelivered(): readonly Undelivered[];
}

export function createUndelivered(nowMs: number): UndeliveredCounter {
  const found = new Map<string, Undelivered>();
  const triedMs = new Map<string, number>();
  return {
    add(item) {
      const is = fate(item, nowMs);
      if (is === 'fine') return;
      const { kind, to, user, tries, createdMs, claimedMs, detail } = item;
      const key = JSON.stringify([kind, user, to]);
      const known = found.get(key);
      const isLatest = claimedMs >= (triedMs.get(key) ?? 0);
      if (isLatest) triedMs.set(key, claimedMs);
      const ownNextMs = item.state === 'waiting' && tries > 0 ? item.notBeforeMs : null;
      found.set(key, {
        kind,
        to,
        user,
        waiting: (known?.waiting ?? 0) + (is === 'waiting' ? 1 : 0),
        givenUp: (known?.givenUp ?? 0) + (is === 'given-up' ? 1 : 0),
        sinceMs: Math.min(known?.sinceMs ?? createdMs, createdMs),
        tries: Math.max(known?.tries ?? 0, tries),
        nextMs: least(known?.nextMs ?? null, ownNextMs),
        error: isLatest && detail !== '' ? detail : (known?.error ?? null),
      });
    },
    undelivered: () =>
      [...found.values()].toSorted((a, b) => Math.sign(b.waiting) - Math.sign(a.waiting) || total(b) - total(a)),
  };
}

/** One that is being sent for the first time, or has just been put there, is on its way. */
function fate({ state, tries, claimedMs, createdMs }: OutboxItem, nowMs: number): 'fine' | 'waiting' | 'given-up' {
  if (state === 'given-up') return state;
  if (state === 'sending') return tries > 1 || nowMs - claimedMs > CLAIM_MS ? 'waiting' : 'fine';
  if (state === 'waiting') return tries > 0 || nowMs - createdMs > UNTRIED_MS ? 'waiting' : 'fine';
  return 'fine';
}

const total = ({ waiting, givenUp }: Undelivered): number => waiting + givenUp;

const least = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));

/** The command that shows more, or tries the channel. */
export const undeliveredTodo = ({ kind, to }: Pick<Undelivered, 'kind' | 'to'>): string =>
  kind === 'hook' || !/^[\w@%+=:,./-]+$/.test(to) ? 'slurmctl alert list' : `slurmctl alert test ${to}`;

/** Who is not told, and how many messages wait: one sentence without a full stop. */
export function undeliveredWords({ kind, to, waiting, givenUp, tries }: Undelivered): string {
  if (kind === 'hook') {
    const failed = givenUp === 0 ? '' : `the hook on.${to} failed${givenUp === 1 ? '' : ` ${givenUp} times`}`;
    return waiting === 0 ? failed : `${failed === '' ? '' : `${failed}; `}the hook on.${to} was not run yet`;
  }
  const what =
    tries === 0
      ? `nobody who passed over a job has the channel ${to}`
      : `the channel ${to} ${waiting === 0 ? 'could not be reached' : 'cannot be reached'}`;
  const waits = waiting === 0 ? '' : `, ${counted(waiting, 'message')} ${waiting === 1 ? 'waits' : 'wait'}`;
  return `${what}${waits}${givenUp === 0 ? '' : `, ${counted(givenUp, 'message')} ${givenUp === 1 ? 'was' : 'were'} given up`}`;
}
