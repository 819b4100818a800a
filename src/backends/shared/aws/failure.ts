/**
 * What an SDK call failed of. The SDK reports one class of error for very different things (a refused key, a refused signature, a login
 * page in place of a service), so names, status, system error and message are read together.
 */

import { CredentialsFailure } from './credentials.ts';
import { REQUEST_IDS } from './web-page.ts';

/**
 * - throttled, unreachable: the service did not act; the same call may succeed soon.
 * - interrupted: it may or may not have acted (connection lost after sending, time-out, 5xx).
 * - condition-failed: an answer, not a failure.
 * - others: repeating changes nothing until a person does.
 */
export type AwsFailureKind =
  | 'throttled'
  | 'unreachable'
  | 'interrupted'
  | 'condition-failed'
  | 'no-credentials'
  | 'credentials-expired'
  | 'credentials-refused'
  | 'clock-skew'
  | 'denied'
  | 'wrong-region'
  | 'no-region'
  | 'missing'
  | 'full'
  | 'not-a-service'
  | 'aborted'
  | 'refused';

export interface AwsFailure {
  readonly kind: AwsFailureKind;
  /** The service's or the system's name for it: `SlowDown`, `ECONNREFUSED`. */
  readonly name: string;
  /** The first line of the message, without anything secret. */
  readonly words: string;
  /** Region the service named as the right one. */
  readonly region?: string;
  /** The service itself was not asked, for want of these credentials. */
  readonly credentials?: Pick<CredentialsFailure, 'profile' | 'role'>;
}

/** Names of service errors, by what they mean. Sources: the services' API references ("Common errors", "Error handling"). */
const NAMES: Readonly<Partial<Record<AwsFailureKind, readonly string[]>>> = {
  throttled: [
    'ThrottlingException',
    'Throttling',
    'ThrottledException',
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'SlowDown',
    'RequestThrottled',
    'RequestThrottledException',
    'TooManyRequestsException',
    'BandwidthLimitExceeded',
    'KmsThrottled',
  ],
  'condition-failed': ['ConditionalCheckFailedException'],
  'no-credentials': ['CredentialsProviderError', 'MissingAuthenticationToken', 'MissingSecurityHeader'],
  'credentials-expired': [
    'ExpiredToken',
    'ExpiredTokenException',
    'RequestExpired',
    'TokenRefreshRequired',
    'SSOTokenProviderFailure',
  ],
  'credentials-refused': [
    'InvalidAccessKeyId',
    'UnrecognizedClientException',
    'SignatureDoesNotMatch',
    'InvalidSignatureException',
    'InvalidClientTokenId',
    'InvalidToken',
    'InvalidSecurity',
    'IncompleteSignature',
    'IncompleteSignatureException',
    'AuthFailure',
    'NotSignedUp',
  ],
  'clock-skew': ['RequestTimeTooSkewed', 'RequestInTheFuture'],
  denied: [
    'AccessDenied',
    'AccessDeniedException',
    'AllAccessDisabled',
    'AccountProblem',
    'UnauthorizedOperation',
    'OptInRequired',
    'KMSAccessDeniedException',
    'KmsAccessDenied',
  ],
  'wrong-region': [
    'PermanentRedirect',
    'TemporaryRedirect',
    'Redirect',
    'MovedPermanently',
    'AuthorizationHeaderMalformed',
    'IllegalLocationConstraintException',
  ],
  missing: [
    'NoSuchBucket',
    'ResourceNotFoundException',
    'QueueDoesNotExist',
    'QueueDeletedRecently',
    'AWS.SimpleQueueService.NonExistentQueue',
  ],
  full: [
    'QuotaExceeded',
    'XMinioStorageFull',
    'EntityTooLarge',
    'OverLimit',
    'ItemCollectionSizeLimitExceededException',
  ],
  interrupted: [
    'TimeoutError',
    'RequestTimeout',
    'RequestTimeoutException',
    'NetworkingError',
    'IncompleteBody',
    'BadDigest',
    'XAmzContentChecksumMismatch',
  ],
  // Another of the services answers: all know each other's requests by their shape, and not one of their names.
  'not-a-service': ['InvalidAction', 'UnknownOperationException'],
  aborted: ['AbortError'],
};

/** System errors of a connection that was never made: nothing was sent. */
const NOT_SENT = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ECONNABORTED',
];
const CUT = [
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_SOCKET_CLOSED',
  'HPE_INVALID_CONSTANT',
];
const TLS = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO|ERR_SSL_)/;

/** The facts that SDK errors carry, wherever they carry them. */
interface RawFailure {
  readonly name?: string;
  readonly code?: string;
  readonly Code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
  readonly Region?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** Says what an error thrown by an SDK client means; null when it is none of the SDK's: a bug. */
export function awsFailure(thrown: unknown): AwsFailure | null {
  if (typeof thrown !== 'object' || thrown === null) return null;
  if (thrown instanceof CredentialsFailure) return credentialsFailure(thrown);
  const raw = thrown as RawFailure;
  const status = raw.$metadata?.httpStatusCode ?? raw.$response?.statusCode;
  const system = systemCode(raw);
  const name = isNameless(raw) ? `HTTP ${status ?? '?'}` : (raw.Code ?? raw.name ?? 'Error');
  const region = raw.Region ?? raw.$response?.headers?.['x-amz-bucket-region'];
  const failure = (kind: AwsFailureKind, called: string = name): AwsFailure => ({
    kind,
    name: called,
    words: isNameless(raw) ? '' : oneLine(raw.message ?? ''),
    ...(region === undefined ? {} : { region }),
  });
  const told = raw.message ?? '';

  if (isNotAService(raw, status))
    return { ...failure('not-a-service'), words: `HTTP ${status ?? '?'}, not an answer of the service` };
  if (/signature expired|signature not yet current/i.test(told)) return failure('clock-skew');
  if (name === 'CredentialsProviderError' && /expired/i.test(told)) return failure('credentials-expired');
  // Otherwise a time-out may have come after the service acted.
  if (/did not establish a connection/i.test(told)) return failure('unreachable');
  for (const [kind, names] of Object.entries(NAMES))
    if (names.includes(name) || (raw.name !== undefined && names.includes(raw.name)))
      return failure(kind as AwsFailureKind);
  if (/region is missing/i.test(told)) return failure('no-region');
  if (/could not load credentials|credential is missing|token.*expired/i.test(told)) return failure('no-credentials');
  if (system !== undefined) {
    if (NOT_SENT.includes(system) || TLS.test(system)) return failure('unreachable', system);
    if (CUT.includes(system)) return failure('interrupted', system);
  }
  // A refusal in the service's own words may speak of what was aborted.
  if ((status ?? 0) < 300 && /socket hang up|premature close|aborted/i.test(told)) return failure('interrupted');
  return status === undefined ? null : byStatus(status, failure);
}

/** What is left of a failure's kind when the service was not asked: nothing was written, and whether to ask again. */
const WITHOUT_CREDENTIALS: Readonly<Partial<Record<AwsFailureKind, AwsFailureKind>>> = {
  unreachable: 'unreachable',
  interrupted: 'unreachable',
  throttled: 'throttled',
  aborted: 'aborted',
  'credentials-expired': 'credentials-expired',
  'credentials-refused': 'credentials-refused',
  'clock-skew': 'clock-skew',
};

function credentialsFailure({ cause, profile, role }: CredentialsFailure): AwsFailure | null {
  const inner = awsFailure(cause) ?? unreadable(cause);
  if (inner === null) return null;
  const { name, words } = inner;
  return { kind: WITHOUT_CREDENTIALS[inner.kind] ?? 'no-credentials', name, words, credentials: { profile, role } };
}

/** Files of credentials that this user may not read, and the like; anything else is a bug. */
function unreadable(cause: unknown): Pick<AwsFailure, 'kind' | 'name' | 'words'> | null {
  const name = systemCode((cause ?? {}) as RawFailure);
  return name === undefined ? null : { kind: 'no-credentials', name, words: oneLine((cause as Error).message) };
}

function byStatus(status: number, failure: (kind: AwsFailureKind) => AwsFailure): AwsFailure | null {
  if (status === 429) return failure('throttled');
  if (status === 507) return failure('full');
  // "Not implemented" is no trouble that passes.
  if (status === 501) return failure('refused');
  if (status >= 500) return failure('interrupted');
  if (status === 403 || status === 401) return failure('denied');
  if (status === 301 || status === 307 || status === 308) return failure('wrong-region');
  // A success whose body ended early or could not be read: the service did act.
  if (status < 300) return failure('interrupted');
  return failure('refused');
}

/** The SDK found neither a code nor a message in the answer. */
const isNameless = ({ name, Code, message }: RawFailure): boolean =>
  Code === undefined &&
  (message ?? '') === 'UnknownError' &&
  ['Unknown', 'UnknownError', 'NotFound'].includes(name ?? '');

/** A web page, or JSON and XML that is none: a portal, a proxy or some other server at that address. */
function isNotAService(raw: RawFailure, status: number | undefined): boolean {
  const { message = '', $response, name } = raw;
  const type = $response?.headers?.['content-type'] ?? '';
  if (/^text\/html/i.test(type)) return status === undefined || status < 500;
  // Some other web server: a refusal without words, and without the request id that services put on each of theirs.
  if (isNameless(raw) && isRefusal(status) && $response?.headers !== undefined)
    return !REQUEST_IDS.some((id) => id in ($response.headers ?? {}));
  // A service that speaks XML does not answer in JSON, not even of its own trouble.
  if (/xml parse error/i.test(message) && /json/i.test(type)) return true;
  const unread =
    name === 'SyntaxError' || /deserialization error|unexpected token|is not valid json|invalid xml/i.test(message);
  // What breaks off is a cut connection, not another server; the SDK calls both a deserialization error.
  const broken = CUT.includes(systemCode(raw) ?? '') || /unexpected end|unterminated/i.test(message);
  if (broken || /^application\/x-amz-json/i.test(type)) return false;
  return unread && status !== undefined && status < 500;
}

const isRefusal = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && status < 500 && status !== 429;

function systemCode(raw: RawFailure, depth = 0): string | undefined {
  if (typeof raw.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(raw.code)) return raw.code;
  if (depth > 3) return undefined;
  for (const inner of [raw.cause, ...(raw.errors ?? [])])
    if (typeof inner === 'object' && inner !== null) {
      const code = systemCode(inner, depth + 1);
      if (code !== undefined) return code;
    }
  return undefined;
}

/** One line, without anything that gives access: key ids, signatures, tokens, presigned queries. */
function oneLine(message: string): string {
  const [line = ''] = message.split('\n');
  return line
    .replace(/\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g, '(key id)')
    .replace(/((?:X-Amz-)?(?:Signature|Credential|Security-Token))=[^&\s,]+/gi, '$1=(hidden)')
    .replace(/'[A-Za-z0-9/+=]{32,}'/g, "'(hidden)'")
    .slice(0, 300)
    .replace(/[.\s]+$/, '');
}
