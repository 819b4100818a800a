/**
 * Every operation that slurmctl asks a service for, the permission that allows it, and who needs it. A driver that uses another one fails the
 * tests. Source of the names: "Actions, resources, and condition keys" of the Service Authorization Reference.
 */

import type { AwsService } from '../../../domain/backend-url.ts';

/**
 * - coordinator: whoever submits, advances, cancels, aggregates and tidies up; its finalisers run on compute nodes;
 * - worker: array elements;
 * - reader: whoever looks at jobs and results;
 * - provisioner: whoever runs `init --aws`.
 */
export const AWS_ROLES = ['coordinator', 'worker', 'reader'] as const;
export type AwsRole = (typeof AWS_ROLES)[number];

interface Operation {
  /** Without the service's prefix. */
  readonly permission: string;
  readonly roles: readonly (AwsRole | 'provisioner')[];
}

const everybody = (permission: string): Operation => ({ permission, roles: AWS_ROLES });
const writers = (permission: string): Operation => ({ permission, roles: ['coordinator', 'worker'] });
const coordinator = (permission: string): Operation => ({ permission, roles: ['coordinator'] });
const provisioner = (permission: string): Operation => ({ permission, roles: ['provisioner'] });
const lookers = (permission: string): Operation => ({ permission, roles: ['coordinator', 'reader', 'provisioner'] });

export const AWS_OPERATIONS: Readonly<Record<AwsService, Readonly<Record<string, Operation>>>> = {
  s3: {
    GetObject: everybody('GetObject'),
    HeadObject: everybody('GetObject'),
    ListObjectsV2: { permission: 'ListBucket', roles: [...AWS_ROLES, 'provisioner'] },
    PutObject: writers('PutObject'),
    CreateMultipartUpload: writers('PutObject'),
    UploadPart: writers('PutObject'),
    CompleteMultipartUpload: writers('PutObject'),
    AbortMultipartUpload: writers('AbortMultipartUpload'),
    DeleteObject: writers('DeleteObject'),
    DeleteObjects: writers('DeleteObject'),
    ListMultipartUploads: coordinator('ListBucketMultipartUploads'),
    CreateBucket: provisioner('CreateBucket'),
    GetPublicAccessBlock: provisioner('GetBucketPublicAccessBlock'),
    PutPublicAccessBlock: provisioner('PutBucketPublicAccessBlock'),
    GetBucketLifecycleConfiguration: provisioner('GetLifecycleConfiguration'),
    PutBucketLifecycleConfiguration: provisioner('PutLifecycleConfiguration'),
  },
  dynamodb: {
    GetItem: everybody('GetItem'),
    BatchGetItem: coordinator('BatchGetItem'),
    Query: everybody('Query'),
    UpdateItem: writers('UpdateItem'),
    PutItem: coordinator('PutItem'),
    DeleteItem: coordinator('DeleteItem'),
    BatchWriteItem: coordinator('BatchWriteItem'),
    DescribeTable: { permission: 'DescribeTable', roles: [...AWS_ROLES, 'provisioner'] },
    DescribeTimeToLive: { permission: 'DescribeTimeToLive', roles: ['coordinator', 'provisioner'] },
    CreateTable: provisioner('CreateTable'),
    UpdateTimeToLive: provisioner('UpdateTimeToLive'),
  },
  sqs: {
    GetQueueUrl: lookers('GetQueueUrl'),
    GetQueueAttributes: lookers('GetQueueAttributes'),
    SendMessage: coordinator('SendMessage'),
    SendMessageBatch: coordinator('SendMessage'),
    ReceiveMessage: coordinator('ReceiveMessage'),
    DeleteMessage: coordinator('DeleteMessage'),
    DeleteMessageBatch: coordinator('DeleteMessage'),
    ChangeMessageVisibility: coordinator('ChangeMessageVisibility'),
    ChangeMessageVisibilityBatch: coordinator('ChangeMessageVisibility'),
    CreateQueue: provisioner('CreateQueue'),
  },
};

/** `s3:GetObject` for HeadObject. */
export const permissionOf = (service: AwsService, operation: string): string =>
  `${service}:${AWS_OPERATIONS[service][operation]?.permission ?? operation}`;

/** What a role needs of a service, in order, each once. */
export function permissionsOf(service: AwsService, role: AwsRole | 'provisioner'): string[] {
  const needed = Object.values(AWS_OPERATIONS[service]).filter(({ roles }) => roles.includes(role));
  return [...new Set(needed.map(({ permission }) => `${service}:${permission}`))].toSorted();
}
