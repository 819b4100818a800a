import type { Readable } from 'node:stream';

import { AppError, messageOf } from '../../errors/app-error.ts';
import { awsFailure } from '../shared/aws/failure.ts';
import { hasName, isNoObject, objectAt, type S3Access } from './s3-access.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { GetObjectCommand } = loadS3();

/** Bytes [start, end) of an object. */
export interface BodyRequest {
  readonly bucketKey: string;
  readonly start?: number;
  readonly end?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedBody {
  /** Bytes of the whole object; undefined when the server does not tell. */
  readonly objectBytes: number | undefined;
  /** sha-256 (hex) that the writer noted; undefined when it did not know before sending. */
  readonly sha256: string | undefined;
  /**
   * The bytes asked for, of this version of the object however often the connection is cut.
   * @throws AlteredBytes, ReplacedObject, STORE_UNAVAILABLE
   */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What arrived is not what was stored. */
export class AlteredBytes extends Error {
  override readonly name = 'AlteredBytes';
  /** A hash of what arrived. */
  readonly found: string;
  constructor(found: string, expected: string) {
    super(`found ${found}, expected ${expected}`);
    this.found = found;
  }
}

/** The object was written anew between two parts of one reading. */
export class ReplacedObject extends Error {
  override readonly name = 'ReplacedObject';
}

interface Answer {
  readonly body: Readable;
  /** Position of the body's first byte in the object. */
  readonly from: number;
  readonly objectBytes: number | undefined;
  readonly etag: string | undefined;
  readonly sha256: string | undefined;
}

/** Cuts in a row without a single byte between them, after which nobody waits any longer. */
const MAX_VAIN_CUTS = 8;
const FIRST_PAUSE_MS = 50;

/** Asks for an object; null when there is none. A range that begins behind the end gives no bytes. */
export async function openBody(access: S3Access, request: BodyRequest): Promise<OpenedBody | null> {
  const answer = await ask(access, request);
  if (answer === null) return null;
  if (answer === 'replaced') throw new ReplacedObject(access.placeOf(request.bucketKey));
  if (answer === 'behind-end') return { objectBytes: undefined, sha256: undefined, chunks: nothing() };
  return {
    objectBytes: answer.objectBytes,
    sha256: answer.sha256,
    chunks: readThroughCuts(access, request, answer),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* readThroughCuts(access: S3Access, request: BodyRequest, first: Answer): AsyncGenerator<Uint8Array> {
  const { signal, start = 0, end = Infinity } = request;
  const goal = Math.min(end, first.objectBytes ?? Infinity);
  let at = start;
  let answer = first;
  for (let vainCuts = 0; ;) {
    let cut: unknown;
    try {
      for await (const chunk of wanted(answer, at, end, signal)) {
        at += chunk.byteLength;
        vainCuts = 0;
        yield chunk;
      }
      if (at >= goal || first.objectBytes === undefined) return;
      cut = new Error('the body ended early');
    } catch (error) {
      signal?.throwIfAborted();
      throwIfAltered(error);
      cut = error;
    }
    vainCuts += 1;
    if (vainCuts > MAX_VAIN_CUTS) throw brokenOff(access, request, { at, goal, cut });
    await access.context.clock.sleep(access.context.random.next() * FIRST_PAUSE_MS * 2 ** vainCuts, signal);
    answer = await askAgain(access, { ...request, start: at }, first);
  }
}

/** The chunks of a body, without what lies outside of [at, end): a server may ignore the range. */
async function* wanted(
  { body, from }: Answer,
  at: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const stop = (): void => void body.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    let position = from;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      const piece = chunk.subarray(Math.max(0, at - position), Math.max(0, end - position));
      position += chunk.byteLength;
      if (piece.byteLength > 0) yield piece;
      if (position >= end) return;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** The SDK compares a checksum of its own and tells only in words. */
function throwIfAltered(error: unknown): void {
  const told = /^Checksum mismatch: expected "([^"]*)" but received "([^"]*)"/.exec(messageOf(error));
  if (told !== null) throw new AlteredBytes(`checksum ${told[2]}`, `checksum ${told[1]}`);
}

async function askAgain(access: S3Access, request: BodyRequest, first: Answer): Promise<Answer> {
  const answer = await ask(access, request, first.etag);
  const isOne = answer !== null && typeof answer === 'object';
  if (isOne && bare(answer.etag) === bare(first.etag)) return answer;
  if (isOne) answer.body.destroy();
  throw new ReplacedObject(access.placeOf(request.bucketKey));
}

/** Some servers quote ETags and some do not. */
const bare = (etag: string | undefined): string | undefined => etag?.replaceAll('"', '');

/** `replaced` when the object's ETag is another than `etag`. */
async function ask(
  access: S3Access,
  { bucketKey, start = 0, end, signal }: BodyRequest,
  etag?: string,
): Promise<Answer | null | 'behind-end' | 'replaced'> {
  const isRange = start > 0 || end !== undefined;
  const command = {
    ...objectAt(access, bucketKey),
    ...(isRange ? { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` } : {}),
    ...(access.wantsChecksums && !isRange ? { ChecksumMode: 'ENABLED' as const } : {}),
    ...(etag === undefined ? {} : { IfMatch: etag }),
  };
  const request = { operation: 'GetObject', bucketKey, mode: 'read', signal } as const;
  return await access.call(request, async (options) => {
    try {
      const answer = await access.client.send(new GetObjectCommand(command), options);
      const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.ContentRange ?? '');
      return {
        body: answer.Body as Readable,
        from: Number(range?.[1] ?? 0),
        objectBytes: range === null ? answer.ContentLength : Number(range[2]),
        etag: answer.ETag,
        sha256: answer.Metadata?.['sha256'],
      };
    } catch (error) {
      if (isNoObject(error)) return null;
      if (hasName(error, ['InvalidRange'])) return 'behind-end';
      if (hasName(error, ['PreconditionFailed'])) return 'replaced';
      throw error;
    }
  });
}

function brokenOff(
  access: S3Access,
  { bucketKey }: BodyRequest,
  { at, goal, cut }: { readonly at: number; readonly goal: number; readonly cut: unknown },
): AppError {
  const why = awsFailure(cut)?.name ?? messageOf(cut);
  return new AppError('STORE_UNAVAILABLE', {
    message: `GetObject on ${access.placeOf(bucketKey)} at ${access.server} breaks off again and again after ${at} of ${goal} bytes (${why})`,
    cause: cut,
  });
}
