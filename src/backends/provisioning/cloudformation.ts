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

type Resources = Record<string, Readonly<Record<string, unknown>>>;

/** Data outlives the stack. */
const KEEP = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' } as const;
const arnOf = (resource: string) => ({ 'Fn::GetAtt': [resource, 'Arn'] });

/** A CloudFormation template for what is named here, and a managed policy for each role. */
export function cloudFormationOf(places: AwsPlaces): Readonly<Record<string, unknown>> {
  const resources: Resources = {
    ...(places.store && { Store: bucket(places.store) }),
    ...(places.state && { State: table(places.state) }),
    ...(places.queue && queues(places.queue)),
  };
  const names = {
    bucket: arnOf('Store'),
    objects: { 'Fn::Sub': `\${Store.Arn}/${places.store?.prefix ?? ''}*` },
    table: arnOf('State'),
    queue: arnOf('Queue'),
    deadLetters: arnOf('DeadLetters'),
  };
  for (const role of AWS_ROLES)
    resources[`${role.charAt(0).toUpperCase()}${role.slice(1)}Policy`] = {
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: { Description: `slurmctl ${role}`, PolicyDocument: policyOf(role, places, names) },
    };
  return { AWSTemplateFormatVersion: '2010-09-09', Description: 'State of slurmctl jobs', Resources: resources };
}

const bucket = ({ bucket: BucketName, prefix }: StorePlace) => ({
  Type: 'AWS::S3::Bucket',
  ...KEEP,
  Properties: {
    BucketName,
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    LifecycleConfiguration: {
      Rules: [
        {
          Id: 'slurmctl-unfinished-uploads',
          Status: 'Enabled',
          ...(prefix === '' ? {} : { Prefix: prefix }),
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_UPLOADS_DAYS },
        },
      ],
    },
  },
});

const table = ({ table: TableName }: StatePlace) => ({
  Type: 'AWS::DynamoDB::Table',
  ...KEEP,
  Properties: {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
  },
});

const queues = ({ queue }: QueuePlace): Resources => ({
  DeadLetters: {
    Type: 'AWS::SQS::Queue',
    Properties: { QueueName: `${queue}-dead`, MessageRetentionPeriod: DEAD_RETENTION_SEC },
  },
  Queue: {
    Type: 'AWS::SQS::Queue',
    Properties: {
      QueueName: queue,
      MessageRetentionPeriod: HINT_RETENTION_SEC,
      RedrivePolicy: { deadLetterTargetArn: arnOf('DeadLetters'), maxReceiveCount: MAX_RECEIVES },
    },
  },
});
