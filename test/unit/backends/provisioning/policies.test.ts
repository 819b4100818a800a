import { describe, expect, it } from 'vitest';
import { cloudFormationOf } from '../../../../src/backends/provisioning/cloudformation.ts';
import { accountOf, arnsOf, placesOf } from '../../../../src/backends/provisioning/places.ts';
import { policyOf } from '../../../../src/backends/provisioning/policies.ts';
import { redriveProblem } from '../../../../src/backends/provisioning/queues.ts';
import { terraformOf } from '../../../../src/backends/provisioning/terraform.ts';
import { AWS_ROLES, type AwsRole } from '../../../../src/backends/shared/aws/permissions.ts';
import { knownBackend } from '../../../../src/domain/backend-url.ts';

const REGION = 'region=eu-central-1';
const ALL = placesOf(
  [`s3://acme/runs?${REGION}`, `dynamodb://jobs?${REGION}`, `sqs://hints?${REGION}`].map(knownBackend),
);
const ACCOUNT = '123456789012';
const policy = (role: AwsRole, places = ALL, account: string | null = ACCOUNT) =>
  policyOf(role, places, arnsOf(places, account));
const actionsOf = (role: AwsRole) => policy(role).Statement.flatMap(({ Action }) => Action);

describe('policies', () => {
  it('of a worker allow what a worker does, on the prefix and the table alone', () => {
    expect(policy('worker')).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'Objects',
          Effect: 'Allow',
          Action: ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:GetObject', 's3:PutObject'],
          Resource: 'arn:aws:s3:::acme/runs/*',
        },
        {
          Sid: 'Listing',
          Effect: 'Allow',
          Action: ['s3:ListBucket'],
          Resource: 'arn:aws:s3:::acme',
          Condition: { StringLikeIfExists: { 's3:prefix': 'runs/*' } },
        },
        {
          Sid: 'States',
          Effect: 'Allow',
          Action: ['dynamodb:DescribeTable', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
          Resource: `arn:aws:dynamodb:eu-central-1:${ACCOUNT}:table/jobs`,
        },
      ],
    });
  });

  it('of a reader change nothing', () => {
    expect(actionsOf('reader').filter((action) => !/:(Get|List|Query|Describe)/.test(action))).toEqual([]);
  });

  it('of a coordinator hold all that the others may, and never a wildcard', () => {
    const all = actionsOf('coordinator');
    for (const role of AWS_ROLES) expect(all).toEqual(expect.arrayContaining(actionsOf(role)));
    expect(all.filter((action) => action.includes('*'))).toEqual([]);
    const dead = policy('coordinator').Statement.find(({ Sid }) => Sid === 'DeadLetters');
    expect(dead?.Resource).toBe(`arn:aws:sqs:eu-central-1:${ACCOUNT}:hints-dead`);
    expect(dead?.Action).not.toContain('sqs:SendMessage');
  });

  it('speak only of what is in AWS, with * for what is not known', () => {
    const places = placesOf(['s3://acme', 'file:///x', 'sqs://hints'].map(knownBackend));
    const { Statement } = policy('coordinator', places, null);
    expect(Statement.map(({ Sid, Resource }) => [Sid, Resource])).toEqual([
      ['Objects', 'arn:aws:s3:::acme/*'],
      ['Listing', 'arn:aws:s3:::acme'],
      ['Hints', 'arn:aws:sqs:*:*:hints'],
      ['DeadLetters', 'arn:aws:sqs:*:*:hints-dead'],
    ]);
    expect(Statement.every(({ Condition }) => Condition === undefined)).toBe(true);
  });

  it('name the partition of the region', () => {
    const china = placesOf(['s3://acme?region=cn-north-1', 'dynamodb://jobs?region=us-gov-west-1'].map(knownBackend));
    expect(arnsOf(china, null)).toMatchObject({
      bucket: 'arn:aws-cn:s3:::acme',
      table: 'arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/jobs',
    });
  });
});

describe('templates', () => {
  it('give CloudFormation resources that refer to each other', () => {
    const { Resources } = cloudFormationOf(ALL) as { Resources: Record<string, { Type: string; Properties: object }> };
    expect(Object.entries(Resources).map(([name, { Type }]) => `${name} ${Type}`)).toEqual([
      'Store AWS::S3::Bucket',
      'State AWS::DynamoDB::Table',
      'DeadLetters AWS::SQS::Queue',
      'Queue AWS::SQS::Queue',
      'CoordinatorPolicy AWS::IAM::ManagedPolicy',
      'WorkerPolicy AWS::IAM::ManagedPolicy',
      'ReaderPolicy AWS::IAM::ManagedPolicy',
    ]);
    const text = JSON.stringify(Resources);
    for (const [, named] of text.matchAll(/"Fn::GetAtt":\["(\w+)"/g)) expect(Object.keys(Resources)).toContain(named);
    expect(text).toContain('{"Fn::Sub":"${Store.Arn}/runs/*"}');
    expect(Resources['Queue']?.Properties).toMatchObject({ RedrivePolicy: { maxReceiveCount: 10 } });
    expect(Resources['State']?.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    });
  });

  it('give Terraform resources that refer to each other', () => {
    const { resource } = terraformOf(ALL) as { resource: Record<string, Record<string, Record<string, string>>> };
    const known = Object.entries(resource).flatMap(([type, named]) => Object.keys(named).map((n) => `${type}.${n}`));
    const used = [...JSON.stringify(resource).matchAll(/\$\{(\w+\.\w+)\./g)].map(([, name]) => name);
    expect(new Set(used).size).toBe(4);
    for (const name of used) expect(known).toContain(name);
    expect(JSON.parse(resource['aws_sqs_queue']?.['hints']?.['redrive_policy'] ?? '')).toEqual({
      deadLetterTargetArn: '${aws_sqs_queue.dead_letters.arn}',
      maxReceiveCount: 10,
    });
    const worker = JSON.parse(resource['aws_iam_policy']?.['worker']?.['policy'] ?? '') as { Statement: object[] };
    expect(worker.Statement[0]).toMatchObject({ Resource: '${aws_s3_bucket.store.arn}/runs/*' });
  });

  it('leave out what is in directories', () => {
    const only = placesOf(['dynamodb://jobs'].map(knownBackend));
    expect(JSON.stringify(cloudFormationOf(only))).not.toMatch(/S3|SQS|s3:|sqs:/);
    expect(JSON.stringify(terraformOf(only))).not.toMatch(/s3|sqs/);
  });
});

describe('what exists', () => {
  it('has the account in its ARN, if any', () => {
    expect(accountOf('arn:aws:sqs:eu-central-1:123456789012:hints')).toBe(ACCOUNT);
    expect(accountOf('arn:aws:iam::123456789012:role/x')).toBe(ACCOUNT);
    expect(accountOf('arn:aws:s3:::123456789012')).toBe(ACCOUNT);
    expect(accountOf('arn:aws:s3:::acme')).toBeNull();
    expect(accountOf(undefined)).toBeNull();
  });

  it('has a redrive policy that is right, or what is wrong with it is named', () => {
    const arn = (name: string) => `arn:aws:sqs:eu-central-1:${ACCOUNT}:${name}`;
    const say = (target: string, maxReceiveCount: number | string) =>
      redriveProblem(JSON.stringify({ deadLetterTargetArn: arn(target), maxReceiveCount }), 'hints-dead');
    expect(say('hints-dead', 10)).toBeNull();
    expect(say('hints-dead', '10')).toBeNull();
    expect(say('hints-dead', 3)).toContain('after 3 receives, expected 10');
    expect(say('others', 10)).toContain('to others, expected hints-dead');
    expect(redriveProblem(undefined, 'x')).toContain('no redrive policy');
    expect(redriveProblem('{garbled', 'x')).toContain('to nowhere');
  });
});
