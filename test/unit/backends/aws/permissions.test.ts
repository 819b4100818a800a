import { describe, expect, it } from 'vitest';
import { AWS_OPERATIONS, permissionOf, permissionsOf } from '../../../../src/backends/shared/aws/permissions.ts';
import { sourceFiles } from '../../../architecture/files.ts';

/** What lib-storage's `Upload` sends on its own. */
const UPLOAD = ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'AbortMultipartUpload'];

const LOADERS = { s3: 'loadS3', dynamodb: 'loadDynamoDb', sqs: 'loadSqs' };

/** Operations of a service that the source asks for: the command classes it names beside the package, or beside what loads it. */
function usedOf(service: keyof typeof AWS_OPERATIONS, files: ReadonlyMap<string, string>): string[] {
  const used = new Set<string>();
  for (const [, text] of files) {
    if (text.includes('@aws-sdk/lib-storage') && service === 's3') for (const operation of UPLOAD) used.add(operation);
    if (!text.includes(`@aws-sdk/client-${service}`) && !text.includes(`${LOADERS[service]}()`)) continue;
    for (const [, operation = ''] of text.matchAll(/\b([A-Z][A-Za-z0-9]+)Command\b/g)) used.add(operation);
  }
  return [...used].toSorted();
}

describe.each(['s3', 'dynamodb', 'sqs'] as const)('operations of %s', (service) => {
  const files = new Map([...sourceFiles()].filter(([path]) => path.startsWith('src/backends/')));
  const listed = Object.keys(AWS_OPERATIONS[service]).toSorted();

  it('that the source asks for are allowed to somebody, and no others', () => {
    expect(usedOf(service, files)).toEqual(listed);
  });

  it('are found where they are used', () => {
    const planted = new Map([
      ['src/backends/x.ts', `import { DeleteThingCommand } from '@aws-sdk/client-${service}';`],
    ]);
    expect(usedOf(service, planted)).toEqual(['DeleteThing']);
    const loaded = new Map([['src/backends/x.ts', `const { DeleteThingCommand } = ${LOADERS[service]}();`]]);
    expect(usedOf(service, loaded)).toEqual(['DeleteThing']);
  });
});

it('have permissions by their own names, each once', () => {
  expect(permissionOf('s3', 'HeadObject')).toBe('s3:GetObject');
  expect(permissionOf('sqs', 'SendMessageBatch')).toBe('sqs:SendMessage');
  expect(permissionOf('dynamodb', 'GetItem')).toBe('dynamodb:GetItem');
  expect(permissionsOf('s3', 'reader')).toEqual(['s3:GetObject', 's3:ListBucket']);
});
