import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CreateTableCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DoctorDocument, ListDocument, ResultsDocument, StatusDocument } from '../../src/app/documents.ts';
import type { ErrorCode } from '../../src/errors/catalogue.ts';
import { AWS_TEST_ENV, freshName, rawClients, sharedAwsServer } from '../support/aws-resources.ts';
import type { Cli, CliResult } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import type { FaultRule } from '../support/fault-proxy.ts';
import { NOBODY_LISTENS } from '../support/nobody-listens.ts';
import { expectRefusal, type Refusal } from '../support/refusal.ts';
import { settingsFile, withServices, type ServiceSettings, type ServicesRoom } from '../support/services-room.ts';

beforeAll(() => compiledProject());

/** Also on a busy machine; a retry loop that nobody sees is many times longer. */
const WITHIN_MS = 20_000;
const COMMANDS = [['submit', 'job.yaml'], ['status'], ['list'], ['results', '@last']] as const;

async function timed(cli: Cli, args: readonly string[]): Promise<CliResult> {
  const startMs = performance.now();
  const result = await cli(...args);
  expect(performance.now() - startMs, args.join(' ')).toBeLessThan(WITHIN_MS);
  const all = result.stdout + result.stderr;
  for (const secret of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) expect(all).not.toContain(AWS_TEST_ENV[secret]);
  expect(all).not.toMatch(/X-Amz-(Signature|Credential)|^\s+at .+:\d+|NodeVersionSupport|@smithy/m);
  return result;
}

const settle = ({ directory, settings }: ServicesRoom, change: Partial<ServiceSettings> = {}): void =>
  writeFileSync(join(directory, 'slurmctl.yaml'), settingsFile({ ...settings, ...change }));

async function objectsIn(bucket: string): Promise<number> {
  const client = rawClients.s3(await sharedAwsServer('fauxqs'));
  try {
    return (await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount ?? 0;
  } finally {
    client.destroy();
  }
}

async function rowsIn(table: string): Promise<number> {
  const client = rawClients.dynamodb(await sharedAwsServer('dynamodb-local'));
  try {
    return (await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }))).Count ?? 0;
  } finally {
    client.destroy();
  }
}

/** The services hold nothing, as somebody sees to whom they are open. */
async function expectNothingStored(room: ServicesRoom): Promise<void> {
  expect(await rowsIn(room.table)).toBe(0);
  expect(await objectsIn(room.bucket)).toBe(0);
}

async function expectDoctorSays(cli: Cli, code: number, says: RegExp): Promise<void> {
  const { code: found, stdout } = await timed(cli, ['doctor']);
  expect({ code: found }, stdout).toEqual({ code });
  expect(stdout).toMatch(says);
}

interface Trouble {
  readonly title: string;
  readonly rules: readonly FaultRule[];
  readonly code: ErrorCode;
  readonly says: Refusal['says'];
  /** Commands besides submit that meet it. */
  readonly others: readonly (typeof COMMANDS)[number][];
  readonly doctor: RegExp;
}

const [, ...READING] = COMMANDS;

const TROUBLES: readonly Trouble[] = [
  {
    title: 'a login page',
    rules: [{ fault: 'html' }],
    code: 'AWS_NOT_A_SERVICE',
    says: ['not an answer of the service', 'hint: Check the endpoint in slurmctl.yaml'],
    others: READING,
    doctor: /^fail {2}store .*not an answer of the service\n +→ Check the endpoint/m,
  },
  {
    title: 'credentials have expired',
    rules: [{ fault: 'expired' }],
    code: 'AWS_CREDENTIALS_EXPIRED',
    says: ['hint: Sign in again (for example: aws sso login)'],
    others: READING,
    doctor: /^fail {2}store .*ExpiredToken.*\n +→ Sign in again \(for example: aws sso login\)$/m,
  },
  {
    title: 'the clock is 20 minutes off',
    rules: [{ fault: 'skew', minutes: 20 }],
    code: 'AWS_CLOCK_SKEW',
    says: ['hint: Correct the clock of this host'],
    others: READING,
    doctor: /^fail {2}service clock +this host is 20 minutes behind .*\n +→ Correct the clock/m,
  },
  {
    title: 'the bucket is in another region',
    rules: [{ fault: 'redirect', region: 'eu-west-1' }],
    code: 'AWS_WRONG_REGION',
    says: ['it is not in that region but in eu-west-1', 'hint: Set aws.region: eu-west-1'],
    others: [],
    doctor: /^fail {2}store .*but in eu-west-1.*\n +→ Set aws.region: eu-west-1/m,
  },
  {
    title: 'requests are signed for the wrong region',
    rules: [{ fault: 'wrong-region', region: 'eu-west-1' }],
    code: 'AWS_WRONG_REGION',
    says: ['hint: Set aws.region: eu-west-1'],
    others: [],
    doctor: /^fail {2}store .*AuthorizationHeaderMalformed.*\n +→ Set aws.region: eu-west-1/m,
  },
];

async function expectTrouble({ cli, proxy, ...room }: ServicesRoom, trouble: Trouble): Promise<void> {
  const { rules, code, says, others, doctor } = trouble;
  await proxy.setRules(rules);
  for (const args of [['submit', 'job.yaml'], ...others])
    expectRefusal(await timed(cli, args), { exit: 5, code, says });
  await expectDoctorSays(cli, 5, doctor);
  await proxy.setRules([]);
  await expectNothingStored({ cli, proxy, ...room });
}

describe('services that answer something else', () => {
  it('are named in one line, within seconds, and nothing is stored, one trouble after the other; and then it works', () =>
    withServices(async (room) => {
      for (const trouble of TROUBLES)
        await expectTrouble(room, trouble).catch((error: unknown) => {
          throw new Error(`${trouble.title}: ${String(error)}`, { cause: error });
        });
      await expectDoctorSays(room.cli, 0, /^ok +store .*answers in/m);
      expect(await timed(room.cli, ['submit', 'job.yaml', '--wait'])).toMatchObject({ code: 0 });
    }));
});

describe('one permission is missing', () => {
  it.each([
    ['s3', 'PutObject', 'STORE_DENIED', 's3:PutObject'],
    ['s3', 'ListObjectsV2', 'STORE_DENIED', 's3:ListBucket'],
    ['dynamodb', 'GetItem', 'STATE_DENIED', 'dynamodb:GetItem'],
    ['dynamodb', 'UpdateItem', 'STATE_DENIED', 'dynamodb:UpdateItem'],
    ['sqs', 'GetQueueUrl', 'QUEUE_DENIED', 'sqs:GetQueueUrl'],
  ] as const)('%s: %s is named; nothing is stored', (service, operation, code, permission) =>
    withServices(async (room) => {
      await room.proxy.setRules([{ fault: 'denied', service, operation }]);
      expectRefusal(await timed(room.cli, ['submit', 'job.yaml']), {
        exit: 5,
        code,
        says: ['is not permitted', `hint: Ask for the permission ${permission}`],
      });
      await expectDoctorSays(room.cli, 5, new RegExp(`^fail .*\\n +→ Ask for the permission ${permission}`, 'm'));
      await room.proxy.setRules([]);
      await expectNothingStored(room);
    }),
  );
});

/** A table of the same service with other keys. */
async function tableWithOtherKeys(): Promise<string> {
  const client = rawClients.dynamodb(await sharedAwsServer('dynamodb-local'));
  const TableName = freshName('other');
  const AttributeDefinitions = [{ AttributeName: 'id', AttributeType: 'S' as const }];
  const KeySchema = [{ AttributeName: 'id', KeyType: 'HASH' as const }];
  const command = new CreateTableCommand({
    TableName,
    AttributeDefinitions,
    KeySchema,
    BillingMode: 'PAY_PER_REQUEST',
  });
  await client.send(command).finally(() => client.destroy());
  return TableName;
}

describe('settings that name the wrong thing', () => {
  it.each([
    ['bucket', { store: 's3://no-such-bucket/run' }, 'STORE_MISSING', 's3://no-such-bucket', []],
    ['table', { state: 'dynamodb://no-such-table' }, 'STATE_MISSING', 'dynamodb://no-such-table', READING],
    ['queue', { queue: 'sqs://no-such-queue' }, 'QUEUE_MISSING', 'sqs://no-such-queue', []],
  ] as const)('a %s that does not exist: how to create it', (_, change, code, place, others) =>
    withServices(async (room) => {
      settle(room, change);
      const says = [place, 'slurmctl init --aws'];
      expectRefusal(await timed(room.cli, ['plan', 'job.yaml']), { exit: 5, code, says });
      for (const args of [['submit', 'job.yaml'], ...others])
        expectRefusal(await timed(room.cli, args), { exit: 5, code, says });
      await expectDoctorSays(room.cli, 5, new RegExp(`^fail .*${place}.*\\n +→ .*slurmctl init --aws`, 'm'));
      settle(room);
      await expectNothingStored(room);
    }),
  );

  it('a table with other keys', () =>
    withServices(async (room) => {
      settle(room, { state: `dynamodb://${await tableWithOtherKeys()}` });
      for (const args of [['submit', 'job.yaml'], ['list'], ['status']])
        expectRefusal(await timed(room.cli, args), { exit: 5, code: 'STATE_WRONG_SCHEMA', says: [/^hint: .*table/m] });
      await expectDoctorSays(room.cli, 5, /^fail +state table .*has the keys id \(S, partition\), expected pk/m);
      settle(room);
      await expectNothingStored(room);
    }));

  it.each([
    ['a bucket with capitals', { store: 's3://Bad_Bucket/run' }, 'found the bucket name "Bad_Bucket"', READING],
    ['a table with a slash', { state: 'dynamodb://a/b' }, 'found a path behind the table', []],
    ['a queue with a dollar', { queue: 'sqs://q$x' }, 'found the queue name "q$x"', []],
    ['a FIFO queue', { queue: 'sqs://q.fifo' }, 'found the FIFO queue "q.fifo", expected a standard queue', []],
    ['an endpoint without scheme', { endpoint: 'localhost:9000' }, 'endpoint', []],
  ] as const)('%s is a mistake in the settings, with its place', (_, change, words, others) =>
    withServices(async (room) => {
      settle(room, change);
      for (const args of [['submit', 'job.yaml'], ...others, ['doctor']])
        expectRefusal(await timed(room.cli, args), {
          exit: 2,
          code: 'CONFIG_INVALID',
          says: [/slurmctl\.yaml:\d+:\d+: /, words],
        });
      settle(room);
      await expectNothingStored(room);
    }),
  );

  it('a password in an address is refused and not repeated', () =>
    withServices(async (room) => {
      settle(room, { store: 's3://me:hunter2@bucket/run' });
      for (const args of [['submit', 'job.yaml'], ['doctor']]) {
        const result = await timed(room.cli, args);
        expectRefusal(result, { exit: 2, code: 'CONFIG_INVALID', says: ['a user name or password'] });
        expect(result.stderr).not.toContain('hunter2');
      }
    }));
});

describe('nobody there', () => {
  it('an endpoint that refuses, for each command', () =>
    withServices(async (room) => {
      const endpoint = NOBODY_LISTENS;
      settle(room, { endpoint });
      // All at once: they only wait between their tries.
      const results = await Promise.all(COMMANDS.map((args) => timed(room.cli, args)));
      for (const [at, args] of COMMANDS.entries())
        expectRefusal(results[at] as CliResult, {
          exit: 5,
          code: args[0] === 'submit' ? 'STORE_UNAVAILABLE' : 'STATE_UNAVAILABLE',
          says: [`${endpoint}: no connection (ECONNREFUSED)`, 'hint: Check the endpoint'],
        });
      await expectDoctorSays(
        room.cli,
        5,
        /^fail +queue .*no connection \(ECONNREFUSED\)\n +→ Check the endpoint.*route to http:\/\/127[^;]*$/m,
      );
    }));
});

describe('credentials that are not there', () => {
  const NONE = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };

  it('says how to give them, and asks no service', () =>
    withServices(async (room) => {
      const cli = room.cliWith(NONE);
      for (const args of COMMANDS)
        expectRefusal(await timed(cli, args), {
          exit: 5,
          code: 'AWS_NO_CREDENTIALS',
          says: ['hint: Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
        });
      const { checks } = await cli.json<DoctorDocument>(['doctor'], [5]);
      expect(checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)).toEqual(['credentials']);
      expect((await room.proxy.ledger()).received).toBe(0);
      await expectNothingStored(room);
    }));

  it('a metadata service that never answers is not waited for', () =>
    withServices(async (room) => {
      const silent = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => silent.once('listening', resolve));
      const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const env = { ...NONE, AWS_EC2_METADATA_DISABLED: undefined, AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint };
      try {
        const cli = room.cliWith(env);
        expectRefusal(await timed(cli, ['list']), { exit: 5, code: 'AWS_NO_CREDENTIALS', says: [] });
        await expectDoctorSays(cli, 5, /^fail +credentials /m);
      } finally {
        silent.close();
      }
    }));
});

describe('doctor', () => {
  it('shows who asks, what it found and where settings come from, and keeps the verdicts for submit', () =>
    withServices(async (room) => {
      const { cli, proxy, directory } = room;
      await proxy.setRules([{ fault: 'denied', operation: 'Query' }]);
      const document = await cli.json<DoctorDocument>(['doctor'], [5]);
      const found = Object.fromEntries(document.checks.map((check) => [check.name, check]));
      expect(found['credentials']?.found).toMatch(
        /^key AKIA…CAL0 from the environment \(AWS_ACCESS_KEY_ID\), region us-east-1$/,
      );
      expect(found['state queries']).toMatchObject({ verdict: 'fail' });
      expect(found['store listing']).toMatchObject({ verdict: 'ok' });
      const from = Object.fromEntries(document.settings.map((setting) => [setting.name, setting]));
      expect(from['aws.endpoint']).toMatchObject({
        value: proxy.endpoint,
        from: expect.stringContaining('slurmctl.yaml'),
      });
      expect(from['aws.region']).toMatchObject({ value: 'us-east-1', from: expect.stringContaining('AWS_REGION') });

      const stored = join(directory, '.slurmctl/services.json');
      expect(statSync(stored).mode & 0o777).toBe(0o600);
      expect(readFileSync(stored, 'utf8')).not.toContain(AWS_TEST_ENV['AWS_SECRET_ACCESS_KEY']);
      const warned =
        /^warning: slurmctl doctor found a fault in dynamodb:\/\/.*\(state queries: .*look again with: slurmctl doctor$/m;
      await proxy.setRules([]);
      expect((await timed(cli, ['plan', 'job.yaml'])).stdout).toMatch(warned);
      const submitted = await timed(cli, ['submit', 'job.yaml', '--wait']);
      expect(submitted.stderr.match(/^warning: /gm)).toHaveLength(1);
      expect(submitted).toMatchObject({ code: 0, stderr: expect.stringMatching(warned) });

      await expectDoctorSays(cli, 0, /^ok +state queries /m);
      expect((await timed(cli, ['plan', 'job.yaml'])).stdout).not.toContain('warning');
    }));
});

describe('trouble in the middle of a job', () => {
  it.each<[string, FaultRule]>([
    ['the table cannot be queried', { fault: 'denied', service: 'dynamodb', operation: 'Query' }],
    ['the credentials end', { fault: 'expired', after: 25 }],
    [
      'the table is gone',
      { fault: 'refuse', service: 'dynamodb', code: 'ResourceNotFoundException', status: 400, after: 5 },
    ],
  ])('%s: what is stored goes on with advance after the fix', (_, rule) =>
    withServices(async (room) => {
      const { cli, proxy } = room;
      await proxy.setRules([rule]);
      const broken = await timed(cli, ['submit', 'job.yaml']);
      expect(broken.code, broken.stderr).toBe(5);
      expect(broken.stderr).toMatch(/^hint: .*slurmctl (advance|cancel) doubles-/m);
      await proxy.setRules([]);
      const { jobs } = await cli.json<ListDocument>(['list', '--all']);
      expect(jobs).toHaveLength(1);
      const job = jobs[0]?.id ?? '';
      expect(broken.stderr).toContain(job);
      await finish(cli, job);
      const results = await cli.json<ResultsDocument>(['results', job]);
      expect(results).toMatchObject({ rows: 2, succeeded: 2, failed: 0 });
    }),
  );
});

/** Advances until the job is final. */
async function finish(cli: Cli, job: string): Promise<void> {
  // The job's own finaliser may be at work at this very moment.
  const advance = ['advance', job, '--wait-lease', '1m'];
  await cli.json(advance);
  const final = await cli.json<{ state: string }>(advance);
  expect(['RUNNING', 'AGGREGATING', 'COMPLETED']).toContain(final.state);
  const watched = await cli('status', job, '--watch', '--json');
  const last = JSON.parse(watched.stdout.trim().split('\n').at(-1) ?? '{}') as StatusDocument;
  expect(last.job.state).toBe('COMPLETED');
}
