/** What `init --aws` is about: the bucket, the table and the queues that the settings name. */

import type { AwsBackend, BackendUrl } from '../../domain/backend-url.ts';

export type StorePlace = Extract<BackendUrl, { service: 's3' }>;
export type StatePlace = Extract<BackendUrl, { service: 'dynamodb' }>;
export type QueuePlace = Extract<BackendUrl, { service: 'sqs' }>;

/** Absent: that part is in a directory. */
export interface AwsPlaces {
  readonly store?: StorePlace;
  readonly state?: StatePlace;
  readonly queue?: QueuePlace;
}

/** Uploads that nobody finished are removed after this many days. */
export const ABORT_UPLOADS_DAYS = 7;
/** Attribute with the second after which DynamoDB may remove an item. */
export const TTL_ATTRIBUTE = 'ttl';
/** Hints are worthless after days; dead letters keep their first age, so theirs is the longest that SQS has. */
export const HINT_RETENTION_SEC = 4 * 86_400;
export const DEAD_RETENTION_SEC = 14 * 86_400;

export const placesOf = (backends: readonly BackendUrl[]): AwsPlaces => {
  const of = <S extends AwsBackend['service']>(service: S) =>
    backends.find((one): one is Extract<AwsBackend, { service: S }> => one.service === service);
  const [store, state, queue] = [of('s3'), of('dynamodb'), of('sqs')];
  return { ...(store && { store }), ...(state && { state }), ...(queue && { queue }) };
};

/** Names of a policy's resources: ARNs, or a template's references to them. */
export interface ResourceNames {
  readonly bucket: unknown;
  /** Every object below the prefix. */
  readonly objects: unknown;
  readonly table: unknown;
  readonly queue: unknown;
  readonly deadLetters: unknown;
}

/** ARNs; `*` stands for an account or a region that is not known. */
export function arnsOf({ store, state, queue }: AwsPlaces, account: string | null): ResourceNames {
  const arn = (place: AwsBackend | undefined, service: string, rest: string): string => {
    const region = place?.aws.region ?? '*';
    return `arn:${partitionOf(region)}:${service}:${region}:${account ?? '*'}:${rest}`;
  };
  const bucket = `arn:${partitionOf(store?.aws.region ?? '')}:s3:::${store?.bucket ?? ''}`;
  return {
    bucket,
    objects: `${bucket}/${store?.prefix ?? ''}*`,
    table: arn(state, 'dynamodb', `table/${state?.table ?? ''}`),
    queue: arn(queue, 'sqs', queue?.queue ?? ''),
    deadLetters: arn(queue, 'sqs', `${queue?.queue ?? ''}-dead`),
  };
}

const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';

/** The account in an ARN (`arn:aws:sqs:eu-central-1:123456789012:hints`); null without one. */
export const accountOf = (arn: string | undefined): string | null => /:(\d{12})(:|$)/.exec(arn ?? '')?.[1] ?? null;
