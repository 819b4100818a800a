import { describe, expect, test, vi } from 'vitest';
import { awsError, type AwsRequest } from '../../../../src/backends/shared/aws/aws-error.ts';
import { awsFailure, type AwsFailureKind } from '../../../../src/backends/shared/aws/failure.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../../src/errors/catalogue.ts';

const thrown = (name: string, more: object = {}, message = name): Error =>
  Object.assign(new Error(message), { name }, more);
const status = (httpStatusCode: number): object => ({ $metadata: { httpStatusCode } });

const CASES: readonly [string, Error, AwsFailureKind][] = [
  ['S3 slows down', thrown('SlowDown', status(503)), 'throttled'],
  ['table too fast', thrown('ProvisionedThroughputExceededException', status(400)), 'throttled'],
  ['queue too fast', thrown('RequestThrottled', status(400)), 'throttled'],
  ['a 429 without a name', thrown('UnknownError', status(429)), 'throttled'],
  ['an inner error', thrown('InternalError', status(500)), 'interrupted'],
  ['service unavailable', thrown('ServiceUnavailable', status(503)), 'interrupted'],
  ['connection reset', thrown('Error', { code: 'ECONNRESET' }), 'interrupted'],
  ['socket hang up', thrown('Error', {}, 'socket hang up'), 'interrupted'],
  ['no answer in time', thrown('TimeoutError'), 'interrupted'],
  ['connection refused', thrown('Error', { code: 'ECONNREFUSED' }), 'unreachable'],
  [
    'refused on both address families',
    thrown('AggregateError', { errors: [thrown('Error', { code: 'ECONNREFUSED' })] }),
    'unreachable',
  ],
  [
    'no connection in time',
    thrown(
      'TimeoutError',
      {},
      '@smithy/node-http-handler - the request socket did not establish a connection with the server within the configured timeout of 4000 ms.',
    ),
    'unreachable',
  ],
  ['no such host', thrown('Error', { cause: thrown('Error', { code: 'ENOTFOUND' }) }), 'unreachable'],
  ['a certificate of somebody else', thrown('Error', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'unreachable'],
  ['condition', thrown('ConditionalCheckFailedException', status(400)), 'condition-failed'],
  [
    'none found',
    thrown('CredentialsProviderError', {}, 'Could not load credentials from any providers'),
    'no-credentials',
  ],
  [
    'SSO session over',
    thrown('CredentialsProviderError', {}, 'The SSO session associated with this profile has expired'),
    'credentials-expired',
  ],
  ['token over', thrown('ExpiredTokenException', status(400)), 'credentials-expired'],
  ['key unknown', thrown('InvalidAccessKeyId', status(403)), 'credentials-refused'],
  ['signature wrong', thrown('SignatureDoesNotMatch', status(403)), 'credentials-refused'],
  ['clock, S3', thrown('RequestTimeTooSkewed', status(403)), 'clock-skew'],
  [
    'clock, DynamoDB',
    thrown(
      'InvalidSignatureException',
      status(400),
      'Signature expired: 20261121T0100Z is now earlier than 20261121T0115Z',
    ),
    'clock-skew',
  ],
  ['not permitted', thrown('AccessDeniedException', status(400)), 'denied'],
  [
    'a 404 of some other web server',
    thrown('Unknown', { ...status(404), $response: { statusCode: 404, headers: { server: 'x' } } }, 'UnknownError'),
    'not-a-service',
  ],
  [
    'a 403 of S3 without words',
    thrown('Unknown', { ...status(403), $response: { headers: { 'x-amz-request-id': '1' } } }, 'UnknownError'),
    'denied',
  ],
  [
    'a 404 of S3 without words',
    thrown('NotFound', { ...status(404), $response: { headers: { 'x-amz-id-2': '1' } } }, 'UnknownError'),
    'refused',
  ],
  ['a bare 403', thrown('UnknownError', status(403)), 'denied'],
  ['other region', thrown('PermanentRedirect', status(301)), 'wrong-region'],
  [
    'a bare 301',
    thrown('301', { ...status(301), $response: { headers: { 'x-amz-bucket-region': 'eu-west-1' } } }),
    'wrong-region',
  ],
  ['no region', thrown('Error', {}, 'Region is missing'), 'no-region'],
  ['no bucket', thrown('NoSuchBucket', status(404)), 'missing'],
  ['no table', thrown('ResourceNotFoundException', status(400)), 'missing'],
  [
    'no queue',
    thrown('QueueDoesNotExist', { Code: 'AWS.SimpleQueueService.NonExistentQueue', ...status(400) }),
    'missing',
  ],
  ['no space', thrown('QuotaExceeded', status(403)), 'full'],
  [
    'a login page',
    thrown(
      'SyntaxError',
      { $response: { statusCode: 200, headers: { 'content-type': 'text/html; charset=utf-8' } } },
      'Unexpected token < in JSON',
    ),
    'not-a-service',
  ],
  [
    'a page for a 403',
    thrown('Error', { ...status(403), $response: { headers: { 'content-type': 'text/html' } } }),
    'not-a-service',
  ],
  ['a body cut off', thrown('SyntaxError', status(200), 'Unexpected end of JSON input'), 'interrupted'],
  [
    'a connection cut in the middle of an answer',
    thrown(
      'Error',
      { code: 'ECONNRESET', ...status(200) },
      'aborted\n  Deserialization error: to see the raw response',
    ),
    'interrupted',
  ],
  [
    'half an answer that says it is whole',
    thrown(
      'SyntaxError',
      { ...status(200), $response: { headers: { 'content-type': 'application/x-amz-json-1.0' } } },
      "Expected ',' or '}' after property value in JSON",
    ),
    'interrupted',
  ],
  [
    'S3 at the address of a table',
    thrown('InvalidAction', status(400), 'Unknown action: DynamoDB_20120810.GetItem'),
    'not-a-service',
  ],
  [
    'JSON of another service for XML',
    thrown(
      'Error',
      { ...status(500), $response: { statusCode: 500, headers: { 'content-type': 'application/x-amz-json-1.0' } } },
      '@aws-sdk XML parse error: unexpected content.\n  Deserialization error: to see the raw response',
    ),
    'not-a-service',
  ],
  ['aborted', thrown('AbortError'), 'aborted'],
  ['a body altered on the way', thrown('BadDigest', status(400)), 'interrupted'],
  ['a refusal that speaks of aborting', thrown('NoSuchUpload', status(404), 'It may have been aborted.'), 'refused'],
  ['not valid', thrown('ValidationException', status(400)), 'refused'],
  ['not known to the server', thrown('NotImplemented', status(501)), 'refused'],
];

describe('a failed call', () => {
  test.each(CASES)('%s', (_, error, kind) => {
    expect(awsFailure(error)?.kind).toBe(kind);
  });

  test('that is none of the SDK is left alone', () => {
    const bug = new TypeError('x is undefined');
    expect(awsFailure(bug)).toBeNull();
    expect(awsError(bug, REQUEST)).toBe(bug);
    const told = new AppError('STORE_CORRUPT', { message: 'already told' });
    expect(awsError(told, REQUEST)).toBe(told);
  });
});

const REQUEST: AwsRequest = {
  area: 'store',
  operation: 'PutObject',
  place: 's3://bucket/key',
  server: 'https://rgw.example',
};

describe('the error a person sees', () => {
  const CODES: readonly [Partial<Record<AwsRequest['area'], ErrorCode>>, Error][] = [
    [{ store: 'STORE_DENIED', state: 'STATE_DENIED', queue: 'QUEUE_DENIED' }, thrown('AccessDenied', status(403))],
    [
      { store: 'STORE_MISSING', state: 'STATE_MISSING', queue: 'QUEUE_MISSING' },
      thrown('ResourceNotFoundException', status(400)),
    ],
    [{ store: 'STORE_FULL', state: 'STATE_FULL', queue: 'QUEUE_UNAVAILABLE' }, thrown('QuotaExceeded', status(403))],
    [
      { store: 'STORE_UNAVAILABLE', state: 'STATE_UNAVAILABLE', queue: 'QUEUE_UNAVAILABLE' },
      thrown('SlowDown', status(503)),
    ],
    [{ store: 'AWS_NO_CREDENTIALS' }, thrown('CredentialsProviderError')],
    [{ store: 'AWS_CREDENTIALS_EXPIRED' }, thrown('ExpiredToken', status(400))],
    [{ store: 'AWS_CREDENTIALS_REFUSED' }, thrown('InvalidAccessKeyId', status(403))],
    [{ store: 'AWS_CLOCK_SKEW' }, thrown('RequestTimeTooSkewed', status(403))],
    [{ store: 'AWS_WRONG_REGION' }, thrown('PermanentRedirect', status(301))],
    [{ store: 'AWS_NO_REGION' }, thrown('Error', {}, 'Region is missing')],
    [
      { store: 'AWS_NOT_A_SERVICE' },
      thrown('Error', { ...status(200), $response: { headers: { 'content-type': 'text/html' } } }),
    ],
  ];

  test.each(CODES)('%o', (codes, error) => {
    for (const [area, code] of Object.entries(codes)) {
      const seen = awsError(error, { ...REQUEST, area: area as AwsRequest['area'] }) as AppError;
      expect(seen.code).toBe(code);
      expect(seen.message).toContain('PutObject on s3://bucket/key at https://rgw.example');
      expect(seen.hint).not.toBe('');
      expect(seen.details).toMatchObject({ operation: 'PutObject' });
    }
  });

  test('names S3 permissions, which are not called as their operations, and what no permission to list hides', () => {
    const denied = Object.assign(new Error('Access Denied'), {
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
    });
    const hintFor = (operation: string): unknown =>
      awsError(denied, { area: 'store', operation, place: 's3://b/k', server: 'AWS eu-central-1' });
    const hint = (text: string): object => ({ code: 'STORE_DENIED', hint: expect.stringContaining(text) as string });
    expect(hintFor('CompleteMultipartUpload')).toMatchObject(hint('s3:PutObject;'));
    expect(hintFor('ListObjectsV2')).toMatchObject(hint('s3:ListBucket;'));
    expect(hintFor('HeadObject')).toMatchObject(hint('s3:GetObject, and for s3:ListBucket, without which'));
  });

  test('names the permission that is missing and the region that is right', () => {
    expect((awsError(thrown('AccessDenied', status(403)), REQUEST) as AppError).hint).toContain('s3:PutObject');
    const elsewhere = awsError(
      thrown('PermanentRedirect', { ...status(301), Region: 'eu-west-1' }),
      REQUEST,
    ) as AppError;
    expect(elsewhere.message).toContain('but in eu-west-1');
    expect(elsewhere.hint).toContain('AWS_REGION=eu-west-1');
  });

  test.each([
    ['http://nonsense', 'Check the endpoint, the proxy in HTTP_PROXY and HTTPS_PROXY, and that this host has a route'],
    ['', 'Check the endpoint and that this host has a route'],
  ])('thinks of the proxy where the environment names one: %j', (proxy, hint) => {
    for (const name of ['HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'])
      vi.stubEnv(name, name === 'HTTPS_PROXY' ? proxy : '');
    const error = awsError(thrown('Error', { code: 'ENOTFOUND' }), REQUEST) as AppError;
    vi.unstubAllEnvs();
    expect(error.hint).toContain(hint);
  });

  test('holds nothing that gives access', () => {
    const message =
      "The key AKIAIOSFODNN7EXAMPLE with X-Amz-Signature=0123abcd&X-Amz-Security-Token=FwoGZXIvYXdz signed 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYabcd'\nsecond line";
    const seen = (awsError(thrown('InvalidAccessKeyId', status(403), message), REQUEST) as AppError).message;
    for (const secret of ['AKIAIOSFODNN7EXAMPLE', '0123abcd', 'FwoGZXIvYXdz', 'wJalrXUtn', 'second line'])
      expect(seen).not.toContain(secret);
  });
});
