import type { BucketLocationConstraint } from '@aws-sdk/client-s3';
import { AppError, isAppError, messageOf } from '../../errors/app-error.ts';
import { createAwsCaller } from '../shared/aws/call.ts';
import { serverOf } from '../../domain/backend-url.ts';
import { awsClientConfig, meterClient, type AwsContext } from '../shared/aws/client-config.ts';
import { endsUploads, isClosed, lookAtRules, type BucketWork } from './bucket-rules.ts';
import { ABORT_UPLOADS_DAYS, type StorePlace } from './places.ts';
import { isNamed, reported, type ResourceReport } from './report.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} = loadS3();

interface Work extends BucketWork {
  readonly name: string;
}

/**
 * The bucket: looked up, and created when it is missing, closed to the public and with a rule that ends uploads nobody finished below the
 * prefix. Nothing of a bucket that exists is changed. There is no marker for the prefix: S3 has no directories.
 */
export async function provisionBucket(
  place: StorePlace,
  { context, dryRun }: { readonly context: AwsContext; readonly dryRun: boolean },
): Promise<ResourceReport> {
  const name = `s3://${place.bucket}`;
  const server = serverOf(place.aws);
  const about = { kind: 'bucket', name, server } as const;
  const config = {
    ...(await awsClientConfig('s3', place.aws)),
    forcePathStyle: place.aws.pathStyle ?? place.aws.endpoint !== undefined,
  };
  const client = meterClient(new S3Client(config), { service: 's3', context });
  const call = createAwsCaller({ ...context, maxInFlight: 4 });
  const work: Work = {
    place,
    client,
    name,
    ask: (operation, send) => call({ area: 'store', operation, place: name, server, mode: 'idempotent' }, send),
  };
  const arn = `arn:aws:s3:::${place.bucket}`;
  try {
    return await reported(about, async () => {
      if (await isThere(work)) return { ...about, verdict: 'exists', ...(await lookAtRules(work)), arn };
      if (dryRun) return { ...about, verdict: 'missing', found: ['does not exist'], remedies: [], arn };
      await create(work);
      const found = [await closeToPublic(work), await endUploads(work)];
      return { ...about, verdict: 'created', found, remedies: [], arn };
    });
  } finally {
    client.destroy();
  }
}

/** Asked by a listing: the answer to HeadBucket has no body, and so no reason. */
async function isThere({ ask, client, place }: Work): Promise<boolean> {
  return ask('ListObjectsV2', async () => {
    try {
      await client.send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: place.prefix, MaxKeys: 1 }));
      return true;
    } catch (error) {
      if (isNamed(error, ['NoSuchBucket'])) return false;
      throw error;
    }
  });
}

async function create({ ask, client, place, name }: Work): Promise<void> {
  const { region } = place.aws;
  // us-east-1 is what a bucket gets without a word, and the word is refused.
  const elsewhere =
    region === undefined || region === 'us-east-1' || place.aws.endpoint !== undefined
      ? {}
      : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } };
  await ask('CreateBucket', async () => {
    try {
      await client.send(new CreateBucketCommand({ Bucket: place.bucket, ...elsewhere }));
    } catch (error) {
      // Ours already: an answer was lost, or somebody else was here at the same time.
      if (isNamed(error, ['BucketAlreadyOwnedByYou'])) return;
      if (!isNamed(error, ['BucketAlreadyExists'])) throw error;
      throw new AppError('AWS_NAME_TAKEN', {
        message: `${name}: another account has a bucket of this name`,
        details: { bucket: place.bucket },
        cause: error,
      });
    }
  });
}

const closeToPublic = ({ ask, client, place }: Work): Promise<string> =>
  whereSupported('public access', async () => {
    const all = { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true };
    await ask('PutPublicAccessBlock', () =>
      client.send(new PutPublicAccessBlockCommand({ Bucket: place.bucket, PublicAccessBlockConfiguration: all })),
    );
    return (await isClosed({ ask, client, place })) ? 'public access is blocked' : null;
  });

const endUploads = ({ ask, client, place, name }: Work): Promise<string> =>
  whereSupported('rules that end unfinished uploads', async () => {
    const rule = {
      ID: 'slurmctl-unfinished-uploads',
      Status: 'Enabled',
      Filter: { Prefix: place.prefix },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_UPLOADS_DAYS },
    } as const;
    await ask('PutBucketLifecycleConfiguration', () =>
      client.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: place.bucket,
          LifecycleConfiguration: { Rules: [rule] },
        }),
      ),
    );
    if (!(await endsUploads({ ask, client, place }))) return null;
    return `unfinished uploads below ${name}/${place.prefix} end after ${ABORT_UPLOADS_DAYS} days`;
  });

/** A setting that not every server knows: said, not fatal. `set` answers null when the server took it without keeping it. */
async function whereSupported(what: string, set: () => Promise<string | null>): Promise<string> {
  try {
    return (await set()) ?? `this server does not keep ${what}`;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return `${what}: not set (${messageOf(error)})`;
  }
}
