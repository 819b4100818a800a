/**
 * Sends what waits in the outbox. Messages are sent at least once: whoever sends one has claimed it by a conditional write, and a claim whose process died
 * is taken over after a while. Hooks are run at most once: nobody takes a claimed one over.
 */
import type { OutboxItem } from '../../domain/alert-items.ts';
import type { JobId } from '../../domain/ids.ts';
import { OUTBOX_PARTITION, outboxKey } from '../../domain/state-keys.ts';
import { redactText } from '../../domain/redact.ts';
import { isAppError, messageOf } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Notice } from '../../ports/notifier.ts';
import type { Ids } from '../../ports/random.ts';
import type { StateCondition, StateItem, StateTable } from '../../ports/state-table.ts';
import { byTurn, pauseAfter, standing } from './outbox-turn.ts';
import { sendInTime } from './send-in-time.ts';
import { plainLine } from './word-message.ts';

/** Messages that one pass sends, all at the same time. */
const MOST_AT_ONCE = 16;
const DETAIL_CHARS = 300;

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

/** `job`: what is about this one. */
export async function* readOutbox(state: Pick<StateTable, 'query'>, job?: JobId): AsyncGenerator<OutboxEntry> {
  for await (const { sort, item } of state.query(OUTBOX_PARTITION, job === undefined ? '' : `${job}#`))
    yield { id: sort, item: item as unknown as OutboxItem };
}

/** Sends what is due and can be sent from here, and forgets what ended long ago. */
export async function sendOutbox(deps: OutboxDeps): Promise<readonly Delivery[]> {
  const { state, clock } = deps;
  const due: { readonly entry: OutboxEntry; readonly send: NonNullable<SendOne> }[] = [];
  const over: OutboxEntry[] = [];
  for await (const entry of readOutbox(state)) {
    const stands = standing(entry.item, { nowMs: clock.nowMs(), hostname: deps.hostname });
    const send = stands === 'due' && entry.item.user === deps.user ? deps.senderOf(entry.item) : null;
    if (send !== null) due.push({ entry, send });
    if (stands === 'forget' || stands === 'give-up') over.push(entry);
  }
  for (const entry of over) await putAway(deps, entry);
  const next = due.toSorted((a, b) => byTurn(a.entry.item, b.entry.item)).slice(0, MOST_AT_ONCE);
  const sent = await Promise.all(next.map(({ entry, send }) => sendEntry(deps, entry, send)));
  return sent.filter((each) => each !== null);
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
  await state.write(outboxKey(id), { set }, sameAs(mine)).catch(unlessUncertain);
  return { id, item: { ...mine, ...set }, error: end.ok ? null : detail };
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
    if (!isAppError(error)) throw error;
    return { ok: false, detail: messageOf(error) };
  }
}

const unlessUncertain = (error: unknown): null => {
  if (isAppError(error, 'STATE_UNCERTAIN')) return null;
  throw error;
};
