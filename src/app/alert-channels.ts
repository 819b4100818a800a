/** From a recipient, as a rule names it, to the driver that reaches it. */
import { createNotifier } from '../backends/notifier/index.ts';
import { createCommandNotifier } from '../backends/notifier/command.ts';
import { isMailAddress, type AlertChannel, type Alerting } from '../domain/alert-rule.ts';
import type { OutboxItem } from '../domain/alert-items.ts';
import { AppError } from '../errors/app-error.ts';
import type { SendOne } from '../observe/alerts/outbox.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { Drivers } from './job-backends.ts';

/** Longest that one message may take, and a hook: a pass waits no longer for all of them together, for they go at the same time. */
export const SEND_MS = 10_000;
export const HOOK_MS = 60_000;

type Around = Pick<Drivers, 'env' | 'clock' | 'host' | 'urls'>;

/** Null: the settings know no such channel. */
export function channelOf({ channels }: Alerting, to: string): AlertChannel | null {
  if (isMailAddress(to)) return { kind: 'mail', to: [to] };
  return Object.hasOwn(channels, to) ? (channels[to] as AlertChannel) : null;
}

export const notifierOf = (around: Around, { mail }: Alerting, channel: AlertChannel): Notifier =>
  createNotifier(channel, { ...around, mail, sendMs: SEND_MS, places: placesOf(around) });

/** @throws ALERT_NO_CHANNEL */
export function requireChannel(alerting: Alerting, to: string): AlertChannel {
  const channel = channelOf(alerting, to);
  if (channel !== null) return channel;
  const names = Object.keys(alerting.channels);
  throw new AppError('ALERT_NO_CHANNEL', {
    message: `found no channel ${JSON.stringify(to)} in the settings${names.length === 0 ? '' : `, only ${names.join(', ')}`}`,
  });
}

/** How this host sends an item of the outbox; null: it cannot, because its settings have no such channel. */
export function senderOf(around: Around, alerting: Alerting, item: OutboxItem): SendOne {
  if (item.kind === 'hook') return (notice, _, signal) => hookOf(around, item).send(notice, signal);
  const channel = channelOf(alerting, item.to);
  if (channel === null) return null;
  const notifier = notifierOf(around, alerting, channel);
  return (notice, _, signal) => notifier.send(notice, signal);
}

const hookOf = (around: Around, { argv = [], cwd = '/' }: OutboxItem): Notifier =>
  createCommandNotifier({ argv, cwd, env: around.env, limitMs: HOOK_MS, places: placesOf(around) });

/** So that a `slurmctl` in a program finds the job, whatever the directory it starts in. */
const placesOf = ({ urls: { home, store, state, queue } }: Around): Record<string, string> => ({
  SLURMCTL_HOME: home,
  SLURMCTL_STORE: store,
  SLURMCTL_STATE: state,
  SLURMCTL_QUEUE: queue,
});
