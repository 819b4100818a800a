import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings, type Settings, type SettingsOptions } from '../../../src/config/settings.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { errorOf, lines, writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('settings-aws');
afterAll(() => temp.remove());
let root = '';
let count = 0;
beforeEach(async () => {
  root = join(temp.path, `case-${(count += 1)}`);
  await mkdir(root, { recursive: true });
});

const settings = (options: Partial<SettingsOptions> = {}): Promise<Settings> =>
  loadSettings({ flags: {}, cwd: root, ...options, env: { HOME: join(root, 'me'), ...options.env } });
const file = (text: string): Promise<unknown> => writeFiles(root, { 'slurmctl.yaml': text });
const problems = async (options: Partial<SettingsOptions> = {}): Promise<string[]> => {
  const error = await errorOf(settings(options));
  expect([error.code, error.exitCode]).toEqual(['CONFIG_INVALID', 2]);
  return lines(error.problems).map((line) => line.replaceAll(root, ''));
};
const CLOUD = 'store: s3://bucket/prefix\nstate: dynamodb://table\nqueue: sqs://hints\n';
const urls = ({ store, state, queue }: Settings): string[] => [store.value, state.value, queue.value];

describe('addresses of services', () => {
  it('are taken as they are, in any mixture with directories', async () => {
    await file('store: s3://bucket/prefix/\nqueue: /q');
    expect(urls(await settings({ flags: { state: 'DynamoDB://table' } }))).toEqual([
      's3://bucket/prefix',
      'dynamodb://table',
      'file:///q',
    ]);
  });

  it('keep where they came from', async () => {
    await file(`${CLOUD}aws: {region: eu-north-1}`);
    const { store } = await settings();
    expect(store).toEqual({ value: 's3://bucket/prefix?region=eu-north-1', from: `${root}/slurmctl.yaml:1:1` });
  });

  it('have everything in them that the group aws says', async () => {
    await file(
      `${CLOUD}aws:
  region: eu-north-1
  endpoint: https://all.example/
  endpoints: {s3: "https://s3.example:7480"}
  pathStyle: true
  checksums: when-required
  profile: cluster
  role: arn:aws:iam::123456789012:role/runs
`,
    );
    const rest = 'profile=cluster&role=arn:aws:iam::123456789012:role/runs';
    expect(urls(await settings())).toEqual([
      `s3://bucket/prefix?region=eu-north-1&endpoint=https://s3.example:7480&${rest}&path-style=true&checksums=when-required`,
      `dynamodb://table?region=eu-north-1&endpoint=https://all.example&${rest}`,
      `sqs://hints?region=eu-north-1&endpoint=https://all.example&${rest}`,
    ]);
  });

  it('leave a directory what it is, and do not look at variables for it', async () => {
    await file('aws: {region: eu-north-1}');
    const found = await settings({ env: { AWS_REGION: 'Not a region', AWS_PROFILE: '\0' } });
    expect([found.store.value, found.aws]).toEqual([`file://${root}/.slurmctl/objects`, []]);
  });
});

describe('precedence', () => {
  const layers: [from: string, region: string][] = [
    ['address', 'in-address'],
    ['AWS_REGION', 'variable'],
    ['AWS_DEFAULT_REGION', 'default-variable'],
    ['ROOT/slurmctl.yaml:3:15', 'profile'],
    ['ROOT/slurmctl.yaml:1:7', 'file'],
    ['user config ROOT/me/.config/slurmctl/config.yaml:1:7', 'user'],
  ];

  it.each(layers.map((layer, index) => [...layer, index] as const))(
    '%s wins over all after it',
    async (from, region, index) => {
      const has = (name: string): boolean => layers.findIndex(([, each]) => each === name) >= index;
      await writeFiles(root, {
        'slurmctl.yaml': `aws: {${has('file') ? 'region: file' : ''}}\nprofiles:\n  p: ${has('profile') ? '{aws:   {region: profile}}' : '{}'}\n`,
        'me/.config/slurmctl/config.yaml': 'aws: {region: user}',
      });
      const found = await settings({
        flags: { profile: 'p', state: `dynamodb://table${has('in-address') ? '?region=in-address' : ''}` },
        env: {
          AWS_REGION: has('variable') ? 'variable' : '',
          AWS_DEFAULT_REGION: has('default-variable') ? 'default-variable' : undefined,
        },
      });
      expect(found.state.value).toBe(`dynamodb://table?region=${region}`);
      expect(found.aws).toContainEqual({
        name: 'aws.region',
        value: region,
        from: from === 'address' ? 'flag --state' : from.replace('ROOT', root),
      });
    },
  );

  it.each([
    [
      'general variable beats a specific key of a file',
      { AWS_ENDPOINT_URL: 'https://env.example' },
      'https://env.example',
    ],
    [
      'specific variable beats the general one',
      { AWS_ENDPOINT_URL: 'https://env.example', AWS_ENDPOINT_URL_DYNAMODB: 'https://env-ddb.example' },
      'https://env-ddb.example',
    ],
    [
      'specific variable of another service does not count',
      { AWS_ENDPOINT_URL_SQS: 'https://x.example' },
      'https://ddb.example',
    ],
    [
      'switched-off endpoint variables do not count',
      { AWS_ENDPOINT_URL: 'https://env.example', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
      'https://ddb.example',
    ],
  ])('endpoint: a %s', async (_name, env, endpoint) => {
    await file('aws: {endpoint: https://all.example, endpoints: {dynamodb: https://ddb.example}}');
    const { state } = await settings({ flags: { state: 'dynamodb://table' }, env });
    expect(state.value).toBe(`dynamodb://table?endpoint=${endpoint}`);
  });

  it('endpoint: the general one of a profile beats a specific one of the file around it', async () => {
    await file(
      'aws: {endpoints: {s3: https://s3.example}}\nprofile: p\nprofiles: {p: {aws: {endpoint: https://p.example}}}',
    );
    expect((await settings({ flags: { store: 's3://bucket' } })).store.value).toBe(
      's3://bucket?endpoint=https://p.example',
    );
  });
});

describe('path style', () => {
  it.each([
    ['http://127.0.0.1:4566', true],
    ['http://[::1]:4566', true],
    ['http://localhost:4566', true],
    ['https://10.1.2.3', true],
    ['https://rgw.example.org', undefined],
    ['https://s3.localhost.example', undefined],
  ])('of %s is %s unless said otherwise', async (endpoint, implied) => {
    const of = async (more: string): Promise<string | null> => {
      const { store } = await settings({ flags: { store: `s3://bucket${more}` }, env: { AWS_ENDPOINT_URL: endpoint } });
      return new URL(store.value).searchParams.get('path-style');
    };
    expect(await of('')).toBe(implied === undefined ? null : 'true');
    expect(await of('?path-style=false')).toBe('false');
  });

  it('is nothing to tables and queues', async () => {
    const { state } = await settings({ flags: { state: 'dynamodb://table?endpoint=http://127.0.0.1:8000' } });
    expect(state.value).toBe('dynamodb://table?endpoint=http://127.0.0.1:8000');
  });
});

describe('what doctor lists', () => {
  it('is one line where the services agree and one for each group that does', async () => {
    await file(`${CLOUD}aws: {endpoints: {s3: "http://127.0.0.1:9000"}}`);
    const { aws } = await settings({ env: { AWS_REGION: 'eu-west-1' } });
    expect(aws).toEqual([
      { name: 'aws.region', value: 'eu-west-1', from: 'AWS_REGION' },
      { name: 'aws.endpoint (store)', value: 'http://127.0.0.1:9000', from: `${root}/slurmctl.yaml:4:19` },
      { name: 'aws.pathStyle', value: 'true', from: 'the endpoint' },
      { name: 'aws.profile', value: 'none', from: 'default' },
      { name: 'aws.role', value: 'none', from: 'default' },
      { name: 'aws.endpoint (state, queue)', value: 'none', from: 'default' },
    ]);
  });
});

describe('spool', () => {
  it.each([
    ['true', 'HOME/spool'],
    ['false', null],
    ['/fast/spool', '/fast/spool'],
  ])('%s is %s', async (word, value) => {
    const env = { SLURMCTL_SPOOL: word };
    const { spool } = await settings({ flags: { store: 's3://bucket', home: '/h' }, env });
    expect(spool).toEqual({ value: value?.replace('HOME', '/h') ?? null, from: 'SLURMCTL_SPOOL' });
  });

  it('is refused where everything is a directory', async () => {
    await file('spool: true');
    expect(await problems()).toEqual([
      '1:1 spool: found a spool, but store and state are directories already · Leave spool out, or keep store or state outside directories: store: s3://bucket/prefix',
    ]);
  });
});

describe('wrong values', () => {
  it.each([
    ['store', 's3://Bucket', /^--store store: found the bucket name "Bucket", expected 3 to 63 lower-case/],
    ['store', 's3://bucket/../x', /found the prefix/],
    ['store', 's3://bucket?regoin=x', /found the parameter "regoin" · Known are region, endpoint/],
    ['store', 's3:bucket', /found s3: without "\/\/", expected .* · Write s3:\/\/bucket\/prefix/],
    ['state', 'failed', /found "failed", a state of jobs.* · slurmctl list --status failed .* \.\/failed/],
    ['state', 'completed-with-failures', /a state of jobs/],
    ['store', 'dynamodb://table', /found a dynamodb:\/\/ address, expected .* · dynamodb:\/\/ is for state/],
    ['store', 'gs://bucket', /found a gs:\/\/ address, .* · Write s3:\/\/bucket\/prefix/],
    ['store', 'arn:aws:s3:::bucket', /found an ARN/],
    ['state', 's3://bucket', /found an s3:\/\/ address, expected .*dynamodb:\/\/table · s3:\/\/ is for store/],
    ['state', 'dynamodb://a', /found the table name "a"/],
    ['state', 'dynamodb://table?path-style=true', /found path-style, which only S3 has/],
    ['queue', 'sqs://hints.fifo', /found the FIFO queue "hints.fifo", expected a standard queue/],
    ['queue', 'https://sqs.eu-central-1.amazonaws.com/1/hints', /found a https:\/\/ address, .* · Write sqs:\/\/queue/],
    ['home', 's3://bucket', /found an s3:\/\/ address, expected the path of a directory · s3:\/\/ is for store/],
    ['spool', 's3://bucket', /found an address, expected true, false or the path/],
  ])('--%s %s', async (name, value, words) => {
    const [only, ...others] = await problems({ flags: { [name]: value } });
    expect([only, others]).toEqual([expect.stringMatching(words), []]);
  });

  it('have their line in a file and the name of their variable', async () => {
    await file(`${CLOUD}aws:
  region: EU
  endpoint: ftp://x
  endpoints: {s4: https://x}
  pathStyle: maybe
  checksums: sometimes
  profile: "a\\u0007b"
  role: admin
region: eu-west-1
`);
    expect(await problems({ env: { AWS_REGION: 'eu_west_1', AWS_ENDPOINT_URL_S3: 'rgw:7480' } })).toEqual([
      'AWS_ENDPOINT_URL_S3 aws.endpoints.s3: found the endpoint scheme "rgw:", expected http:// or https:// · Write it like https://rgw.example.org:7480',
      'AWS_REGION aws.region: found the region "eu_west_1", expected lower-case letters, digits and dashes · Write it like eu-central-1',
      '5:11 aws.region: found the region "EU", expected lower-case letters, digits and dashes · Write it like eu-central-1',
      '6:13 aws.endpoint: found the endpoint scheme "ftp:", expected http:// or https:// · Write it like https://rgw.example.org:7480',
      '7:15 aws.endpoints.s4: unknown key · Did you mean `s3`?',
      '8:14 aws.pathStyle: found "maybe", expected true or false',
      '9:14 aws.checksums: found "sometimes", expected when-supported or when-required · Use one of: when-supported, when-required',
      '10:12 aws.profile: found the profile "a\\u0007b", expected the name of a profile · See ~/.aws/config for the names',
      '11:9 aws.role: found the role "admin", expected its ARN · Write it like arn:aws:iam::123456789012:role/slurmctl',
      '12:1 region: unknown key here · Did you mean `aws.region`?',
    ]);
  });

  it.each([
    ['store', 's3://AKIAEXAMPLE:hunter2@bucket'],
    ['store', 's3://bucket?secret=hunter2'],
    ['store', 'https://me:hunter2@example.org/bucket'],
    ['store', 'file://me:hunter2@host/dir'],
    ['store', 's3://bucket/\u0007hunter2'],
    ['state', 's3://me:hunter2@bucket'],
    ['queue', 'sqs://queue?endpoint=https://me:hunter2@example.org'],
    ['home', 'https://me:hunter2@example.org'],
    ['spool', 'https://me:hunter2@example.org'],
  ])('of --%s that may hold a password are never repeated: %s', async (name, value) => {
    const error = await errorOf(settings({ flags: { store: 's3://bucket', [name]: value } }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(JSON.stringify([error.message, error.hint, error.problems, error.details])).not.toContain('hunter2');
  });

  it('of an endpoint with a password are never repeated', async () => {
    const env = { AWS_ENDPOINT_URL: 'https://me:hunter2@example.org', SLURMCTL_STORE: 's3://bucket' };
    expect(await problems({ env })).toEqual([
      "AWS_ENDPOINT_URL aws.endpoint: found a user name or password in the endpoint · Leave credentials to the SDK's usual chain",
    ]);
  });
});
