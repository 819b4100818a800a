import { AppError } from '../../errors/app-error.ts';
import type { Notifier } from '../../ports/notifier.ts';
import { runCommand } from '../shared/run-command.ts';
import { mailOf, type MailParties } from './mail-message.ts';
import { howItEnded, MOST_OUTPUT } from './program-end.ts';

interface SendmailOptions extends MailParties {
  /** Absolute path. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long the signal of a send lets it run, for words. */
  readonly limitMs: number;
}

/** Mail by the host's own program: `sendmail -i -f FROM -- TO …`, the message on its stdin. */
export function createSendmailNotifier({ program, env, limitMs, from, to }: SendmailOptions): Notifier {
  return {
    words: `${to.join(', ')} by ${program}`,
    async send(notice, signal) {
      const { createTransport } = await import('nodemailer');
      const writer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
      const { message } = await writer.sendMail(mailOf(notice, { from, to }));
      const result = await runCommand({
        argv: [program, '-i', '-f', from, '--', ...to],
        env,
        input: Buffer.isBuffer(message) ? message.toString('utf8') : '',
        maxOutput: MOST_OUTPUT,
        signal,
      });
      if (result.ended === 'exited' && result.exitCode === 0) return '';
      throw new AppError('ALERT_NOT_SENT', {
        message: `${program}: ${howItEnded(result, limitMs)}`,
        hint: 'Name a mail server under mail: in slurmctl.yaml, or the program under mail.sendmail',
      });
    },
  };
}
