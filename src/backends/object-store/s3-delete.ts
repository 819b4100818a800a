import type { _Error } from '@aws-sdk/client-s3';

import { objectAt, type S3Access } from './s3-access.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { DeleteObjectCommand, DeleteObjectsCommand } = loadS3();

/** Most keys that one DeleteObjects takes. */
const DELETE_BATCH = 1_000;

/** Deletes objects by their keys in the bucket; absent ones are fine. */
export async function deleteObjects(access: S3Access, bucketKeys: readonly string[]): Promise<void> {
  const [only] = bucketKeys;
  if (only !== undefined && bucketKeys.length === 1) return await deleteOne(access, only);
  for (let index = 0; index < bucketKeys.length; index += DELETE_BATCH)
    await deleteBatch(access, bucketKeys.slice(index, index + DELETE_BATCH));
}

async function deleteOne(access: S3Access, bucketKey: string): Promise<void> {
  await access.call({ operation: 'DeleteObject', bucketKey, mode: 'idempotent' }, (options) =>
    access.client.send(new DeleteObjectCommand(objectAt(access, bucketKey)), options),
  );
}

/** One answer holds a verdict for each key; a repetition asks only for those that are still there. */
async function deleteBatch(access: S3Access, bucketKeys: readonly string[]): Promise<void> {
  let left = bucketKeys;
  const bucketKey = commonStart(bucketKeys);
  await access.call({ operation: 'DeleteObjects', bucketKey, mode: 'idempotent' }, async (options) => {
    const Delete = { Objects: left.map((Key) => ({ Key })), Quiet: true };
    const answer = await access.client.send(new DeleteObjectsCommand({ Bucket: access.bucket, Delete }), options);
    const refused = (answer.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey');
    const [worst] = refused.toSorted((a, b) => Number(isPassing(a)) - Number(isPassing(b)));
    if (worst === undefined) return;
    const failed = new Set(refused.map(({ Key }) => Key));
    left = left.filter((key) => failed.has(key));
    throw asThrown(worst);
  });
}

const PASSING = ['InternalError', 'ServiceUnavailable', 'OperationAborted'];

const isPassing = ({ Code = '' }: _Error): boolean => Code === 'SlowDown' || PASSING.includes(Code);

/** A key's error in the shape of a refused request, so that it is judged like one. */
const asThrown = ({ Code = 'Error', Message = '', Key = '' }: _Error): Error =>
  Object.assign(new Error(`${Message} (${JSON.stringify(Key)})`), {
    name: Code,
    $metadata: { httpStatusCode: PASSING.includes(Code) ? 500 : 400 },
  });

/** What a message names in place of a thousand keys. */
function commonStart(keys: readonly string[]): string {
  const [first = ''] = keys;
  let length = first.lastIndexOf('/') + 1;
  while (length > 0 && !keys.every((key) => key.startsWith(first.slice(0, length))))
    length = first.lastIndexOf('/', length - 2) + 1;
  return first.slice(0, length);
}
