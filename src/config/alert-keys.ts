import { HOOK_EVENTS, type Alerting, type MailSettings } from '../domain/alert-rule.ts';
import { alertRules } from './alert-rules-type.ts';
import { argv } from './argv-type.ts';
import { alertChannels } from './channels-type.ts';
import { optional } from './key-table.ts';
import { mailKeys, readMail } from './mail-keys.ts';
import type { Reader } from './reader.ts';

const RULES_EXAMPLE = '[{when: failed, to: me@example.org}, {when: stall, for: 30m, to: team}]';

const hookKey = (what: string, example: string) =>
  optional(argv({ template: false }), 'nothing', {
    meaning: `A program that is run once when the job ${what}, without a shell, in the directory of the job file. It gets the event as JSON on its stdin and in \`SLURMCTL_\` variables.`,
    example,
  });

/** What a job file says about who is told. */
export const jobAlertKeys = {
  'on.completed': hookKey('ended with an output within its tolerance', '[./notify.sh]'),
  'on.failed': hookKey('ended as FAILED', '[./notify.sh, failed]'),
  'on.cancelled': hookKey('was cancelled', '[./clean-up.sh]'),
  'on.ended': hookKey('ended, however it did; it runs beside the one for its end', '[./next-step.sh]'),
  alerts: optional(alertRules(), 'those of the settings alone', {
    meaning: 'Who is told what about this job: channels of the settings by their names, or e-mail addresses.',
    example: RULES_EXAMPLE,
  }),
} as const;

/** Each event that may have a hook, with the key of its hook. */
export const hookPaths = HOOK_EVENTS.map((event) => [event, `on.${event}`] as const);

/** What a settings file says about who is told. */
export function settingsAlertKeys(userHome: string | undefined) {
  return {
    channels: optional(alertChannels(userHome), 'none', {
      meaning:
        'Where alerts can go, by name: `mail` (addresses), `webhook` (with `secret` to sign), `slack`, `command` (a program). Secrets are references: `env:NAME` or `file:PATH`.',
      example: '{team: {slack: env:SLACK_URL}, ops: {mail: ops@example.org}}',
    }),
    alerts: optional(alertRules(), 'none', {
      meaning: 'Who is told what about every job; the `alerts` of a job file come on top.',
      example: RULES_EXAMPLE,
    }),
    ...mailKeys(userHome),
  } as const;
}

/** What one settings file says; what it does not say is absent. */
export interface AlertingLayer {
  readonly channels?: Alerting['channels'];
  readonly rules?: Alerting['rules'];
  readonly mail?: MailSettings;
}

export function readAlerting(reader: Reader<ReturnType<typeof settingsAlertKeys>>): AlertingLayer {
  const channels = reader.read('channels');
  const rules = reader.read('alerts');
  const mail = readMail(reader);
  return {
    ...(channels === undefined ? {} : { channels }),
    ...(rules === undefined ? {} : { rules }),
    ...(mail === undefined ? {} : { mail }),
  };
}
