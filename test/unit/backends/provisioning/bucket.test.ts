import {
  CreateBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  type LifecycleRule,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { provisionBucket } from '../../../../src/backends/provisioning/bucket.ts';
import { createSystemClock } from '../../../../src/backends/clock.ts';
import { createRequestMeter } from '../../../../src/backends/shared/aws/meter.ts';
import { createSeededIds, createSeededRandom } from '../../../support/seeded-random.ts';

const context = {
  clock: createSystemClock(),
  random: createSeededRandom(1),
  ids: createSeededIds(1),
  meter: createRequestMeter(),
};
const refused = (name: string, status = 400): Error =>
  Object.assign(new Error(`${name} it is`), { name, $metadata: { httpStatusCode: status } });
const RULE: LifecycleRule = {
  ID: 'x',
  Status: 'Enabled',
  Filter: { Prefix: 'runs/' },
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 },
};
const CLOSED = { PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true } };

/** What AWS answers, and no server here. */
describe('a bucket at AWS', () => {
  const s3 = mockClient(S3Client);
  beforeEach(() => {
    s3.reset();
    s3.on(GetPublicAccessBlockCommand).resolves({});
    s3.on(GetBucketLifecycleConfigurationCommand).resolves({});
  });
  afterEach(() => s3.reset());
  afterAll(() => s3.restore());
  const provision = (region = 'eu-central-1', dryRun = false) =>
    provisionBucket({ service: 's3', bucket: 'acme', prefix: 'runs/', aws: { region } }, { context, dryRun });
  const missing = (): void => void s3.on(ListObjectsV2Command).rejects(refused('NoSuchBucket', 404));

  it('is created in its region, closed to the public, with a rule below the prefix alone', async () => {
    missing();
    s3.on(GetPublicAccessBlockCommand).resolves(CLOSED);
    s3.on(GetBucketLifecycleConfigurationCommand).resolves({ Rules: [RULE] });
    expect(await provision()).toEqual({
      kind: 'bucket',
      name: 's3://acme',
      server: 'AWS eu-central-1',
      verdict: 'created',
      found: ['public access is blocked', 'unfinished uploads below s3://acme/runs/ end after 7 days'],
      remedies: [],
      arn: 'arn:aws:s3:::acme',
    });
    expect(s3.commandCalls(CreateBucketCommand)[0]?.args[0].input).toEqual({
      Bucket: 'acme',
      CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' },
    });
    const block = s3.commandCalls(PutPublicAccessBlockCommand)[0]?.args[0].input.PublicAccessBlockConfiguration;
    expect(Object.values(block ?? {})).toEqual([true, true, true, true]);
    const rules = s3.commandCalls(PutBucketLifecycleConfigurationCommand)[0]?.args[0].input.LifecycleConfiguration;
    expect(rules?.Rules).toEqual([
      {
        ID: 'slurmctl-unfinished-uploads',
        Status: 'Enabled',
        Filter: { Prefix: 'runs/' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ]);
  });

  it('is created without a word about the region that needs none', async () => {
    missing();
    await provision('us-east-1');
    expect(s3.commandCalls(CreateBucketCommand)[0]?.args[0].input).toEqual({ Bucket: 'acme' });
  });

  it('is ours when a lost answer or another init created it meanwhile', async () => {
    missing();
    s3.on(CreateBucketCommand).rejects(refused('BucketAlreadyOwnedByYou', 409));
    expect(await provision()).toMatchObject({ verdict: 'created' });
  });

  it('is created although its rules may not be set, and that is said', async () => {
    missing();
    s3.on(PutPublicAccessBlockCommand).rejects(refused('AccessDenied', 403));
    s3.on(PutBucketLifecycleConfigurationCommand).rejects(refused('NotImplemented', 501));
    const { verdict, found } = await provision();
    expect(verdict).toBe('created');
    expect(found[0]).toMatch(/^public access: not set \(.*AccessDenied/);
    expect(found[1]).toMatch(/^rules that end unfinished uploads: not set/);
  });

  it.each([
    ['closed and tidy', CLOSED, [RULE], 0],
    ['tidy as a whole', CLOSED, [{ ...RULE, Filter: {} }], 0],
    ['tidy elsewhere only', CLOSED, [{ ...RULE, Filter: { Prefix: 'other/' } }], 1],
    ['with a rule that is off', CLOSED, [{ ...RULE, Status: 'Disabled' as const }], 1],
    ['open', {}, [RULE], 1],
    ['open and untidy', {}, [], 2],
  ])('that exists and is %s is left alone, with advice', async (_, block, Rules, advice) => {
    s3.on(ListObjectsV2Command).resolves({});
    s3.on(GetPublicAccessBlockCommand).resolves(block);
    s3.on(GetBucketLifecycleConfigurationCommand).resolves({ Rules });
    const { verdict, found, remedies } = await provision();
    expect([verdict, found.length, remedies.length]).toEqual(['exists', advice, advice]);
    const asked = s3.calls().map(({ args }) => args[0].constructor.name);
    expect(asked.filter((name) => /^(Put|Create)/.test(name))).toEqual([]);
  });

  it('that exists is fine for those who may not read its rules', async () => {
    s3.on(ListObjectsV2Command).resolves({});
    s3.on(GetPublicAccessBlockCommand).rejects(refused('AccessDenied', 403));
    s3.on(GetBucketLifecycleConfigurationCommand).rejects(refused('NoSuchLifecycleConfiguration', 404));
    const { verdict, found } = await provision();
    expect(verdict).toBe('exists');
    expect(found).toEqual([expect.stringContaining('no rule ends unfinished uploads')]);
  });
});
