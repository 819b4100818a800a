import type { SecretReference } from '../../domain/alert-rule.ts';
import type { Notifier } from '../../ports/notifier.ts';
import { postJson } from './post-json.ts';
import { readSecret, wordsOfSecret } from './secret.ts';

interface SlackOptions {
  readonly url: SecretReference;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** An incoming webhook of Slack, or of what speaks the same: Mattermost, Rocket.Chat, Discord with `/slack` at the end of the URL. */
export function createSlackNotifier({ url, env }: SlackOptions): Notifier {
  return {
    words: `the Slack webhook of ${wordsOfSecret(url)}`,
    async send({ subject, text }, signal) {
      const target = await readSecret(url, env);
      const body = JSON.stringify({ text: `*${escapeSlack(subject)}*\n${escapeSlack(text)}` });
      await postJson({ url: target, body, headers: {}, signal, secrets: [] });
      return '';
    },
  };
}

/** Slack reads `<!channel>` and links out of these three characters, and out of nothing else. */
export const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
