import { hasName, objectAt, type S3Access } from './s3-access.ts';
import { openBody } from './s3-body.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { HeadObjectCommand } = loadS3();

/** What HEAD can be answered with that only a body would explain: no object or no bucket, no permission or no valid credentials … */
const POOR_STATUS = [301, 307, 400, 401, 403, 404];

/** A 404 that bears the service's request id, for want of words named by its status; of a known bucket it can only mean the object. */
const NO_OBJECT = ['NoSuchKey', 'NotFound', 'HTTP 404'];

/** Length of an object, or null when there is none. */
export async function headObject(access: S3Access, bucketKey: string): Promise<number | null> {
  let isPoor = false;
  try {
    const answer = await access.call({ operation: 'HeadObject', bucketKey, mode: 'read' }, async (options) => {
      try {
        return await access.client.send(new HeadObjectCommand(objectAt(access, bucketKey)), options);
      } catch (error) {
        if (hasName(error, NO_OBJECT) && access.hasAnswered()) return null;
        isPoor = POOR_STATUS.includes(statusOf(error));
        throw error;
      }
    });
    return answer === null ? null : (answer.ContentLength ?? 0);
  } catch (error) {
    if (!isPoor) throw error;
    return await lengthByReading(access, bucketKey);
  }
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
