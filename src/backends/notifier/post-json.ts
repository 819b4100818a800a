import { AppError, messageOf } from '../../errors/app-error.ts';
import { withoutSecrets } from './secret.ts';

interface PostRequest {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Never to be told: the address is one of them where it opens a door. */
  readonly secrets: readonly string[];
}

/** Characters of an answer that are told. */
const ANSWER_CHARS = 200;

/** Where a URL leads, without what may open a door: path, query and user. */
export const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'an address that is none');

/** @throws ALERT_NOT_SENT unless the answer is 2xx; redirects are not followed, so that nothing goes where nobody sent it */
export async function postJson({ url, body, headers, signal, secrets }: PostRequest): Promise<void> {
  // Without its cause: what libraries throw may quote the whole address.
  const refused = (what: string): AppError =>
    new AppError('ALERT_NOT_SENT', { message: withoutSecrets(`${originOf(url)}: ${what}`, secrets) });
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) throw refused('found no http or https URL');
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'user-agent': 'slurmctl', ...headers },
      body,
      signal,
    });
  } catch (error) {
    throw refused(reasonOf(error));
  }
  const said = await answer.text().catch(() => '');
  if (answer.ok) return;
  const quoted = said.trim() === '' ? '' : `: ${said.trim().slice(0, ANSWER_CHARS)}`;
  throw refused(`answered ${answer.status}${quoted}`);
}

/** `fetch failed` says nothing; what is behind it does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause === undefined) return messageOf(error);
  const code = (cause as NodeJS.ErrnoException).code;
  return code ?? messageOf(cause);
}
