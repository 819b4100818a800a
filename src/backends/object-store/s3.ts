import type { ObjectStore } from '../../ports/object-store.ts';
import { formatBackendUrl } from '../../domain/backend-url.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { assertKey, badKey } from './keys.ts';
import { openS3, type S3Backend } from './s3-access.ts';
import { deleteObjects } from './s3-delete.ts';
import { listObjects, listPages } from './s3-list.ts';
import { createS3Puts } from './s3-put.ts';
import { createS3Reads } from './s3-read.ts';
import { abortStaleUploads } from './s3-stale-uploads.ts';
import { createPartUploads } from './s3-upload.ts';

/** The S3 store can also clean up after writers that were killed. */
export interface S3ObjectStore extends ObjectStore {
  /** Aborts multipart uploads below `prefix` that were begun before `beforeMs` (epoch ms); returns how many. */
  abortStaleUploads(prefix: string, beforeMs: number): Promise<number>;
}

/**
 * Objects in a bucket of S3, or of a server that speaks its protocol, below the prefix of the store's URL.
 *
 * - Below 8 MiB an object is one PutObject; from there on it is sent in parts of 8 MiB, four at a time, in bounded memory.
 * - The sha-256 goes into the object's metadata whenever it is known before sending (all but streams from 8 MiB), and every whole read is
 *   compared with the reader's expectation or with that. A cut connection is taken up again where it broke, on the same version of the
 *   object. STORE_CORRUPT means that two readings found the same wrong bytes.
 * - Every request that may be repeated is (see `createAwsCaller`): reads, and writes, which here are all idempotent.
 *
 * Fails with STORE_BAD_KEY, STORE_FULL, STORE_DENIED, STORE_MISSING, STORE_UNAVAILABLE, STORE_NOT_FOUND, STORE_CORRUPT and AWS_*;
 * SCRATCH_FULL for the local file of `getFile`. Loads the SDK: import it only when such a store is opened.
 */
export async function createS3ObjectStore(options: {
  readonly backend: S3Backend;
  readonly context: AwsContext;
}): Promise<S3ObjectStore> {
  const access = await openS3(options);
  return {
    ...createS3Puts(access, createPartUploads(access)),
    ...createS3Reads(access),
    rootUrl: formatBackendUrl(options.backend),
    async *list(prefix) {
      yield* listObjects(access, prefix);
    },
    async delete(keys) {
      await deleteObjects(
        access,
        keys.map((key) => access.bucketKey(key)),
      );
    },
    async deletePrefix(prefix) {
      if (!prefix.endsWith('/')) throw badKey(prefix, 'does not end in "/", as a prefix to delete must');
      for await (const page of listPages(access, access.bucketPrefix(prefix)))
        await deleteObjects(
          access,
          page.map(({ key }) => key),
        );
    },
    url(key) {
      assertKey(key);
      const path = access.bucketKey(key).split('/').map(encodeURIComponent).join('/');
      return `${access.placeOf('')}/${path}`;
    },
    localPath(key) {
      assertKey(key);
      return null;
    },
    abortStaleUploads: async (prefix, beforeMs) =>
      await abortStaleUploads(access, access.bucketPrefix(prefix), beforeMs),
  };
}
