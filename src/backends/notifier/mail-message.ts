import { createHash } from 'node:crypto';
import type { Notice } from '../../ports/notifier.ts';

export interface MailParties {
  readonly from: string;
  readonly to: readonly string[];
}

/** A mail as nodemailer takes it, which encodes headers so that no value can begin another one. */
export function mailOf({ subject, text, event }: Notice, { from, to }: MailParties) {
  // The same for every try, so that a mailbox can tell a repetition.
  const mark = createHash('sha256')
    .update(`${event.id} ${to.join(',')}`)
    .digest('hex')
    .slice(0, 32);
  const domain = from.slice(from.lastIndexOf('@') + 1).replaceAll(/[^A-Za-z0-9.-]/g, '') || 'localhost';
  return {
    from,
    to: [...to],
    subject,
    text,
    messageId: `<${mark}@${domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Slurmctl-Event': event.event },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
