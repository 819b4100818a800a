/** What a bucket may have beside its objects, and what is worth saying about it. */

import type { S3Client } from '@aws-sdk/client-s3';
import { isAppError } from '../../errors/app-error.ts';
import { ABORT_UPLOADS_DAYS, type StorePlace } from './places.ts';
import { isNamed, type ResourceReport } from './report.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { GetBucketLifecycleConfigurationCommand, GetPublicAccessBlockCommand } = loadS3();

export interface BucketWork {
  readonly place: StorePlace;
  readonly client: S3Client;
  readonly ask: <T>(operation: string, send: () => Promise<T>) => Promise<T>;
}

/** Advice about a bucket that is there: it works without. */
export async function lookAtRules(work: BucketWork): Promise<Pick<ResourceReport, 'found' | 'remedies'>> {
  const { place } = work;
  // Other servers than AWS close a bucket in ways of their own.
  const closed = place.aws.endpoint === undefined ? await isClosed(work).catch(unlessDenied) : null;
  const ends = await endsUploads(work).catch(unlessDenied);
  const found: string[] = [];
  const remedies: string[] = [];
  if (closed === false) {
    found.push('public access is not blocked for the bucket as a whole');
    remedies.push(
      `If nobody shares it publicly: aws s3api put-public-access-block --bucket ${place.bucket} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`,
    );
  }
  if (ends === false) {
    found.push('no rule ends unfinished uploads, which cost space until somebody removes them');
    remedies.push(
      `Add a lifecycle rule that aborts incomplete multipart uploads after ${ABORT_UPLOADS_DAYS} days below "${place.prefix}", or run slurmctl gc now and then`,
    );
  }
  return { found, remedies };
}

/** True when the bucket as a whole is closed to the public. */
export const isClosed = ({ ask, client, place }: BucketWork): Promise<boolean> =>
  ask('GetPublicAccessBlock', () =>
    client
      .send(new GetPublicAccessBlockCommand({ Bucket: place.bucket }))
      .then(
        ({ PublicAccessBlockConfiguration: block }) =>
          block?.BlockPublicPolicy === true && block.RestrictPublicBuckets === true,
        falseWhenUnset,
      ),
  );

/** True when some rule ends unfinished uploads of the whole prefix. */
export const endsUploads = ({ ask, client, place }: BucketWork): Promise<boolean> =>
  ask('GetBucketLifecycleConfiguration', () =>
    client
      .send(new GetBucketLifecycleConfigurationCommand({ Bucket: place.bucket }))
      .then(
        ({ Rules = [] }) =>
          Rules.some(
            (rule) =>
              rule.Status === 'Enabled' &&
              rule.AbortIncompleteMultipartUpload !== undefined &&
              place.prefix.startsWith(rule.Filter?.Prefix ?? rule.Prefix ?? ''),
          ),
        falseWhenUnset,
      ),
  );

const UNSET = ['NoSuchPublicAccessBlockConfiguration', 'NoSuchLifecycleConfiguration'];
const UNKNOWN = ['NotImplemented', 'MethodNotAllowed', 'MalformedXML', 'InvalidRequest', 'InvalidArgument'];

function falseWhenUnset(error: unknown): boolean {
  if (isNamed(error, [...UNSET, ...UNKNOWN])) return false;
  throw error;
}

/** Whoever may use a bucket need not be allowed to read its rules. */
function unlessDenied(error: unknown): null {
  if (isAppError(error, 'STORE_DENIED')) return null;
  throw error;
}
