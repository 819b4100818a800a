/**
 * Sends what waits in the outbox. Messages are sent at least once: whoever sends one has claimed it by a conditional write, and a claim whose process died
 * is taken over after a while. Hooks are run at most once: nobody takes a claimed one over.
 */
import type { OutboxItem } from '../../domain/alert-items.ts';
import type { JobId } from '../../domain/ids.ts';
import { OUTBOX_PARTITION, outboxKey } from '../../domain/state-keys.ts';
import { redactText } from '../../domain/redact.ts';
import { counted } from '../../domain/counted.ts';
import { isAppError, messageOf } from '../../errors/app-error.ts';
import { wordsOfFailure } from '../../errors/words-of-failure.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Notice } from '../../ports/notifier.ts';
import type { Ids } from '../../ports/random.ts';
import type { StateCondition, StateItem, StateTable } from '../../ports/state-table.ts';
import { readOutboxItem } from './outbox-entry.ts';
import { byTurn, pauseAfter, standing } from './outbox-turn.ts';
import { sendInTime } from './send-in-time.ts';
import { plainLine } from './word-message.ts';

/** Messages that one pass sends, all at the same time. */
const MOST_AT_ONCE = 16;
const DETAIL_CHARS = 300;
const ID_CHARS = 100;

/** Null: this host has no such channel, so that the message waits for one that has. */
export type SendOne = ((notice: Notice, item: OutboxItem, signal: AbortSignal) => Promise<string>) | null;

export interface OutboxDeps {
  readonly state: StateTable;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hostname: string;
  /** Whose messages are sent. */
  readonly user: string;
  readonly senderOf: (item: OutboxItem) => SendOne;
  /** Longest that one send may take; hooks may take `hookMs`. */
  readonly sendMs: number;
  readonly hookMs: number;
  /** Told, in a sentence, what went wrong besides sending: it keeps no other message from being sent. */
  readonly note: (words: string) => void;
}

/** What became of one message in this pass. */
export interface Delivery {
  readonly id: string;
  readonly item: OutboxItem;
  readonly error: string | null;
}

export interface OutboxEntry {
  readonly id: string;
  readonly item: OutboxItem;
}

/** `job`: what is about this one. What another version put there in another form is passed over: `onStrange` is told. */
export async function* readOutbox(
  state: Pick<StateTable, 'query'>,
  job?: JobId,
  onStrange: (id: string, found: StateItem) => void = () => undefined,
): AsyncGenerator<OutboxEntry> {
  for await (const { sort, item: found } of state.query(OUTBOX_PARTITION, job === undefined ? '' : `${job}#`)) {
    const item = readOutboxItem(found);
    if (item === null) onStrange(sort, found);
    else yield { id: sort, item };
  }
}

/** Sends what is due and can be sent from here, and forgets what ended long ago. */
export async function sendOutbox(deps: OutboxDeps): Promise<readonly Delivery[]> {
  const { state, clock } = deps;
  const due: { readonly entry: OutboxEntry; readonly send: NonNullable<SendOne> }[] = [];
  const over: OutboxEntry[] = [];
  const strange: string[] = [];
  const onStrange = (id: string, { user }: StateItem): void => {
    if (typeof user !== 'string' || user === deps.user) strange.push(id);
  };
  for await (const entry of readOutbox(state, undefined, onStrange)) {
    const stands = standing(entry.item, { nowMs: clock.nowMs(), hostname: deps.hostname });
    const send = stands === 'due' && entry.item.user === deps.user ? deps.senderOf(entry.item) : null;
    if (send !== null) due.push({ entry, send });
    if (stands === 'forget' || stands === 'give-up') over.push(entry);
  }
  if (strange.length > 0) deps.note(strangeWords(strange));
  await putAllAway(deps, over);
  const next = due.toSorted((a, b) => byTurn(a.entry.item, b.entry.item)).slice(0, MOST_AT_ONCE);
  // Of what was sent each has to be written down, whatever becomes of the others.
  const sent = await Promise.allSettled(next.map(({ entry, send }) => sendEntry(deps, entry, send)));
  for (const why of reasonsOf(sent)) deps.note(`alerts were left to the next pass: ${why}`);
  return sent.flatMap((each) => (each.status === 'fulfilled' && each.value !== null ? [each.value] : []));
}

const strangeWords = (ids: readonly string[]): string =>
  `left ${counted(ids.length, 'message')} in the outbox alone that this version cannot read: ${plainLine(ids[0] ?? '', ID_CHARS)}${ids.length === 1 ? '' : ' …'}`;

/** Each of them once: a table that cannot be written to fails all writes alike. */
const reasonsOf = (settled: readonly PromiseSettledResult<unknown>[]): ReadonlySet<string> =>
  new Set(settled.flatMap((each) => (each.status === 'rejected' ? [wordsOfFailure(each.reason)] : [])));

async function putAllAway(deps: OutboxDeps, over: readonly OutboxEntry[]): Promise<void> {
  try {
    for (const entry of over) await putAway(deps, entry);
  } catch (error) {
    deps.note(`messages that are over were left to the next pass: ${wordsOfFailure(error)}`);
  }
}

async function putAway({ state, clock }: OutboxDeps, { id, item }: OutboxEntry): Promise<void> {
  if (item.state === 'sent' || item.state === 'given-up') return state.deleteItem(outboxKey(id));
  const detail = item.kind === 'hook' && item.state === 'sending' ? 'the pass that ran it died over it' : item.detail;
  const change = { set: { state: 'given-up', endedMs: clock.nowMs(), detail } };
  await state.write(outboxKey(id), change, sameAs(item)).catch(unlessUncertain);
}

const sameAs = ({ state, claim, tries }: OutboxItem): StateCondition => ({
  op: 'and',
  of: [
    { op: 'equals', path: 'state', value: state },
    { op: 'equals', path: 'claim', value: claim },
    { op: 'equals', path: 'tries', value: tries },
  ],
});

/** Whether it is ours. An answer that got lost is resolved by reading back. */
async function claimItem(
  state: StateTable,
  id: string,
  { item, claimed }: { readonly item: OutboxItem; readonly claimed: Pick<OutboxItem, 'claim'> & StateItem },
): Promise<boolean> {
  const took = await state.write(outboxKey(id), { set: claimed }, sameAs(item)).catch(unlessUncertain);
  if (took !== null) return took.applied;
  const found = (await state.get(outboxKey(id))) as unknown as OutboxItem | null;
  return found?.claim === claimed.claim;
}

/** Null: somebody else was faster. */
async function sendEntry(
  deps: OutboxDeps,
  { id, item }: OutboxEntry,
  send: NonNullable<SendOne>,
): Promise<Delivery | null> {
  const { state, clock, ids, hostname } = deps;
  const claimed = {
    state: 'sending',
    claim: ids.token(16),
    claimedMs: clock.nowMs(),
    host: hostname,
    tries: item.tries + 1,
  } as const;
  if (!(await claimItem(state, id, { item, claimed }))) return null;
  const mine: OutboxItem = { ...item, ...claimed };
  const end = await trySend(deps, mine, send);
  const nowMs = clock.nowMs();
  const detail = plainLine(redactText(end.detail), DETAIL_CHARS);
  const isOver = end.ok || item.kind === 'hook';
  const set = isOver
    ? ({ state: end.ok ? 'sent' : 'given-up', endedMs: nowMs, detail } as const)
    : ({ state: 'waiting', notBeforeMs: nowMs + pauseAfter(mine.tries), detail } as const);
  await state.write(outboxKey(id), { set }, sameAs(mine)).catch((error: unknown) => {
    if (!isAppError(error, 'STATE_UNCERTAIN')) deps.note(unwritten(mine, end.ok, error));
  });
  return { id, item: { ...mine, ...set }, error: end.ok ? null : detail };
}

/** Its claim stands for a while; what becomes of it then is what becomes of one whose pass died. */
function unwritten({ kind, to, job }: OutboxItem, ok: boolean, error: unknown): string {
  const what =
    kind === 'hook' ? `that the hook on.${to} of ${job} was run` : `that ${to} was ${ok ? '' : 'not '}told of ${job}`;
  const then = kind === 'message' && ok ? ', so that it may be told again' : '';
  return `${what} could not be written down${then}: ${wordsOfFailure(error)}`;
}

/** Never waits for long, whatever the channel does with its signal. */
async function trySend(
  { clock, sendMs, hookMs }: OutboxDeps,
  item: OutboxItem,
  send: NonNullable<SendOne>,
): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const mostMs = item.kind === 'hook' ? hookMs : sendMs;
  const { subject, text, event } = item;
  try {
    const detail = await sendInTime(clock, mostMs, (signal) => send({ subject, text, event }, item, signal));
    return detail === null ? { ok: false, detail: `no answer within ${mostMs / 1_000} s` } : { ok: true, detail };
  } catch (error) {
    return { ok: false, detail: isAppError(error) ? messageOf(error) : wordsOfFailure(error) };
  }
}

const unlessUncertain = (error: unknown): null => {
  if (isAppError(error, 'STATE_UNCERTAIN')) return null;
  throw error;
};
