import type { ListMultipartUploadsCommandInput, ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';

import { hasName, objectAt, type S3Access } from './s3-access.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { AbortMultipartUploadCommand, ListMultipartUploadsCommand } = loadS3();

/** A CreateMultipartUpload is repeated within this time: a time-out and the patience of calls. */
const REPEATED_WITHIN_MS = 120_000;
/** S3 tells the beginning of uploads to the second. */
const GRAIN_MS = 1_000;

interface FoundUpload {
  readonly bucketKey: string;
  readonly uploadId: string;
  /** Epoch ms, by the service's clock. */
  readonly begunMs: number;
}

/** Multipart uploads below a prefix that were neither completed nor aborted. */
async function* listUploads(access: S3Access, bucketPrefix: string): AsyncGenerator<FoundUpload> {
  const request = { operation: 'ListMultipartUploads', bucketKey: bucketPrefix, mode: 'read' } as const;
  let after: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> | null = {};
  while (after !== null) {
    const command = new ListMultipartUploadsCommand({ Bucket: access.bucket, Prefix: bucketPrefix, ...after });
    const page: ListMultipartUploadsCommandOutput = await access.call(request, (options) =>
      access.client.send(command, options),
    );
    for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? [])
      // Not every server keeps to the prefix.
      if (Key.startsWith(bucketPrefix) && UploadId !== '')
        yield { bucketKey: Key, uploadId: UploadId, begunMs: Initiated?.getTime() ?? 0 };
    const hasMore = page.IsTruncated === true && page.NextKeyMarker !== undefined;
    after = hasMore ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : null;
  }
}

/** Aborts an upload and frees its parts; one that is gone is fine. */
export async function abortUpload(access: S3Access, bucketKey: string, uploadId: string): Promise<void> {
  const command = new AbortMultipartUploadCommand({ ...objectAt(access, bucketKey), UploadId: uploadId });
  const request = { operation: 'AbortMultipartUpload', bucketKey, mode: 'idempotent' } as const;
  await access.call(request, async (options) => {
    try {
      await access.client.send(command, options);
    } catch (error) {
      if (!hasName(error, ['NoSuchUpload'])) throw error;
    }
  });
}

/** Aborts what writers that were killed left below a prefix, begun before `beforeMs` (epoch ms). Returns how many. */
export async function abortStaleUploads(access: S3Access, bucketPrefix: string, beforeMs: number): Promise<number> {
  const stale: FoundUpload[] = [];
  for await (const upload of listUploads(access, bucketPrefix)) if (upload.begunMs < beforeMs) stale.push(upload);
  for (const { bucketKey, uploadId } of stale) await abortUpload(access, bucketKey, uploadId);
  return stale.length;
}

export interface OrphanSearch {
  readonly bucketKey: string;
  /** The upload that was answered, if any. */
  readonly uploadId: string | undefined;
  /** Ids of the uploads of this handle that are under way. */
  readonly live: ReadonlySet<string>;
}

/**
 * Aborts the uploads that a CreateMultipartUpload without an answer may have left: same key, begun shortly before the answered one, and
 * not of this handle. Large objects have keys that one attempt writes, so that it is hardly the upload of another host; if it is, that
 * host's upload fails and can be repeated.
 */
export async function abortOrphans(access: S3Access, { bucketKey, uploadId, live }: OrphanSearch): Promise<void> {
  const found: FoundUpload[] = [];
  for await (const upload of listUploads(access, bucketKey)) if (upload.bucketKey === bucketKey) found.push(upload);
  const answered = found.find((upload) => upload.uploadId === uploadId);
  const untilMs = answered?.begunMs ?? access.context.clock.nowMs();
  // Without an answered one, the service's clock is not known.
  const graceMs = answered === undefined ? REPEATED_WITHIN_MS : GRAIN_MS;
  for (const { uploadId: id, begunMs } of found)
    if (!live.has(id) && begunMs <= untilMs + graceMs && begunMs >= untilMs - REPEATED_WITHIN_MS)
      await abortUpload(access, bucketKey, id);
}
