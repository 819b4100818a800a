import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { AppError } from '../../errors/app-error.ts';
import { objectAt, type S3Access } from './s3-access.ts';
import { untilAborted } from './s3-body-source.ts';
import { createUploadSession } from './s3-upload-session.ts';
import { loadLibStorage } from '../shared/aws/load-sdk.ts';

const { Upload } = loadLibStorage();

export interface UploadRequest {
  readonly bucketKey: string;
  readonly source: Uint8Array | AsyncIterable<Uint8Array>;
  /** sha-256 (hex) of the source when it is known before. */
  readonly sha256?: string;
  /** Length of the source when it is known before. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Sends an object in parts: until the last step it cannot be seen, and when it fails nothing of it is left. */
export type UploadInParts = (request: UploadRequest) => Promise<{ readonly bytes: number; readonly sha256: string }>;

export const PART_BYTES = 8 * 1_024 * 1_024;
/** S3's limit. */
const MAX_PARTS = 10_000;
/** Parts on the way at the same time; the memory of an upload is about twice this many parts. */
const PARTS_AT_ONCE = 4;

export function createPartUploads(access: S3Access): UploadInParts {
  const live = new Set<string>();
  return async ({ bucketKey, source, sha256, bytes, signal }) => {
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const mark = access.context.ids.token(16);
    const partBytes = partBytesFor(bytes ?? 0);
    const body = source instanceof Uint8Array ? wholeBody(source, sha256) : countedBody(source, partBytes, stop);
    const session = createUploadSession(access, { bucketKey, mark, stop, live });
    try {
      signal?.throwIfAborted();
      const Metadata = { upload: mark, ...(sha256 === undefined ? {} : { sha256 }) };
      const params = { ...objectAt(access, bucketKey), Body: body.body, Metadata };
      const options = { partSize: partBytes, queueSize: PARTS_AT_ONCE, leavePartsOnError: true };
      await new Upload({ client: session.client, params, ...options }).done();
      return body.written();
    } catch (error) {
      // lib-storage returns when the last of its requests has, so that no part is stored after this.
      await session.abandon().catch(() => {});
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      session.close();
    }
  };
}

/** Bytes of a part so that `bytes` in all are not too many parts. */
export const partBytesFor = (bytes: number): number => Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));

interface UploadBody {
  readonly body: Buffer | Readable;
  written(): { readonly bytes: number; readonly sha256: string };
}

function wholeBody(bytes: Uint8Array, sha256 = createHash('sha256').update(bytes).digest('hex')): UploadBody {
  return {
    body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    written: () => ({ bytes: bytes.byteLength, sha256 }),
  };
}

function countedBody(source: AsyncIterable<Uint8Array>, partBytes: number, stop: AbortController): UploadBody {
  const hash = createHash('sha256');
  let bytes = 0;
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of untilAborted(source, stop.signal)) {
        hash.update(chunk);
        bytes += chunk.byteLength;
        assertFits(bytes, partBytes);
        yield chunk;
      }
    } catch (error) {
      // The parts under way end with it.
      stop.abort(error);
      throw error;
    }
  };
  return {
    body: Readable.from(chunks(), { highWaterMark: 1 }),
    written: () => ({ bytes, sha256: hash.digest('hex') }),
  };
}

/** @throws STORE_FULL when so many bytes are more than S3 takes in parts of this length */
export function assertFits(bytes: number, partBytes: number): void {
  if (bytes > partBytes * MAX_PARTS)
    throw new AppError('STORE_FULL', {
      message: `the object is longer than ${partBytes * MAX_PARTS} bytes, the most that S3 takes of unknown length`,
      hint: 'Store it from a file, whose length is known before',
    });
}
