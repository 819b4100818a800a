import type { Agent, IncomingMessage } from 'node:http';
import { AppError, messageOf } from '../../errors/app-error.ts';
import { proxyFor } from '../shared/site-proxy.ts';
import { certificateTrouble } from './certificate-trouble.ts';
import { strikeOut } from './secret.ts';

interface PostRequest {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Never to be told; neither is the address, or what of it may open a door. */
  readonly secrets: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly said: string;
}

/** Characters of an answer that are told, and that are looked through for secrets before it is cut. */
const ANSWER_CHARS = 200;
const READ_CHARS = 16_000;

/** Where a URL leads, without what may open a door: path, query and user. */
export const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'an address that is none');

/** Shorter parts of a path are words, such as `services`. */
const LEAST_SECRET_PART = 12;
const LEAST_SECRET_VALUE = 6;

/** What an answer may quote of an address: path and query as they were asked for, and each part of them that may be a secret. */
function partsOf(url: string): string[] {
  if (!URL.canParse(url)) return [url];
  const { href, pathname, search, searchParams } = new URL(url);
  const segments = pathname.split('/').filter((part) => part.length >= LEAST_SECRET_PART);
  const values = [...searchParams.values()].filter((value) => value.length >= LEAST_SECRET_VALUE);
  return [url, href, `${pathname}${search}`, pathname, search, ...segments, ...values];
}

/**
 * Goes through the site's proxy where the environment names one. @throws ALERT_NOT_SENT unless the answer is 2xx; redirects are not followed, so that
 * nothing goes where nobody sent it
 */
export async function postJson(request: PostRequest): Promise<void> {
  const { url, secrets, signal } = request;
  const struck = [...secrets, ...partsOf(url)];
  // Without its cause: what libraries throw may quote the whole address.
  const refused = (what: string, hint?: string): AppError =>
    new AppError('ALERT_NOT_SENT', {
      message: `${originOf(url)}: ${strikeOut(what, struck)}`,
      ...(hint === undefined ? {} : { hint }),
    });
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) throw refused('found no http or https URL');
  let answer: Answer;
  try {
    answer = await post(new URL(url), request);
  } catch (error) {
    if (signal.aborted) throw refused('no answer in time');
    const trouble = certificateTrouble(error);
    if (trouble !== null) throw refused(trouble.what, trouble.hint);
    throw refused((error as NodeJS.ErrnoException).code ?? messageOf(error));
  }
  const { status, said } = answer;
  if (status >= 200 && status < 300) return;
  const quoted = strikeOut(said, struck).slice(0, ANSWER_CHARS);
  throw refused(`answered ${status}${quoted === '' ? '' : `: ${quoted}`}`);
}

/** Node's own client and not `fetch`, which knows no proxy. */
async function post(url: URL, { body, headers, signal }: PostRequest): Promise<Answer> {
  const [{ request }, agent] = await Promise.all([
    url.protocol === 'http:' ? import('node:http') : import('node:https'),
    agentFor(url),
  ]);
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      agent,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'slurmctl',
        ...headers,
      },
    };
    const sent = request(url, options, (message) => {
      readAnswer(message).then(resolve, reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** `false`: a connection of its own, closed with the answer. */
async function agentFor(url: URL): Promise<Agent | false> {
  const proxy = await proxyFor(url.href);
  if (proxy === '') return false;
  if (url.protocol === 'http:') return new (await import('http-proxy-agent')).HttpProxyAgent(proxy);
  return new (await import('https-proxy-agent')).HttpsProxyAgent(proxy);
}

/** The beginning of the body is enough; the rest is read and dropped. */
async function readAnswer(message: IncomingMessage): Promise<Answer> {
  let said = '';
  for await (const chunk of message) {
    if (said.length < READ_CHARS) said += String(chunk);
  }
  return { status: message.statusCode ?? 0, said };
}
