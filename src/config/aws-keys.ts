/** The group `aws:`: how the services are reached. Its values end up in the addresses of store, state and queue. */
import { CHECKSUM_MODES, checkAwsValue } from '../domain/backend-url.ts';
import { optional } from './key-table.ts';
import { choice, text, yesOrNo } from './plain-types.ts';
import type { ValueType } from './value-type.ts';

export const AWS_NAMES = [
  'aws.region',
  'aws.endpoint',
  'aws.endpoints.s3',
  'aws.endpoints.dynamodb',
  'aws.endpoints.sqs',
  'aws.pathStyle',
  'aws.checksums',
  'aws.profile',
  'aws.role',
] as const;
export type AwsName = (typeof AWS_NAMES)[number];

/** The variables of the AWS tools that mean the same, the one that wins first. */
export const AWS_VARIABLES: Readonly<Partial<Record<AwsName, readonly string[]>>> = {
  'aws.region': ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  'aws.endpoint': ['AWS_ENDPOINT_URL'],
  'aws.endpoints.s3': ['AWS_ENDPOINT_URL_S3'],
  'aws.endpoints.dynamodb': ['AWS_ENDPOINT_URL_DYNAMODB'],
  'aws.endpoints.sqs': ['AWS_ENDPOINT_URL_SQS'],
  'aws.profile': ['AWS_PROFILE'],
};

const ENDPOINT = awsText('endpoint', 'the address of a server, such as https://rgw.example.org:7480');
const AWS_ITSELF = 'AWS itself';

/** Each beats the AWS configuration files and is beaten by its variable, where there is one, and by the address itself. */
export function awsKeys() {
  return {
    'aws.region': optional(awsText('region', 'the name of a region'), "the SDK's usual places", {
      meaning:
        'Region of bucket, table and queue. Without one and with an endpoint, requests are signed for us-east-1.',
      example: 'eu-central-1',
    }),
    'aws.endpoint': optional(ENDPOINT, AWS_ITSELF, {
      meaning: 'Server that speaks the protocols of all three services, such as a Ceph gateway or a test server.',
      example: 'https://rgw.example.org:7480',
    }),
    'aws.endpoints.s3': optional(ENDPOINT, '`aws.endpoint`', {
      meaning: 'Server for S3 alone.',
      example: 'https://minio.example.org:9000',
    }),
    'aws.endpoints.dynamodb': optional(ENDPOINT, '`aws.endpoint`', {
      meaning: 'Server for DynamoDB alone.',
      example: 'http://127.0.0.1:8000',
    }),
    'aws.endpoints.sqs': optional(ENDPOINT, '`aws.endpoint`', {
      meaning: 'Server for SQS alone.',
      example: 'http://127.0.0.1:9324',
    }),
    'aws.pathStyle': optional(yesOrNo(), 'true for an S3 endpoint that is an IP address or localhost, else false', {
      meaning: 'Whether the bucket stands in the path instead of the host name. Most S3-compatible servers want true.',
      example: 'true',
    }),
    'aws.checksums': optional(choice(CHECKSUM_MODES), "the SDK's own choice", {
      meaning: 'With when-required, S3 requests leave out the checksums that older S3-compatible servers stumble over.',
      example: 'when-required',
    }),
    'aws.profile': optional(awsText('profile', 'the name of a profile'), 'none', {
      meaning: 'Profile of the shared AWS configuration files, for credentials and region. Compute nodes need it too.',
      example: 'cluster',
    }),
    'aws.role': optional(awsText('role', 'the ARN of a role'), 'none', {
      meaning: 'Role to assume with those credentials.',
      example: 'arn:aws:iam::123456789012:role/slurmctl',
    }),
  } as const;
}

/** Text that the address of a backend can carry. What may hold a password is not repeated. */
function awsText(name: Parameters<typeof checkAwsValue>[0], expected: string): ValueType<string> {
  const plain = text({ expected });
  return {
    ...plain,
    read(value, context) {
      const known =
        value.kind === 'scalar' && typeof value.value === 'string' ? checkAwsValue(name, value.value) : null;
      if (known !== null) return context.problem(known.problem, { at: value, hint: known.hint });
      const found = plain.read(value, context);
      return name === 'endpoint' ? found?.replace(/\/+$/, '') : found;
    },
  };
}
