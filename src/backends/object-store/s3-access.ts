import { createHash } from 'node:crypto';

import type { S3Client } from '@aws-sdk/client-s3';

import { shortBackendUrl, formatBackendUrl, type BackendUrl, serverOf } from '../../domain/backend-url.ts';
import { AppError } from '../../errors/app-error.ts';
import { createAwsCaller, type CallMode } from '../shared/aws/call.ts';
import { awsClientConfig, meterClient, type AwsContext } from '../shared/aws/client-config.ts';
import { MAX_SOCKETS } from '../shared/aws/http-agents.ts';
import { awsFailure } from '../shared/aws/failure.ts';
import { assertKey, assertPrefix, badKey } from './keys.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

export type S3Backend = Extract<BackendUrl, { service: 's3' }>;

/** What an SDK client's `send` takes beside the command. */
export interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

export interface S3Request {
  /** S3's name of the operation. */
  readonly operation: string;
  /** The object's key in the bucket; `''` when it is about the bucket. */
  readonly bucketKey: string;
  readonly mode: Exclude<CallMode, 'write'>;
  readonly signal?: AbortSignal | undefined;
}

/** A bucket, the part of it that is the store, and the way to it. */
export interface S3Access {
  readonly client: S3Client;
  readonly bucket: string;
  readonly context: AwsContext;
  /** Prefix of every key in the bucket, `''` or ending in `/`. */
  readonly prefix: string;
  /** True when the service is to give the checksums that it has. */
  readonly wantsChecksums: boolean;
  /** Where the service was looked for, in words. */
  readonly server: string;
  /** A key of the store as the bucket knows it. @throws STORE_BAD_KEY */
  bucketKey(key: string): string;
  /** The same for a prefix. @throws STORE_BAD_KEY */
  bucketPrefix(prefix: string): string;
  /** `s3://bucket/key`, for messages. */
  placeOf(bucketKey: string): string;
  /** Sends until answered; see `createAwsCaller`. */
  call<T>(request: S3Request, send: (options: SendOptions) => Promise<T>): Promise<T>;
  /** True as soon as the bucket answered anything: it exists. */
  hasAnswered(): boolean;
}

/** S3's own limit, for prefix and key together. */
const MAX_BUCKET_KEY_BYTES = 1_024;
/** Room among the sockets for answers whose bodies are still being read. */
const MAX_IN_FLIGHT = MAX_SOCKETS - 16;

export async function openS3({
  backend,
  context,
}: {
  readonly backend: S3Backend;
  readonly context: AwsContext;
}): Promise<S3Access> {
  const { bucket, prefix } = backend;
  const place = shortBackendUrl(formatBackendUrl({ ...backend, prefix: '' }));
  const server = serverOf(backend.aws);
  const client = await createClient(backend, context);
  const callAws = createAwsCaller({ clock: context.clock, random: context.random, maxInFlight: MAX_IN_FLIGHT });
  let answered = false;

  const placeOf = (bucketKey: string): string => (bucketKey === '' ? place : `${place}/${bucketKey}`);
  const inBucket = (key: string): string => {
    const bucketKey = prefix + key;
    if (Buffer.byteLength(bucketKey) > MAX_BUCKET_KEY_BYTES)
      throw badKey(key, `is longer than ${MAX_BUCKET_KEY_BYTES} bytes together with the store's prefix "${prefix}"`);
    return bucketKey;
  };
  return {
    client,
    bucket,
    context,
    prefix,
    wantsChecksums: backend.aws.checksums !== 'when-required',
    server,
    placeOf,
    bucketKey(key) {
      assertKey(key);
      return inBucket(key);
    },
    bucketPrefix(keyPrefix) {
      assertPrefix(keyPrefix);
      return inBucket(keyPrefix);
    },
    async call({ operation, bucketKey, mode, signal }, send) {
      const about = { area: 'store', operation, place: placeOf(bucketKey), server, mode } as const;
      const options = signal === undefined ? {} : { abortSignal: signal };
      const answer = await callAws(signal === undefined ? about : { ...about, signal }, () => send(options));
      answered = true;
      return answer;
    },
    hasAnswered: () => answered,
  };
}

async function createClient({ aws }: S3Backend, context: AwsContext): Promise<S3Client> {
  const checksums = aws.checksums === 'when-required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED';
  const client = new (loadS3().S3Client)({
    ...(await awsClientConfig('s3', aws)),
    // Servers other than AWS seldom have a host name for each bucket.
    forcePathStyle: aws.pathStyle ?? aws.endpoint !== undefined,
    requestChecksumCalculation: checksums,
    // Asked for with each whole read: some servers send the whole object's checksum with a range of it.
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With "Expect: 100-continue" the SDK opens a connection for each part, and waits seconds where a server ignores it.
    expectContinueHeader: false,
  });
  if (checksums === 'WHEN_REQUIRED') addContentMd5(client);
  return meterClient(client, { service: 's3', context });
}

/** The check of bodies that every S3 server knows; older ones demand it of DeleteObjects. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string>; body?: unknown };
      const { body, headers } = request;
      if (typeof body === 'string' || body instanceof Uint8Array)
        headers['content-md5'] = createHash('md5').update(body).digest('base64');
      return next(args);
    },
    { step: 'build', name: 'contentMd5', priority: 'low' },
  );
}

/** True for an answer that says there is no such object; not for a web page with status 404. */
export function isNoObject(error: unknown): boolean {
  return hasName(error, ['NoSuchKey', 'NotFound']);
}

/** True when the service refused with one of these names. */
export function hasName(error: unknown, names: readonly string[]): boolean {
  const failure = awsFailure(error);
  return failure !== null && failure.kind === 'refused' && names.includes(failure.name);
}

export const notFound = (place: string): AppError =>
  new AppError('STORE_NOT_FOUND', { message: `there is no object at ${place}` });

/** Parameters that name an object. */
export const objectAt = (access: S3Access, bucketKey: string): { readonly Bucket: string; readonly Key: string } => ({
  Bucket: access.bucket,
  Key: bucketKey,
});
