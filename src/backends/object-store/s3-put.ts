import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';

import { AppError, messageOf } from '../../errors/app-error.ts';
import type { ObjectBody, ObjectStore } from '../../ports/object-store.ts';
import { readLocalFile } from './fs-local-copy.ts';
import { objectAt, type S3Access } from './s3-access.ts';
import { chained, peek, untilAborted } from './s3-body-source.ts';
import { PART_BYTES, type UploadInParts } from './s3-upload.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { PutObjectCommand } = loadS3();

/** From here on an object is sent in parts. */
const MULTIPART_BYTES = PART_BYTES;

interface Written {
  readonly bytes: number;
  readonly sha256: string;
}

/** The writing verbs of the store. */
export function createS3Puts(access: S3Access, upload: UploadInParts): Pick<ObjectStore, 'put' | 'putFile'> {
  const putBytes = async (bucketKey: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<Written> => {
    const sha256 = createHash('sha256').update(body).digest('hex');
    const written = { bytes: body.byteLength, sha256 };
    if (body.byteLength >= MULTIPART_BYTES) return await upload({ bucketKey, source: body, sha256, signal });
    const command = { ...objectAt(access, bucketKey), Body: body, Metadata: { sha256 } };
    await access.call({ operation: 'PutObject', bucketKey, mode: 'idempotent', signal }, (options) =>
      access.client.send(new PutObjectCommand(command), options),
    );
    return written;
  };

  const putStream = async (
    bucketKey: string,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<Written> => {
    const { head, rest } = await peek(signal === undefined ? body : untilAborted(body, signal), MULTIPART_BYTES);
    if (rest === null) return await putBytes(bucketKey, Buffer.concat(head), signal);
    return await upload({ bucketKey, source: chained(head, rest), signal });
  };

  const putBody = (bucketKey: string, body: ObjectBody, signal: AbortSignal | undefined): Promise<Written> => {
    if (typeof body === 'string') return putBytes(bucketKey, Buffer.from(body), signal);
    return body instanceof Uint8Array ? putBytes(bucketKey, body, signal) : putStream(bucketKey, body, signal);
  };

  return {
    async put(key, body, signal) {
      const bucketKey = access.bucketKey(key);
      signal?.throwIfAborted();
      return { key, ...(await putBody(bucketKey, body, signal)) };
    },
    async putFile(key, path, signal) {
      const bucketKey = access.bucketKey(key);
      signal?.throwIfAborted();
      const bytes = await lengthOf(path);
      if (bytes < MULTIPART_BYTES) return { key, ...(await putStream(bucketKey, readLocalFile(path), signal)) };
      const sha256 = await hashOf(path, signal);
      const source = unchanged(path, sha256);
      return { key, ...(await upload({ bucketKey, source, sha256, bytes, signal })) };
    },
  };
}

async function lengthOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw new AppError('STORE_UNAVAILABLE', {
      message: `cannot read ${path}, which was to be stored: ${messageOf(error)}`,
      cause: error,
    });
  }
}

async function hashOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readLocalFile(path)) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}

/** The bytes of a file that was hashed before; its hash is part of what is sent first. */
async function* unchanged(path: string, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of readLocalFile(path)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256)
    throw new AppError('STORE_UNAVAILABLE', { message: `${path} changed while it was being stored` });
}
