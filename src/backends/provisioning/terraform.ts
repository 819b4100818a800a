import { MAX_RECEIVES } from '../../ports/retry-queue.ts';
import { AWS_ROLES } from '../shared/aws/permissions.ts';
import {
  ABORT_UPLOADS_DAYS,
  DEAD_RETENTION_SEC,
  HINT_RETENTION_SEC,
  TTL_ATTRIBUTE,
  type AwsPlaces,
  type QueuePlace,
  type StatePlace,
  type StorePlace,
} from './places.ts';
import { policyOf } from './policies.ts';

type Blocks = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Data outlives the configuration. */
const KEEP = { lifecycle: { prevent_destroy: true } } as const;
const BUCKET_ID = '${aws_s3_bucket.store.id}';

/** The same as the CloudFormation template, as a Terraform configuration in JSON syntax (`slurmctl.tf.json`). */
export function terraformOf(places: AwsPlaces): Readonly<Record<string, unknown>> {
  const names = {
    bucket: '${aws_s3_bucket.store.arn}',
    objects: `\${aws_s3_bucket.store.arn}/${places.store?.prefix ?? ''}*`,
    table: '${aws_dynamodb_table.state.arn}',
    queue: '${aws_sqs_queue.hints.arn}',
    deadLetters: '${aws_sqs_queue.dead_letters.arn}',
  };
  const policies = AWS_ROLES.map((role) => {
    const policy = { name_prefix: `slurmctl-${role}-`, policy: JSON.stringify(policyOf(role, places, names)) };
    return [role, policy] as const;
  });
  return {
    terraform: { required_providers: { aws: { source: 'hashicorp/aws', version: '>= 5.0' } } },
    resource: {
      ...(places.store && bucket(places.store)),
      ...(places.state && table(places.state)),
      ...(places.queue && queues(places.queue)),
      aws_iam_policy: Object.fromEntries(policies),
    },
  };
}

const bucket = ({ bucket: name, prefix }: StorePlace): Blocks => ({
  aws_s3_bucket: { store: { bucket: name, ...KEEP } },
  aws_s3_bucket_public_access_block: {
    store: {
      bucket: BUCKET_ID,
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    },
  },
  aws_s3_bucket_lifecycle_configuration: {
    store: {
      bucket: BUCKET_ID,
      rule: [
        {
          id: 'slurmctl-unfinished-uploads',
          status: 'Enabled',
          filter: [{ prefix }],
          abort_incomplete_multipart_upload: [{ days_after_initiation: ABORT_UPLOADS_DAYS }],
        },
      ],
    },
  },
});

const table = ({ table: name }: StatePlace): Blocks => ({
  aws_dynamodb_table: {
    state: {
      name,
      billing_mode: 'PAY_PER_REQUEST',
      hash_key: 'pk',
      range_key: 'sk',
      attribute: [
        { name: 'pk', type: 'S' },
        { name: 'sk', type: 'S' },
      ],
      ttl: [{ attribute_name: TTL_ATTRIBUTE, enabled: true }],
      ...KEEP,
    },
  },
});

const queues = ({ queue }: QueuePlace): Blocks => ({
  aws_sqs_queue: {
    dead_letters: { name: `${queue}-dead`, message_retention_seconds: DEAD_RETENTION_SEC },
    hints: {
      name: queue,
      message_retention_seconds: HINT_RETENTION_SEC,
      redrive_policy: JSON.stringify({
        deadLetterTargetArn: '${aws_sqs_queue.dead_letters.arn}',
        maxReceiveCount: MAX_RECEIVES,
      }),
    },
  },
});
