import type { FaultRule, Service } from './fault-proxy-rules.ts';

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/** What an error answer is about. */
export interface Refused {
  readonly service: Service;
  readonly operation: string;
  readonly method: string;
  readonly path: string;
}

interface ErrorWords {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  /** Further elements of S3's error document. */
  readonly more?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

type Refusal = 'throttle' | 'error' | 'unavailable' | 'denied' | 'expired' | 'skew' | 'conflict';

/** Codes, statuses and words as the services document them (S3 "Error responses", DynamoDB "Error handling", SQS "Common errors"). */
const WORDS: Readonly<Record<Service, Readonly<Partial<Record<Refusal, ErrorWords>>>>> = {
  s3: {
    throttle: { code: 'SlowDown', status: 503, message: 'Please reduce your request rate.' },
    error: { code: 'InternalError', status: 500, message: 'We encountered an internal error. Please try again.' },
    unavailable: { code: 'ServiceUnavailable', status: 503, message: 'Service is unable to handle request.' },
    denied: { code: 'AccessDenied', status: 403, message: 'Access Denied' },
    expired: { code: 'ExpiredToken', status: 400, message: 'The provided token has expired.' },
    skew: {
      code: 'RequestTimeTooSkewed',
      status: 403,
      message: 'The difference between the request time and the current time is too large.',
      more: { MaxAllowedSkewMilliseconds: '900000' },
    },
  },
  dynamodb: {
    throttle: {
      code: 'ProvisionedThroughputExceededException',
      status: 400,
      message:
        'The level of configured provisioned throughput for the table was exceeded. ' +
        'Consider increasing your provisioning level with the UpdateTable API.',
    },
    error: { code: 'InternalServerError', status: 500, message: 'Internal server error' },
    unavailable: { code: 'ServiceUnavailable', status: 503, message: 'Service is unavailable. Please try again.' },
    denied: { code: 'AccessDeniedException', status: 400, message: 'User is not authorized to perform this action' },
    expired: {
      code: 'ExpiredTokenException',
      status: 400,
      message: 'The security token included in the request is expired',
    },
    skew: { code: 'InvalidSignatureException', status: 400, message: 'Signature expired' },
    conflict: {
      code: 'TransactionConflictException',
      status: 400,
      message: 'Transaction is ongoing for the item',
    },
  },
  sqs: {
    throttle: { code: 'RequestThrottled', status: 400, message: 'Request is throttled.' },
    error: { code: 'InternalFailure', status: 500, message: 'We encountered an internal error. Please try again.' },
    unavailable: { code: 'ServiceUnavailable', status: 503, message: 'The service is unavailable. Please try again.' },
    denied: { code: 'AccessDenied', status: 403, message: 'Access to the resource is denied.' },
    expired: {
      code: 'ExpiredToken',
      status: 403,
      message: 'The security token included in the request is expired',
    },
    skew: { code: 'InvalidSignatureException', status: 403, message: 'Signature expired' },
  },
};

/** The answer with which a service refuses. */
export function refusal(kind: Refusal, rule: FaultRule, request: Refused): WireAnswer {
  const words = WORDS[request.service][kind];
  if (words === undefined) throw new Error(`${request.service} has no answer for ${kind}`);
  const code = rule.code ?? words.code;
  const message =
    rule.message ??
    (kind === 'denied' && request.service !== 's3'
      ? `User: arn:aws:iam::000000000000:user/test is not authorized to perform: ${request.service}:${request.operation} ` +
        'because no identity-based policy allows it'
      : rule.code === 'ThrottlingException'
        ? 'Rate of requests exceeds the allowed throughput.'
        : words.message);
  return errorAnswer(request, { ...words, code, message, status: rule.status ?? words.status });
}

/** "Your time is wrong", by a service whose clock is `minutes` ahead. */
export function skewed(rule: FaultRule, request: Refused): WireAnswer {
  const server = new Date(Date.now() + (rule.minutes ?? 20) * 60_000);
  const base = refusal(
    'skew',
    request.service === 's3'
      ? rule
      : {
          ...rule,
          message: `Signature expired: ${basic(new Date())} is now earlier than ${basic(new Date(server.getTime() - 300_000))} (${basic(server)} - 5 min.)`,
        },
    request,
  );
  return { ...base, headers: { ...base.headers, date: server.toUTCString() } };
}

const basic = (date: Date): string => date.toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** S3's "it is over there". */
export function redirected(rule: FaultRule, request: Refused): WireAnswer {
  const region = rule.region ?? 'eu-west-1';
  const bucket = request.path.split('/')[1] ?? '';
  if (rule.fault === 'wrong-region')
    return errorAnswer(request, {
      code: 'AuthorizationHeaderMalformed',
      status: 400,
      message: `The authorization header is malformed; the region 'us-east-1' is wrong; expecting '${region}'`,
      more: { Region: region },
      headers: { 'x-amz-bucket-region': region },
    });
  return errorAnswer(request, {
    code: 'PermanentRedirect',
    status: 301,
    message:
      'The bucket you are attempting to access must be addressed using the specified endpoint. ' +
      'Please send all future requests to this endpoint.',
    more: { Endpoint: `${bucket}.s3.${region}.amazonaws.com`, Bucket: bucket },
    headers: { 'x-amz-bucket-region': region },
  });
}

/** An error of the service's form. */
export function errorAnswer(request: Refused, words: ErrorWords): WireAnswer {
  const { code, status, message, more = {}, headers = {} } = words;
  const id = requestId();
  if (request.service === 's3') {
    const elements = { Code: code, Message: message, ...more, RequestId: id, HostId: 'fault-proxy' };
    const xml = Object.entries(elements).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
    // A HEAD request gets the status and nothing else: the SDK has to guess from that.
    const body =
      request.method === 'HEAD' ? '' : `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${xml.join('')}</Error>`;
    return {
      status,
      headers: { 'content-type': 'application/xml', 'x-amz-request-id': id, ...headers },
      body: Buffer.from(body),
    };
  }
  const spaces = { dynamodb: 'com.amazonaws.dynamodb.v20120810', sqs: 'com.amazonaws.sqs' };
  // Common errors come from the framework that the services share.
  const space = /^(AccessDenied|ExpiredToken|InvalidSignature|Throttling|ServiceUnavailable|InternalFailure)/.test(code)
    ? 'com.amazon.coral.service'
    : spaces[request.service];
  return {
    status,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-requestid': id,
      ...(request.service === 'sqs'
        ? { 'x-amzn-query-error': `${code};${status >= 500 ? 'Receiver' : 'Sender'}` }
        : {}),
      ...headers,
    },
    body: Buffer.from(JSON.stringify({ __type: `${space}#${code}`, message })),
  };
}

/** DynamoDB's answer to a transaction that met another one. */
export function conflicted(rule: FaultRule, request: Refused, body: string): WireAnswer {
  if (!request.operation.startsWith('Transact')) return refusal('conflict', rule, request);
  const count = (JSON.parse(body) as { TransactItems?: unknown[] }).TransactItems?.length ?? 1;
  const reasons = Array.from({ length: count }, (_, index) =>
    index === 0 ? { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' } : { Code: 'None' },
  );
  const codes = reasons.map(({ Code }) => Code).join(', ');
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  const base = errorAnswer(request, { code: 'TransactionCanceledException', status: 400, message });
  const told = { ...(JSON.parse(base.body.toString()) as object), Message: message, CancellationReasons: reasons };
  return { ...base, body: Buffer.from(JSON.stringify(told)) };
}

/** What a captive portal or a misconfigured proxy says. */
export const loginPage = (status: number): WireAnswer => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: Buffer.from(
    '<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Please sign in</form></body></html>',
  ),
});

let requests = 0;
const requestId = (): string => `FAULT${String((requests += 1)).padStart(11, '0')}`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
export const escapeXml = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] as string);
