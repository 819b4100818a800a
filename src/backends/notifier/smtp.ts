import type { MailSettings } from '../../domain/alert-rule.ts';
import { AppError, messageOf } from '../../errors/app-error.ts';
import type { Notifier } from '../../ports/notifier.ts';
import { certificateTrouble } from './certificate-trouble.ts';
import { mailOf, type MailParties } from './mail-message.ts';
import { readSecret, strikeOut } from './secret.ts';

interface SmtpOptions extends MailParties {
  readonly smtp: NonNullable<MailSettings['smtp']>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Mail through a server. */
export function createSmtpNotifier({ smtp, env, from, to }: SmtpOptions): Notifier {
  const { host, port, security, user, password } = smtp;
  const server = `the mail server ${host}:${port}`;
  return {
    words: `${to.join(', ')} by ${server}`,
    async send(notice, signal) {
      const pass = password === undefined ? undefined : await readSecret(password, env);
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        host,
        port,
        secure: security === 'tls',
        requireTLS: security === 'starttls',
        ignoreTLS: security === 'none',
        ...(user === undefined || pass === undefined ? {} : { auth: { user, pass } }),
      });
      const secrets = pass === undefined ? [] : [pass, `\0${user}\0${pass}`];
      try {
        const { rejected, rejectedErrors } = await transport.sendMail({ ...mailOf(notice, { from, to }), signal });
        // It has been sent: who was refused is told, and the others get no second one.
        if (rejected.length === 0) return '';
        const why = rejectedErrors?.[0]?.response ?? 'no reason given';
        return strikeOut(`refused for ${rejected.join(', ')}: ${why}`, secrets);
      } catch (error) {
        const trouble = signal.aborted ? null : certificateTrouble(error);
        const what = signal.aborted ? 'no answer in time' : (trouble?.what ?? messageOf(error));
        throw new AppError('ALERT_NOT_SENT', {
          message: strikeOut(`${server}: ${what}`, secrets),
          ...(trouble === null ? {} : { hint: trouble.hint }),
        });
      } finally {
        transport.close();
      }
    },
  };
}
