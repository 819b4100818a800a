import type { IncomingHttpHeaders } from 'node:http';
import type { Service } from './fault-proxy-rules.ts';

/** Which service and operation an HTTP request is, from the header of the JSON protocols or from S3's method, path and query. */
export function operationOf(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
): { readonly service: Service; readonly operation: string } {
  const target = String(headers['x-amz-target'] ?? '');
  const [, prefix = '', operation = ''] = /^(DynamoDB|AmazonSQS)[^.]*\.(\w+)$/.exec(target) ?? [];
  if (prefix !== '') return { service: prefix === 'DynamoDB' ? 'dynamodb' : 'sqs', operation };
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const [, bucket = '', ...key] = pathname.split('/');
  const has = (name: string): boolean => searchParams.has(name);
  const copied = headers['x-amz-copy-source'] !== undefined;
  if (bucket === '') return { service: 's3', operation: 'ListBuckets' };
  const named = key.join('/') === '' ? bucketOperation(method, has) : objectOperation(method, { has, copied });
  return { service: 's3', operation: named };
}

type Has = (name: string) => boolean;

/** Sub-resources of a bucket: `?lifecycle` is GetBucketLifecycle, PutBucketLifecycle, … */
const PARTS = [
  'location',
  'lifecycle',
  'versioning',
  'policy',
  'tagging',
  'cors',
  'encryption',
  'acl',
  'ownershipControls',
];

function bucketOperation(method: string, has: Has): string {
  const part = PARTS.find((name) => has(name));
  if (part !== undefined) {
    const verb = { GET: 'Get', PUT: 'Put', DELETE: 'Delete' }[method] ?? method;
    return `${verb}Bucket${part[0]?.toUpperCase()}${part.slice(1)}`;
  }
  if (method === 'GET')
    return has('uploads') ? 'ListMultipartUploads' : has('list-type') ? 'ListObjectsV2' : 'ListObjects';
  const names: Readonly<Record<string, string>> = {
    PUT: 'CreateBucket',
    HEAD: 'HeadBucket',
    DELETE: 'DeleteBucket',
    POST: 'DeleteObjects',
  };
  return names[method] ?? method;
}

function objectOperation(method: string, { has, copied }: { readonly has: Has; readonly copied: boolean }): string {
  const upload = has('uploadId');
  if (method === 'PUT') {
    if (upload) return copied ? 'UploadPartCopy' : 'UploadPart';
    return copied ? 'CopyObject' : 'PutObject';
  }
  if (method === 'GET') return upload ? 'ListParts' : 'GetObject';
  if (method === 'DELETE') return upload ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'POST') return upload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
  return method === 'HEAD' ? 'HeadObject' : method;
}
