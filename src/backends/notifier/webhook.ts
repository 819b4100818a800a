import { createHmac } from 'node:crypto';
import type { SecretReference } from '../../domain/alert-rule.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Notifier } from '../../ports/notifier.ts';
import { originOf, postJson } from './post-json.ts';
import { readSecret, wordsOfSecret } from './secret.ts';

interface WebhookOptions {
  readonly url: string | SecretReference;
  /** Signs the body. Absent: it is not signed. */
  readonly secret?: SecretReference;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * POSTs the event as JSON. With a secret, `x-slurmctl-signature` is `sha256=` and the HMAC (hex) of `<x-slurmctl-timestamp>.<body>`; the timestamp,
 * epoch seconds, keeps an old message from being played again.
 */
export function createWebhookNotifier({ url, secret, env, clock }: WebhookOptions): Notifier {
  return {
    words: typeof url === 'string' ? originOf(url) : `the webhook of ${wordsOfSecret(url)}`,
    async send({ subject, text, event }, signal) {
      const target = typeof url === 'string' ? url : await readSecret(url, env);
      const key = secret === undefined ? null : await readSecret(secret, env);
      const body = JSON.stringify({ ...event, subject, text });
      const stamp = String(Math.floor(clock.nowMs() / 1_000));
      await postJson({
        url: target,
        body,
        signal,
        secrets: key === null ? [] : [key],
        headers: {
          'idempotency-key': encodeURIComponent(event.id),
          'x-slurmctl-event': event.event,
          'x-slurmctl-timestamp': stamp,
          ...(key === null ? {} : { 'x-slurmctl-signature': `sha256=${signBody(key, stamp, body)}` }),
        },
      });
      return '';
    },
  };
}

const signBody = (key: string, stamp: string, body: string): string =>
  createHmac('sha256', key).update(`${stamp}.${body}`).digest('hex');
