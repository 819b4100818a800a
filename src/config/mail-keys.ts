/** The group `mail:` of a settings file: how mail leaves this host. */
import { isMailAddress, type MailSettings } from '../domain/alert-rule.ts';
import { optional } from './key-table.ts';
import { directoryPath } from './location-type.ts';
import { choice, text } from './plain-types.ts';
import type { Reader } from './reader.ts';
import { secretReference } from './secret-type.ts';
import { unexpected, type ValueType } from './value-type.ts';

const PORTS = { starttls: 587, tls: 465, none: 25 } as const;
const SENDMAIL = '/usr/sbin/sendmail';
export const DEFAULT_MAIL: MailSettings = { sendmail: SENDMAIL };

export function mailKeys(userHome: string | undefined) {
  return {
    'mail.server': optional(mailServer(), 'mail is handed to `mail.sendmail`', {
      meaning: 'The mail server, with its port where that is not the usual one (587, 465 for tls, 25 for none).',
      example: 'mail.example.org:587',
    }),
    'mail.security': optional(choice(['starttls', 'tls', 'none']), '`starttls`', {
      meaning: 'How the connection to the mail server is encrypted; `none` only for a server beside this host.',
      example: 'tls',
    }),
    'mail.user': optional(text({ expected: 'the name of a user', maxLength: 200 }), 'without a login', {
      meaning: 'Who logs in at the mail server.',
      example: 'me',
    }),
    'mail.password': optional(secretReference(userHome), 'without a login', {
      meaning: 'Where the password is: a variable, or a file that nobody else may read.',
      example: 'env:SMTP_PASSWORD',
    }),
    'mail.from': optional(mailAddress(), 'user and name of the host', {
      meaning: 'The address that mail comes from.',
      example: 'me@example.org',
    }),
    'mail.sendmail': optional(directoryPath(userHome), '`/usr/sbin/sendmail`', {
      meaning: 'The program that takes mail on this host, where there is no mail server to talk to.',
      example: '/usr/lib/sendmail',
    }),
  } as const;
}

/** What one settings file says of it; undefined when it says nothing. */
export function readMail(reader: Reader<ReturnType<typeof mailKeys>>): MailSettings | undefined {
  const server = reader.read('mail.server');
  const security = reader.read('mail.security') ?? 'starttls';
  const user = reader.read('mail.user');
  const password = reader.read('mail.password');
  const from = reader.read('mail.from');
  const sendmail = reader.read('mail.sendmail') ?? SENDMAIL;
  if (reader.find('mail') === undefined) return undefined;
  if (
    (user === undefined) !== (password === undefined) &&
    reader.find(user === undefined ? 'mail.user' : 'mail.password') === undefined
  ) {
    const [has, lacks] = user === undefined ? ['mail.password', 'mail.user'] : ['mail.user', 'mail.password'];
    reader.context(has).problem(`found it without ${lacks}, expected both or none`, { at: reader.placeOf(has) });
  }
  if (password !== undefined && security === 'none')
    reader
      .context('mail.password')
      .problem('found a password with mail.security: none, which would send it in the clear', {
        at: reader.placeOf('mail.password'),
        hint: 'Write security: starttls or security: tls',
      });
  return {
    ...(server === undefined
      ? {}
      : {
          smtp: {
            host: server.host,
            port: server.port ?? PORTS[security],
            security,
            ...(user === undefined ? {} : { user }),
            ...(password === undefined ? {} : { password }),
          },
        }),
    sendmail,
    ...(from === undefined ? {} : { from }),
  };
}

/** `host` or `host:port`. */
function mailServer(): ValueType<{ readonly host: string; readonly port?: number }> {
  const expected = 'the name of a mail server such as mail.example.org or mail.example.org:587';
  return {
    expected,
    schema: { type: 'string', minLength: 1 },
    read(value, context) {
      const typed = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : '';
      const [, host, port] = /^([A-Za-z0-9.-]{1,253})(?::(\d{1,5}))?$/.exec(typed) ?? [];
      const number = port === undefined ? undefined : Number(port);
      const isPort = number === undefined || (number >= 1 && number <= 65_535);
      // It may be an address with a password in it, which is not repeated.
      if (host === undefined || !isPort)
        return context.problem(`found something else, expected ${expected}`, { at: value });
      return number === undefined ? { host } : { host, port: number };
    },
  };
}

function mailAddress(): ValueType<string> {
  const expected = 'an e-mail address';
  return {
    expected,
    schema: { type: 'string', minLength: 3 },
    read: (value, context) =>
      value.kind === 'scalar' && typeof value.value === 'string' && isMailAddress(value.value)
        ? value.value
        : unexpected(value, expected, { context }),
  };
}
