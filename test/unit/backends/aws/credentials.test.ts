import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { awsError } from '../../../../src/backends/shared/aws/aws-error.ts';
import { CredentialsFailure, credentialsOf } from '../../../../src/backends/shared/aws/credentials.ts';
import { awsFailure } from '../../../../src/backends/shared/aws/failure.ts';
import { AppError } from '../../../../src/errors/app-error.ts';

const ROLE = 'arn:aws:iam::123456789012:role/slurmclt';
const request = { area: 'store', operation: 'PutObject', place: 's3://b/k', server: 'http://rgw:7480' } as const;
const thrown = (name: string, message = name, more: object = {}): Error =>
  Object.assign(new Error(message), { name }, more);

function told(failure: CredentialsFailure): Pick<AppError, 'code' | 'message' | 'hint'> {
  const error = awsError(failure, request);
  if (!(error instanceof AppError)) throw error;
  return error;
}

describe('a profile that does not exist', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slurmctl-profile-'));
    vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'config'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(directory, 'credentials'));
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(directory, { recursive: true });
  });

  test('is named with its remedy, and the SDK says nothing of its own', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const provider = await credentialsOf(
      { profile: 'nope' },
      { region: 'us-east-1', requestHandler: new NodeHttpHandler() },
    );
    const failure = await provider?.().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CredentialsFailure);
    expect(told(failure as CredentialsFailure)).toMatchObject({
      code: 'AWS_NO_CREDENTIALS',
      message: expect.stringContaining('no credentials of profile nope could be had'),
      hint: expect.stringContaining('profile nope must stand, with credentials, in ~/.aws/config'),
    });
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('credentials of a role', () => {
  test('that may not be assumed is no missing permission for the bucket', () => {
    const denied = thrown('AccessDenied', 'User: x is not authorized to perform: sts:AssumeRole', {
      $metadata: { httpStatusCode: 403 },
    });
    expect(told(new CredentialsFailure({ role: ROLE, profile: 'base' }, denied))).toMatchObject({
      code: 'AWS_NO_CREDENTIALS',
      message: expect.stringContaining(
        `no credentials of role ${ROLE} through profile base could be had (AccessDenied`,
      ),
      hint: expect.stringContaining('aws.role'),
    });
  });

  test('whose service does not answer blames no endpoint of the bucket, and no write is in doubt', () => {
    const failure = new CredentialsFailure({ role: ROLE }, thrown('TimeoutError'));
    expect(awsFailure(failure)?.kind).toBe('unreachable');
    const { code, message, hint } = told(failure);
    expect(code).toBe('AWS_NO_CREDENTIALS');
    expect(message).toContain(ROLE);
    expect(hint).toContain('STS');
    expect(hint).not.toContain(request.server);
  });

  test('keeps what is known better than "no credentials"', () => {
    const expired = new CredentialsFailure({ role: ROLE }, thrown('ExpiredTokenException'));
    expect(told(expired).code).toBe('AWS_CREDENTIALS_EXPIRED');
    expect(told(expired).hint).not.toContain('aws.role');
  });

  test('with a file of credentials that may not be read', () => {
    const failure = new CredentialsFailure({ profile: 'a' }, thrown('Error', 'EACCES: /x/config', { code: 'EACCES' }));
    expect(told(failure)).toMatchObject({ code: 'AWS_NO_CREDENTIALS', message: expect.stringContaining('(EACCES:') });
  });

  test('leaves a bug a bug', () => {
    const bug = new CredentialsFailure({ role: ROLE }, new TypeError('x is undefined'));
    expect(awsFailure(bug)).toBeNull();
  });
});
