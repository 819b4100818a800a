import { createRequire } from 'node:module';
import type * as DynamoDb from '@aws-sdk/client-dynamodb';
import type * as S3 from '@aws-sdk/client-s3';
import type * as Sqs from '@aws-sdk/client-sqs';
import type * as CredentialProviders from '@aws-sdk/credential-providers';
import type * as LibStorage from '@aws-sdk/lib-storage';
import type * as HttpHandler from '@smithy/node-http-handler';

/**
 * The packages of the AWS SDK, each loaded by the first call. By `require` and not by `import`: they are CommonJS, and to import them Node
 * reads through all of them for the names they export, which takes longer than the rest of loading them. Most processes of a job pay that.
 */
const require = createRequire(import.meta.url);

export const loadS3 = (): typeof S3 => require('@aws-sdk/client-s3') as typeof S3;
export const loadDynamoDb = (): typeof DynamoDb => require('@aws-sdk/client-dynamodb') as typeof DynamoDb;
export const loadSqs = (): typeof Sqs => require('@aws-sdk/client-sqs') as typeof Sqs;
export const loadLibStorage = (): typeof LibStorage => require('@aws-sdk/lib-storage') as typeof LibStorage;
export const loadCredentialProviders = (): typeof CredentialProviders =>
  require('@aws-sdk/credential-providers') as typeof CredentialProviders;
export const loadHttpHandler = (): typeof HttpHandler => require('@smithy/node-http-handler') as typeof HttpHandler;
