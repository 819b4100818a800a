/** One look each at what jobs need of an object store. */

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { SendOptions } from './asking.ts';
import { isAppError } from '../../errors/app-error.ts';
import { checkListing } from './listing.ts';
import type { S3Probe } from './s3.ts';
import { broken, doubtful, fine, type Verdict } from './verdict.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} = loadS3();

const BODY = Buffer.from('slurmctl doctor wrote this and will remove it\n'.repeat(20));
const METADATA = { 'slurmctl-doctor': 'probe' };

async function put(
  { client, asking, backend, base }: S3Probe,
  name: string,
  more: {
    readonly Metadata?: Record<string, string>;
    readonly IfNoneMatch?: string;
    readonly ChecksumSHA256?: string;
  } = {},
): Promise<unknown> {
  const input = { Bucket: backend.bucket, Key: base + name, Body: BODY, ...more };
  return asking.ask('PutObject', (options) => client.send(new PutObjectCommand(input), options));
}

async function read(
  { client, asking, backend, base }: S3Probe,
  name: string,
  Range?: string,
): Promise<{
  readonly bytes: Buffer;
  readonly metadata: Record<string, string>;
  readonly encoding: string | undefined;
}> {
  const input = { Bucket: backend.bucket, Key: base + name, ...(Range === undefined ? {} : { Range }) };
  return asking.ask('GetObject', async (options: SendOptions) => {
    const answer = await client.send(new GetObjectCommand(input), options);
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    return { bytes, metadata: answer.Metadata ?? {}, encoding: answer.ContentEncoding };
  });
}

const CHECKSUM_REMEDY =
  'Set checksums: when-required under aws: in slurmctl.yaml, or checksums=when-required in the address';

/** What older servers say to a checksum in the head of a request. */
const NOT_UNDERSTOOD = [400, 411, 501];

const isNotUnderstood = (thrown: unknown): boolean =>
  NOT_UNDERSTOOD.includes((thrown as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0);

/** Writes, reads whole and in part, and compares. */
export async function lookAtObjects(probe: S3Probe): Promise<Verdict> {
  const name = 'store objects';
  try {
    await put(probe, 'object', { Metadata: METADATA });
  } catch (error) {
    if (!isAppError(error) || probe.backend.aws.checksums === 'when-required' || !isNotUnderstood(error.cause))
      throw error;
    return broken(name, error.message, `Try it without checksums. ${CHECKSUM_REMEDY}`);
  }
  const [whole, part] = await Promise.all([read(probe, 'object'), read(probe, 'object', 'bytes=9-14')]);
  if (!whole.bytes.equals(BODY))
    return broken(
      name,
      `an object of ${BODY.length} bytes came back as ${whole.bytes.length} other ones`,
      'Do not keep results there: the server, or a proxy before it, alters objects',
    );
  if (!part.bytes.equals(BODY.subarray(9, 15)))
    return broken(
      name,
      `bytes 9 to 14 were asked for, and ${part.bytes.length} others came`,
      'Use a server that honours ranges; reading Parquet needs them',
    );
  if (whole.metadata['slurmctl-doctor'] !== METADATA['slurmctl-doctor'])
    return doubtful(
      name,
      'written and read as they were, but metadata is lost',
      'Objects that are altered later are noticed only where slurmctl knows their sha-256 from elsewhere',
    );
  return fine(name, 'written and read back, whole and in part, with metadata');
}

/** Whether checksums that newer SDKs send are understood: a trailing one must not end up in the object. */
export async function lookAtChecksums(probe: S3Probe): Promise<Verdict> {
  const name = 'store checksums';
  const { client, asking, backend, base } = probe;
  if (backend.aws.checksums === 'when-required')
    return fine(name, 'left out (checksums: when-required); slurmctl compares sha-256 on its own');
  const Key = `${base}stream`;
  try {
    await asking.ask('PutObject', (options) => {
      const input = { Bucket: backend.bucket, Key, Body: Readable.from([BODY]), ContentLength: BODY.length };
      return client.send(new PutObjectCommand(input), options);
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    return broken(name, `a body with a trailing checksum is refused: ${error.message}`, CHECKSUM_REMEDY);
  }
  const stored = await read(probe, 'stream');
  if (!stored.bytes.equals(BODY) || (stored.encoding ?? '').includes('aws-chunked'))
    return broken(name, 'a trailing checksum is kept as part of the object', CHECKSUM_REMEDY);
  const checked = await refuses(put(probe, 'mismatch', { ChecksumSHA256: sha256('something else') }));
  const head = await asking.ask('HeadObject', (options) =>
    client.send(new HeadObjectCommand({ Bucket: backend.bucket, Key, ChecksumMode: 'ENABLED' }), options),
  );
  const returned = [head.ChecksumCRC32, head.ChecksumCRC64NVME, head.ChecksumSHA256].some((sum) => sum !== undefined);
  return fine(
    name,
    `understood, ${checked ? 'checked' : 'not checked'} on writing, ${returned ? 'returned' : 'not returned'} on reading; ` +
      'slurmctl compares sha-256 on its own',
  );
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

/** True when the service refused what should be refused. */
async function refuses(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return false;
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (error.code === 'STORE_DENIED') throw error;
    return true;
  }
}

/** Names whose byte order differs from that of a dictionary, and one outside the Basic Multilingual Plane, where UTF-16 sorts differently. */
const LISTED = ['list/B', 'list/a', 'list/a b', 'list/a-', 'list/a.', 'list/b/c', 'list/\uff5e', 'list/\u{1f600}'];

/** Lists in pages of three: every key once, by bytes. */
export async function lookAtListing(probe: S3Probe): Promise<Verdict> {
  const { client, asking, backend, base } = probe;
  await Promise.all(LISTED.map((name) => put(probe, name)));
  const found: string[] = [];
  let pages = 0;
  let token: string | undefined;
  do {
    const input = { Bucket: backend.bucket, Prefix: `${base}list/`, MaxKeys: 3 };
    const page = await asking.ask('ListObjectsV2', (options) =>
      client.send(
        new ListObjectsV2Command({ ...input, ...(token === undefined ? {} : { ContinuationToken: token }) }),
        options,
      ),
    );
    found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(base.length)));
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    pages += 1;
  } while (token !== undefined && pages <= LISTED.length);
  return checkListing('store listing', { expected: LISTED, found, pages });
}

/** Begins an upload in parts, sends one, and gives it up. */
export async function lookAtUploads({ client, asking, backend, base }: S3Probe): Promise<Verdict> {
  const name = 'store uploads';
  const target = { Bucket: backend.bucket, Key: `${base}upload` };
  const { UploadId } = await asking.ask('CreateMultipartUpload', (options) =>
    client.send(new CreateMultipartUploadCommand(target), options),
  );
  if (UploadId === undefined)
    return broken(
      name,
      'an upload in parts gets no id',
      'Use a server with multipart uploads; large objects need them',
    );
  try {
    await asking.ask('UploadPart', (options) =>
      client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: BODY }), options),
    );
  } finally {
    await asking.ask('AbortMultipartUpload', (options) =>
      client.send(new AbortMultipartUploadCommand({ ...target, UploadId }), options),
    );
  }
  return fine(name, 'begun in parts, and given up without a rest');
}

/** Whether a second write can be refused; for people only, because slurmctl decides such things in the state table. */
export async function lookAtConditions(probe: S3Probe): Promise<Verdict> {
  const honoured = await refuses(put(probe, 'object', { IfNoneMatch: '*' }));
  return fine(
    'store conditions',
    `If-None-Match is ${honoured ? 'honoured' : 'ignored'}; slurmctl does not depend on it`,
  );
}
