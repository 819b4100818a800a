/** From an SDK failure to the error a person sees: what, where, what to do. */

import { AppError } from '../../../errors/app-error.ts';
import type { ErrorCode } from '../../../errors/catalogue.ts';
import { awsFailure, type AwsFailure, type AwsFailureKind } from './failure.ts';
import { namesProxy } from '../site-proxy.ts';
import { permissionOf } from './permissions.ts';

export type AwsArea = 'store' | 'state' | 'queue';

/** What was asked for, in words for a message. */
export interface AwsRequest {
  readonly area: AwsArea;
  /** The operation by the service's name for it: `PutObject`. */
  readonly operation: string;
  /** What it was about: `s3://bucket/key`, `dynamodb://table`. */
  readonly place: string;
  /** Where the service was looked for: an endpoint's URL, or `AWS eu-central-1`. */
  readonly server: string;
}

const DENIED = { store: 'STORE_DENIED', state: 'STATE_DENIED', queue: 'QUEUE_DENIED' } as const;
const MISSING = { store: 'STORE_MISSING', state: 'STATE_MISSING', queue: 'QUEUE_MISSING' } as const;
const FULL = { store: 'STORE_FULL', state: 'STATE_FULL', queue: 'QUEUE_UNAVAILABLE' } as const;
const UNAVAILABLE = { store: 'STORE_UNAVAILABLE', state: 'STATE_UNAVAILABLE', queue: 'QUEUE_UNAVAILABLE' } as const;
const SERVICE = { store: 's3', state: 'dynamodb', queue: 'sqs' } as const;

const OF_KIND: Readonly<Partial<Record<AwsFailureKind, ErrorCode>>> = {
  'no-credentials': 'AWS_NO_CREDENTIALS',
  'credentials-expired': 'AWS_CREDENTIALS_EXPIRED',
  'credentials-refused': 'AWS_CREDENTIALS_REFUSED',
  'clock-skew': 'AWS_CLOCK_SKEW',
  'wrong-region': 'AWS_WRONG_REGION',
  'no-region': 'AWS_NO_REGION',
  'not-a-service': 'AWS_NOT_A_SERVICE',
};

/** The error for anything an SDK client threw; what is none of the SDK's comes back as it is. */
export function awsError(thrown: unknown, request: AwsRequest): unknown {
  if (thrown instanceof AppError) return thrown;
  const failure = awsFailure(thrown);
  if (failure === null || failure.kind === 'aborted') return thrown;
  const hint = hintOf(failure, request);
  return new AppError(codeOf(failure, request.area), {
    message: messageOf(failure, request),
    ...(hint === undefined ? {} : { hint }),
    details: { operation: request.operation, server: request.server, reason: failure.name },
    cause: thrown,
  });
}

function codeOf({ kind, credentials }: AwsFailure, area: AwsArea): ErrorCode {
  if (credentials !== undefined) return OF_KIND[kind] ?? 'AWS_NO_CREDENTIALS';
  if (kind === 'denied') return DENIED[area];
  if (kind === 'missing') return MISSING[area];
  if (kind === 'full') return FULL[area];
  return OF_KIND[kind] ?? UNAVAILABLE[area];
}

function messageOf(failure: AwsFailure, { operation, place, server }: AwsRequest): string {
  const { name, words, region } = failure;
  const where = `${operation} on ${place} at ${server}`;
  const said = words === '' || words === name ? name : `${name}: ${words}`;
  if (failure.credentials !== undefined)
    return `${where}: no credentials of ${ownerOf(failure.credentials)} could be had (${said})`;
  const sentences: Readonly<Partial<Record<AwsFailureKind, string>>> = {
    throttled: `${where} was refused as too fast (${name}), also after waiting`,
    unreachable: `${where}: no connection (${name})`,
    interrupted: `${where}: no complete answer (${said})`,
    denied: `${where} is not permitted (${said})`,
    'not-a-service': `${where}: ${words}`,
    'wrong-region': `${where}: it is not in that region${region === undefined ? '' : ` but in ${region}`} (${name})`,
  };
  return sentences[failure.kind] ?? `${where} failed (${said})`;
}

const ownerOf = ({ profile, role }: NonNullable<AwsFailure['credentials']>): string =>
  [...(role === undefined ? [] : [`role ${role}`]), ...(profile === undefined ? [] : [`profile ${profile}`])].join(
    ' through ',
  );

/** A remedy with the concrete names; undefined leaves the catalogue's. */
function hintOf(failure: AwsFailure, { area, operation, server }: AwsRequest): string | undefined {
  const { kind, region, credentials } = failure;
  if (credentials !== undefined && OF_KIND[kind] === 'AWS_NO_CREDENTIALS') return credentialsHint(credentials);
  if (credentials !== undefined && OF_KIND[kind] === undefined)
    return 'Check that this host has a route to the service that gives them (STS for a role), and HTTPS_PROXY';
  const hints: Readonly<Partial<Record<AwsFailureKind, string>>> = {
    denied: deniedHint(area, operation),
    throttled:
      'Nothing is lost; run fewer elements at once (slurm.throttle), or see docs/operations/aws.md on throttling',
    unreachable: `Check the endpoint${namesProxy() ? ', the proxy in HTTP_PROXY and HTTPS_PROXY,' : ''} and that this host has a route to ${server}; the job goes on with: slurmctl advance JOB`,
    ...(region === undefined
      ? {}
      : { 'wrong-region': `Set aws.region: ${region} in slurmctl.yaml, or AWS_REGION=${region}` }),
  };
  return hints[kind];
}

function credentialsHint({ profile, role }: NonNullable<AwsFailure['credentials']>): string {
  if (role !== undefined)
    return 'Check the ARN in aws.role, that the role trusts whoever asks, and that they may sts:AssumeRole';
  return `Check aws.profile and AWS_PROFILE: profile ${profile} must stand, with credentials, in ~/.aws/config or ~/.aws/credentials`;
}

function deniedHint(area: AwsArea, operation: string): string {
  const permission = permissionOf(SERVICE[area], operation);
  // S3 does not tell whether an object exists to somebody who may not list.
  const missing =
    permission === 's3:GetObject'
      ? ', and for s3:ListBucket, without which S3 says the same of an object that does not exist'
      : '';
  return `Ask for the permission ${permission}${missing}; slurmctl init --aws --dry-run prints all that are needed`;
}
