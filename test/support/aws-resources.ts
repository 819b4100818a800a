import { randomBytes } from 'node:crypto';
import { CreateTableCommand, waitUntilTableExists, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { inject } from 'vitest';
import { formatBackendUrl } from '../../src/domain/backend-url.ts';
import type { AwsServerName } from './aws-servers.ts';

export const AWS_REGION = 'us-east-1';

/** What a process needs to talk to the servers here, and nothing that leads to a real account. The keys are made up. */
export const AWS_TEST_ENV: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'AKIALOCALLOCALLOCAL0',
  AWS_SECRET_ACCESS_KEY: 'local/local/local/local/local/local/loca',
  AWS_REGION,
  // Neither the files of the user nor the metadata service of the machine.
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** Sets `AWS_TEST_ENV` in this process, for drivers that take the SDK's own way to credentials. */
export function useTestCredentials(): void {
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL', 'AWS_DEFAULT_REGION'])
    delete process.env[name];
  Object.assign(process.env, AWS_TEST_ENV);
}

/** Endpoint of the server that all test files share; started when the first one asks. */
export async function sharedAwsServer(name: AwsServerName): Promise<string> {
  const response = await fetch(`${inject('awsBroker')}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

const credentials = {
  accessKeyId: AWS_TEST_ENV['AWS_ACCESS_KEY_ID'] as string,
  secretAccessKey: AWS_TEST_ENV['AWS_SECRET_ACCESS_KEY'] as string,
};

/** Plain SDK clients, for arranging and for looking behind a driver's back. The caller destroys them. */
export const rawClients = {
  s3: (endpoint: string) => new S3Client({ endpoint, region: AWS_REGION, credentials, forcePathStyle: true }),
  dynamodb: (endpoint: string) => new DynamoDBClient({ endpoint, region: AWS_REGION, credentials }),
  sqs: (endpoint: string) => new SQSClient({ endpoint, region: AWS_REGION, credentials }),
};

/** Names that no other test has. */
export const freshName = (purpose = 'test'): string => `${purpose}-${randomBytes(6).toString('hex')}`;

export interface FreshOptions {
  /** Where to create it. Default: the shared server (fauxqs, DynamoDB Local). */
  readonly endpoint?: string;
  /** Endpoint in the URL, when it is another than the one that creates: a fault proxy. */
  readonly through?: string;
}

export interface FreshBucket {
  readonly bucket: string;
  /** `s3://bucket/prefix?…` */
  readonly url: string;
  readonly endpoint: string;
}

/** A new bucket. `prefix` is part of the URL only; `''` for none. */
export async function freshBucket(options: FreshOptions & { readonly prefix?: string } = {}): Promise<FreshBucket> {
  const endpoint = options.endpoint ?? (await sharedAwsServer('fauxqs'));
  const bucket = freshName();
  const client = rawClients.s3(endpoint);
  await client.send(new CreateBucketCommand({ Bucket: bucket })).finally(() => client.destroy());
  const prefix = options.prefix ?? 'run';
  const aws = { region: AWS_REGION, endpoint: options.through ?? endpoint, pathStyle: true };
  const url = formatBackendUrl({ service: 's3', bucket, prefix: prefix === '' ? '' : `${prefix}/`, aws });
  return { bucket, url, endpoint };
}

export interface FreshTable {
  readonly table: string;
  /** `dynamodb://table?…` */
  readonly url: string;
  readonly endpoint: string;
}

/** A new table with the keys `pk` and `sk`, billed on demand. */
export async function freshTable(options: FreshOptions = {}): Promise<FreshTable> {
  const endpoint = options.endpoint ?? (await sharedAwsServer('dynamodb-local'));
  const table = freshName();
  const client = rawClients.dynamodb(endpoint);
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    // dynalite answers before the table is ready.
    await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { TableName: table });
  } finally {
    client.destroy();
  }
  const aws = { region: AWS_REGION, endpoint: options.through ?? endpoint };
  return { table, url: formatBackendUrl({ service: 'dynamodb', table, aws }), endpoint };
}

export interface FreshQueue {
  readonly queue: string;
  readonly deadLetters: string;
  /** `sqs://queue?…` */
  readonly url: string;
  readonly endpoint: string;
  /** The URLs that SQS itself gives the queues. */
  readonly queueUrl: string;
  readonly deadLettersUrl: string;
}

/** A new queue whose messages go to `<queue>-dead` after being received 10 times. */
export async function freshQueue(
  options: FreshOptions & { readonly maxReceiveCount?: number; readonly attributes?: Record<string, string> } = {},
): Promise<FreshQueue> {
  const endpoint = options.endpoint ?? (await sharedAwsServer('fauxqs'));
  const queue = freshName();
  const deadLetters = `${queue}-dead`;
  const client = rawClients.sqs(endpoint);
  try {
    const dead = (await client.send(new CreateQueueCommand({ QueueName: deadLetters }))).QueueUrl as string;
    const described = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }),
    );
    const redrive = {
      deadLetterTargetArn: described.Attributes?.['QueueArn'],
      maxReceiveCount: options.maxReceiveCount ?? 10,
    };
    const attributes = { RedrivePolicy: JSON.stringify(redrive), ...options.attributes };
    const created = await client.send(new CreateQueueCommand({ QueueName: queue, Attributes: attributes }));
    const aws = { region: AWS_REGION, endpoint: options.through ?? endpoint };
    const url = formatBackendUrl({ service: 'sqs', queue, aws });
    return { queue, deadLetters, url, endpoint, queueUrl: created.QueueUrl as string, deadLettersUrl: dead };
  } finally {
    client.destroy();
  }
}
