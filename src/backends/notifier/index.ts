/** From a channel of the settings to the driver that reaches it. */
import type { AlertChannel, MailSettings } from '../../domain/alert-rule.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Host } from '../../ports/host.ts';
import type { Notifier } from '../../ports/notifier.ts';
import { createCommandNotifier } from './command.ts';
import { createSendmailNotifier } from './sendmail.ts';
import { createSlackNotifier } from './slack.ts';
import { createSmtpNotifier } from './smtp.ts';
import { createWebhookNotifier } from './webhook.ts';

export interface NotifierContext {
  readonly mail: MailSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly host: Pick<Host, 'user' | 'hostname'>;
  /** What the signal of a send allows it: for words, because a second limit would make it chance which of them is told. */
  readonly sendMs: number;
  /** Variables by which a program finds the jobs. */
  readonly places: Readonly<Record<string, string>>;
}

export function createNotifier(channel: AlertChannel, context: NotifierContext): Notifier {
  const { env, clock, sendMs } = context;
  switch (channel.kind) {
    case 'mail':
      return createMailNotifier(channel.to, context);
    case 'webhook':
      return createWebhookNotifier({ ...channel, env, clock });
    case 'slack':
      return createSlackNotifier({ url: channel.url, env });
    case 'command':
      return createCommandNotifier({ ...channel, env, limitMs: sendMs, places: context.places });
  }
}

function createMailNotifier(to: readonly string[], { mail, env, host, sendMs }: NotifierContext): Notifier {
  const from = mail.from ?? `${host.user}@${host.hostname}`;
  if (mail.smtp === undefined)
    return createSendmailNotifier({ program: mail.sendmail, env, limitMs: sendMs, from, to });
  return createSmtpNotifier({ smtp: mail.smtp, env, from, to });
}
