import { permissionsOf, type AwsRole } from '../shared/aws/permissions.ts';
import type { AwsPlaces, ResourceNames } from './places.ts';

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** An IAM policy document. */
export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

const OF_BUCKET = ['s3:ListBucket', 's3:ListBucketMultipartUploads'];

/**
 * The least a role needs, on nothing but what the settings name. Listing is limited to the prefix where a request names one
 * (`StringLikeIfExists`): S3 says "denied" instead of "not found" about an absent object to somebody who may not list, and such a request
 * names no prefix.
 */
export function policyOf(role: AwsRole, places: AwsPlaces, names: ResourceNames): Policy {
  const statements: PolicyStatement[] = [];
  const allow = (Sid: string, Action: readonly string[], Resource: unknown, Condition?: unknown): void => {
    if (Action.length > 0)
      statements.push({ Sid, Effect: 'Allow', Action, Resource, ...(Condition === undefined ? {} : { Condition }) });
  };
  if (places.store !== undefined) {
    const { prefix } = places.store;
    const all = permissionsOf('s3', role);
    const below = prefix === '' ? undefined : { StringLikeIfExists: { 's3:prefix': `${prefix}*` } };
    allow('Objects', without(all, OF_BUCKET), names.objects);
    const listing = all.filter((one) => OF_BUCKET.includes(one));
    allow('Listing', listing, names.bucket, below);
  }
  if (places.state !== undefined) allow('States', permissionsOf('dynamodb', role), names.table);
  if (places.queue !== undefined) {
    const all = permissionsOf('sqs', role);
    allow('Hints', all, names.queue);
    // Only the redrive policy puts messages there.
    allow('DeadLetters', without(all, ['sqs:SendMessage']), names.deadLetters);
  }
  return { Version: '2012-10-17', Statement: statements };
}

const without = (all: readonly string[], some: readonly string[]): string[] => all.filter((one) => !some.includes(one));
