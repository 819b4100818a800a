/** Login pages of networks and proxies come with status 200, and the SDK reads S3's answers so leniently that it takes one for success. */

/** The part of an HTTP response that tells. */
export interface AnswerFacts {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What AWS and every server of its protocols put on each answer, also on one that carries a stored web page. */
export const REQUEST_IDS: readonly string[] = ['x-amz-request-id', 'x-amzn-requestid', 'x-amz-id-2'];

/**
 * Refuses a web page that no service sent: it would pass for an empty list, an object or a finished write.
 * @throws Error that `awsFailure` tells as `not-a-service`
 */
export function refuseWebPage(response: AnswerFacts): void {
  const headers = response.headers ?? {};
  if (!/^text\/html/i.test(headers['content-type'] ?? '') || REQUEST_IDS.some((name) => name in headers)) return;
  const { body } = response;
  // Nobody will read it, and an unread body keeps its connection.
  if (typeof body === 'object' && body !== null && 'destroy' in body && typeof body.destroy === 'function')
    body.destroy();
  throw Object.assign(new Error('a web page'), { name: 'WebPage', $response: response });
}
