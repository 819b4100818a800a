import { HeadObjectCommand } from '@aws-sdk/client-s3';

import { isNoObject, objectAt, type S3Access } from './s3-access.ts';
import { openBody } from './s3-body.ts';

/** What HEAD can be answered with that only a body would explain: no object or no bucket, no permission or no valid credentials … */
const POOR_STATUS = [301, 307, 400, 401, 403, 404];

/** Length of an object, or null when there is none. */
export async function headObject(access: S3Access, bucketKey: string): Promise<number | null> {
  const answer = await access.call({ operation: 'HeadObject', bucketKey, mode: 'read' }, async (options) => {
    try {
      return await access.client.send(new HeadObjectCommand(objectAt(access, bucketKey)), options);
    } catch (error) {
      if (isNoObject(error) && access.hasAnswered()) return null;
      if (POOR_STATUS.includes(statusOf(error))) return 'unexplained';
      throw error;
    }
  });
  if (answer === 'unexplained') return await lengthByReading(access, bucketKey);
  return answer === null ? null : (answer.ContentLength ?? 0);
}

/** An answer to GET has a body that says what is wrong. */
async function lengthByReading(access: S3Access, bucketKey: string): Promise<number | null> {
  const opened = await openBody(access, { bucketKey });
  if (opened === null) return null;
  // Nothing is read: leaving the loop closes the connection.
  for await (const _ of opened.chunks) break;
  return opened.objectBytes ?? 0;
}

const statusOf = (error: unknown): number =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode ?? 0;
