/** A message as it lies in the outbox, which processes of several users and versions share; pure. */
import type { OutboxItem } from '../../domain/alert-items.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Null for anything that has not the form in which this version puts messages there. */
export function readOutboxItem(value: unknown): OutboxItem | null {
  if (!isRecord(value) || !KINDS.has(value['kind']) || !STATES.has(value['state'])) return null;
  if (!hasAll(value, TEXTS, isText) || !hasAll(value, NUMBERS, Number.isFinite)) return null;
  const { argv, cwd, event } = value;
  if (argv !== undefined && !(Array.isArray(argv) && argv.every(isText))) return null;
  if (cwd !== undefined && !isText(cwd)) return null;
  return isEvent(event) ? (value as unknown as OutboxItem) : null;
}

const KINDS: ReadonlySet<unknown> = new Set<OutboxItem['kind']>(['message', 'hook']);
const STATES: ReadonlySet<unknown> = new Set<OutboxItem['state']>(['waiting', 'sending', 'sent', 'given-up']);
const TEXTS = ['job', 'user', 'to', 'subject', 'text', 'claim', 'host', 'detail'] as const;
const NUMBERS = ['createdMs', 'tries', 'claimedMs', 'notBeforeMs', 'endedMs'] as const;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string => typeof value === 'string';

const hasAll = (value: unknown, names: readonly string[], is: (field: unknown) => boolean): boolean =>
  isRecord(value) && names.every((name) => is(value[name]));

/** What is written of it where it is read: other fields go as they are to whoever is told. */
const isEvent = (event: unknown): boolean =>
  hasAll(event, ['id', 'event', 'at', 'what', 'next'], isText) &&
  isRecord(event) &&
  hasAll(event['job'], ['id', 'name', 'state'], isText) &&
  hasAll(event['job'], ['generation'], Number.isFinite) &&
  hasAll(event['items'], ['total', 'succeeded', 'failed', 'pending'], Number.isFinite);
