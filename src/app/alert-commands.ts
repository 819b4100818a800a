/** `alert test` and `alert list`. */
import type { OutboxItem } from '../domain/alert-items.ts';
import { isMailAddress, type Alerting, type AlertRule } from '../domain/alert-rule.ts';
import { formatDuration } from '../domain/units.ts';
import { asJobId } from '../domain/ids.ts';
import { AppError } from '../errors/app-error.ts';
import { readOutbox, type OutboxEntry } from '../observe/alerts/outbox.ts';
import { sendInTime } from '../observe/alerts/send-in-time.ts';
import { wordMessage } from '../observe/alerts/word-message.ts';
import type { Notice } from '../ports/notifier.ts';
import type { AlertListDocument, AlertTestDocument } from './alert-documents.ts';
import { channelOf, notifierOf, requireChannel, SEND_MS } from './alert-channels.ts';
import type { Drivers } from './job-backends.ts';
import { isoTime } from './status-document.ts';

/** Sends a message that says it is a test, at once and past the outbox. @throws ALERT_NO_CHANNEL, ALERT_NOT_SENT */
export async function alertTest(drivers: Drivers, alerting: Alerting, name: string): Promise<AlertTestDocument> {
  const notifier = notifierOf(drivers, alerting, requireChannel(alerting, name));
  const detail = await sendInTime(drivers.clock, SEND_MS, (signal) => notifier.send(testNotice(drivers), signal));
  if (detail !== null) return { schema: 'slurmctl.alert-test/1', channel: name, to: notifier.words, detail };
  throw new AppError('ALERT_NOT_SENT', { message: `${notifier.words}: no answer within ${SEND_MS / 1_000} s` });
}

function testNotice({ clock, host, urls, ids }: Drivers): Notice {
  const facts = {
    nowMs: clock.nowMs(),
    job: asJobId('example-00000000'),
    name: 'example',
    state: 'RUNNING',
    generation: 0,
    reason: null,
    beganMs: clock.nowMs(),
    items: { total: 1_000, succeeded: 588, failed: 12, pending: 400 },
    runningTasks: 4,
    queuedTasks: 0,
    retryingTasks: 0,
    timedOutTasks: 0,
    givenUpTasks: 0,
    heldRetries: 0,
    left: null,
    quotas: [],
    worst: null,
  } as const;
  const what = `this is a test by ${host.user}@${host.hostname}, and there is no such job`;
  return wordMessage(facts, { id: `test#${ids.ulid()}`, event: 'test', what, place: urls.state });
}

export async function alertList(drivers: Drivers, alerting: Alerting): Promise<AlertListDocument> {
  const entries: OutboxEntry[] = [];
  for await (const entry of readOutbox(drivers.state)) entries.push(entry);
  const names = [
    ...new Set([...Object.keys(alerting.channels), ...alerting.rules.flatMap(({ to }) => to).filter(isMailAddress)]),
  ];
  return {
    schema: 'slurmctl.alert-list/1',
    channels: names.toSorted().map((name) => ({
      name,
      to: notifierOf(drivers, alerting, requireChannel(alerting, name)).words,
    })),
    rules: alerting.rules.map((rule) => ({ when: rule.when, to: rule.to, figures: figuresOf(rule) })),
    messages: entries
      .toSorted((a, b) => a.item.createdMs - b.item.createdMs)
      .map((entry) => messageView(entry, waitsFor(drivers, alerting, entry.item))),
  };
}

/** Why nothing was tried from here; null where it was or will be. */
function waitsFor({ host }: Drivers, alerting: Alerting, { kind, state, tries, user, to }: OutboxItem): string | null {
  if (state !== 'waiting' || tries > 0) return null;
  if (user !== host.user) return `is sent by passes of ${user}`;
  return kind === 'message' && channelOf(alerting, to) === null
    ? 'the settings of this host have no such channel'
    : null;
}

const messageView = ({ id, item }: OutboxEntry, waits: string | null): AlertListDocument['messages'][number] => ({
  id,
  kind: item.kind,
  jobId: item.job,
  event: item.event.event,
  to: item.kind === 'hook' ? `on.${item.to}` : item.to,
  state: item.state,
  tries: item.tries,
  createdAt: isoTime(item.createdMs),
  nextAt: item.state === 'waiting' && item.notBeforeMs > 0 ? isoTime(item.notBeforeMs) : null,
  detail: item.detail === '' ? waits : item.detail,
});

/** Empty where the rule says nothing but what it waits for. */
function figuresOf({ forMs, withinMs, above, when }: AlertRule): string {
  const unit = when === 'error-rate' || when === 'quota' ? '%' : '';
  return [
    ...(forMs === undefined ? [] : [`for ${formatDuration(forMs)}`]),
    ...(above === undefined ? [] : [`above ${above}${unit}`]),
    ...(withinMs === undefined ? [] : [`within ${formatDuration(withinMs)}`]),
  ].join(', ');
}
