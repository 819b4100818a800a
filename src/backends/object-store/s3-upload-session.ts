import type {
  CompleteMultipartUploadCommand as Completion,
  CompleteMultipartUploadCommandOutput,
  CreateMultipartUploadCommand as Creation,
  CreateMultipartUploadCommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';

import { awsFailure } from '../shared/aws/failure.ts';
import { hasName, objectAt, type S3Access, type SendOptions } from './s3-access.ts';
import { abortOrphans, abortUpload } from './s3-stale-uploads.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, HeadObjectCommand } = loadS3();

export interface SessionRequest {
  readonly bucketKey: string;
  /** Metadata `upload` of the object, in no other upload. */
  readonly mark: string;
  /** Aborted when the upload ends without success. */
  readonly stop: AbortController;
  /** Ids of the uploads of this handle that are under way. */
  readonly live: Set<string>;
}

export interface UploadSession {
  /** A client for lib-storage: its requests are repeated, accounted and given up as all others are. */
  readonly client: S3Client;
  /** Removes what is stored of an upload that failed. Never throws: why it failed is being told. */
  abandon(): Promise<void>;
  close(): void;
}

/**
 * The requests of one multipart upload, and what becomes of those without an answer:
 * - a CreateMultipartUpload whose answer was lost leaves an upload nobody knows the id of; `abortOrphans` finds it.
 * - a repeated CompleteMultipartUpload may be told that there is no such upload, because the first one was applied. The object's mark tells.
 */
export function createUploadSession(access: S3Access, { bucketKey, mark, stop, live }: SessionRequest): UploadSession {
  let uploadId: string | undefined;
  let mayHaveOrphan = false;

  const call = async <T>(operation: string, send: (options: SendOptions) => Promise<T>): Promise<T> => {
    try {
      return await access.call({ operation, bucketKey, mode: 'idempotent', signal: stop.signal }, send);
    } catch (error) {
      // The parts under way and the source of the others end with it.
      stop.abort(error);
      throw error;
    }
  };

  const create = async (command: Creation): Promise<CreateMultipartUploadCommandOutput> => {
    const answer = await call('CreateMultipartUpload', async (options) => {
      try {
        return await access.client.send(command, options);
      } catch (error) {
        mayHaveOrphan ||= ['interrupted', 'aborted'].includes(awsFailure(error)?.kind ?? '');
        throw error;
      }
    });
    uploadId = answer.UploadId;
    if (uploadId !== undefined) live.add(uploadId);
    return answer;
  };

  const sweep = async (): Promise<void> => {
    if (mayHaveOrphan) await abortOrphans(access, { bucketKey, uploadId, live });
    mayHaveOrphan = false;
  };

  const complete = async (command: Completion): Promise<CompleteMultipartUploadCommandOutput> => {
    // Orphans cost money, not correctness: they do not fail what is complete.
    await sweep().catch(() => {});
    let tries = 0;
    return await call('CompleteMultipartUpload', async (options) => {
      tries += 1;
      try {
        return await access.client.send(command, options);
      } catch (error) {
        if ((tries > 1 || hasName(error, ['NoSuchUpload'])) && (await isStored(access, { bucketKey, mark }, options)))
          return { $metadata: {} };
        throw error;
      }
    });
  };

  const send = (command: object): Promise<unknown> => {
    if (command instanceof CreateMultipartUploadCommand) return create(command);
    if (command instanceof CompleteMultipartUploadCommand) return complete(command);
    const operation = command.constructor.name.replace(/Command$/, '');
    return call(operation, (options) => access.client.send(command as never, options));
  };

  return {
    client: { config: access.client.config, send } as unknown as S3Client,
    async abandon() {
      try {
        await sweep();
      } finally {
        if (uploadId !== undefined) await abortUpload(access, bucketKey, uploadId);
      }
    },
    close: () => void live.delete(uploadId ?? ''),
  };
}

/** True when the object in the bucket is the one of this upload. */
async function isStored(
  access: S3Access,
  { bucketKey, mark }: Pick<SessionRequest, 'bucketKey' | 'mark'>,
  options: SendOptions,
): Promise<boolean> {
  try {
    const { Metadata } = await access.client.send(new HeadObjectCommand(objectAt(access, bucketKey)), options);
    return Metadata?.['upload'] === mark;
  } catch {
    // Not known to be stored; the error of the completion is the one to tell.
    return false;
  }
}
