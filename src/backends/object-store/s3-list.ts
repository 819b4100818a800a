import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';

import { AppError } from '../../errors/app-error.ts';
import type { ObjectInfo } from '../../ports/object-store.ts';
import { compareBytes } from '../shared/fs-byte-order.ts';
import { isKey } from './keys.ts';
import type { S3Access } from './s3-access.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { ListObjectsV2Command } = loadS3();

/** The objects of the store whose key starts with `prefix`; what others put there under names that no object here has is left out. */
export async function* listObjects(access: S3Access, prefix: string): AsyncGenerator<ObjectInfo> {
  for await (const page of listPages(access, access.bucketPrefix(prefix)))
    for (const { key: bucketKey, bytes } of page) {
      const key = bucketKey.slice(access.prefix.length);
      if (isKey(key)) yield { key, bytes };
    }
}

/**
 * Everything in the bucket below a prefix, one page of at most 1,000 keys after the other, asked for when the page before is used up.
 * S3 lists in the order of UTF-8 bytes. A single page in another order is put right; of several that cannot be done without holding all.
 * @throws STORE_UNAVAILABLE for a server that lists several pages in another order, or ends within the list
 */
export async function* listPages(access: S3Access, bucketPrefix: string): AsyncGenerator<readonly ObjectInfo[]> {
  let token: string | undefined;
  let last: string | undefined;
  do {
    const page = await fetchPage(access, bucketPrefix, token);
    const listed = (page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key, bytes: Size }));
    const isWhole = token === undefined && page.IsTruncated !== true;
    const objects = isWhole ? listed.toSorted((a, b) => compareBytes(a.key, b.key)) : listed;
    for (const { key } of objects) {
      if (last !== undefined && compareBytes(last, key) >= 0) throw disordered(access, bucketPrefix, [last, key]);
      last = key;
    }
    yield objects;
    token = nextToken(access, bucketPrefix, page);
  } while (token !== undefined);
}

async function fetchPage(
  access: S3Access,
  bucketPrefix: string,
  token: string | undefined,
): Promise<ListObjectsV2CommandOutput> {
  const command = {
    Bucket: access.bucket,
    Prefix: bucketPrefix,
    ...(token === undefined ? {} : { ContinuationToken: token }),
  };
  return await access.call({ operation: 'ListObjectsV2', bucketKey: bucketPrefix, mode: 'read' }, (options) =>
    access.client.send(new ListObjectsV2Command(command), options),
  );
}

function nextToken(access: S3Access, bucketPrefix: string, page: ListObjectsV2CommandOutput): string | undefined {
  if (page.IsTruncated !== true) return undefined;
  if (page.NextContinuationToken !== undefined) return page.NextContinuationToken;
  throw unusable(access, bucketPrefix, 'said that there is more, but not how to ask for it');
}

const disordered = (access: S3Access, bucketPrefix: string, [before, after]: readonly [string, string]): AppError =>
  unusable(
    access,
    bucketPrefix,
    `listed ${JSON.stringify(before)} before ${JSON.stringify(after)}, expected the order of UTF-8 bytes`,
  );

const unusable = (access: S3Access, bucketPrefix: string, why: string): AppError =>
  new AppError('STORE_UNAVAILABLE', {
    message: `ListObjectsV2 on ${access.placeOf(bucketPrefix)}: the server ${access.server} ${why}`,
    hint: 'Use a server that lists as S3 does (not an S3 Express directory bucket), or a directory for the store',
  });
