import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { createCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from '../support/cli.ts';
import {
  AWS_TEST_ENV,
  freshBucket,
  freshQueue,
  freshTable,
  rawClients,
  sharedAwsServer,
} from '../support/aws-resources.ts';
import { withTempDir } from '../support/temp-dir.ts';

const JOB_FILE = `input: {file: n.jsonl}
batch: {items: 5}
handler: {module: ./double.mjs}
output: {columns: {doubled: int}}
`;
const ITEMS = 20;

interface Cloud {
  readonly root: string;
  readonly cli: Cli;
  readonly bucket: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A project whose slurmctl.yaml names fresh places; `in` says which of them are services. */
const withCloud = (services: readonly string[], fn: (cloud: Cloud) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => {
    const [s3, dynamodb] = await Promise.all([sharedAwsServer('fauxqs'), sharedAwsServer('dynamodb-local')]);
    const [{ bucket }, { table }, { queue }] = await Promise.all([freshBucket(), freshTable(), freshQueue()]);
    const places = { store: `s3://${bucket}/run`, state: `dynamodb://${table}`, queue: `sqs://${queue}` };
    const lines = Object.entries(places).filter(([name]) => services.includes(name));
    writeFiles(root, {
      'job.yaml': JOB_FILE,
      'n.jsonl': numberLines(ITEMS),
      'double.mjs': DOUBLING_HANDLER,
      'slurmctl.yaml': `${lines.map(([name, url]) => `${name}: ${url}\n`).join('')}scheduler: local
aws:
  region: us-east-1
  endpoints: {s3: "${s3}", sqs: "${s3}", dynamodb: "${dynamodb}"}
`,
    });
    const env = { ...AWS_TEST_ENV, SLURMCTL_SCRATCH: root, SLURMCTL_TIMING: '' };
    await fn({ root, cli: createCli(root, env, await compiledProject()), bucket, env });
  });

interface Submitted {
  readonly jobId: string;
  readonly final: { readonly job: { readonly state: string } };
}
const submit = async (cli: Cli): Promise<string> => {
  const { jobId, final } = await cli.json<Submitted>(['submit', 'job.yaml', '--wait']);
  expect(final.job.state).toBe('COMPLETED');
  return jobId;
};
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const SUM = 'select sum(doubled)::int, count(*)::int from results';

describe('a job in a bucket, a table and a queue', () => {
  it('is submitted, looked at, read, downloaded and removed', () =>
    withCloud(['store', 'state', 'queue'], async ({ root, cli, bucket }) => {
      const job = await submit(cli);
      const { path, bytes } = await cli.json<{ path: string; bytes: number }>(['results', job]);
      expect((await cli('results', job, '--path')).stdout).toBe(`${path}\n`);
      expect(path).toMatch(new RegExp(`^s3://${bucket}/run/jobs/${job}/output/[^?]*results.parquet$`));
      expect((await cli.json<{ output: string }>(['status', job])).output).toBe(path);
      expect((await cli.json<{ rows: unknown }>(['results', job, '--query', SUM])).rows).toEqual([[380, ITEMS]]);
      expect((await cli('results', job, '--export', 'jsonl')).stdout.trim().split('\n')).toHaveLength(ITEMS);
      expect((await cli.json<{ lines: unknown[] }>(['logs', job])).lines.length).toBeGreaterThan(0);

      writeFileSync(join(root, 'out.parquet'), 'older');
      expect(await cli.json(['results', job, '--download', 'out.parquet'])).toMatchObject({
        path: join(root, 'out.parquet'),
        rows: ITEMS,
      });
      expect(readFileSync(join(root, 'out.parquet'))).toHaveLength(bytes);
      // Nothing of a download or a query stays behind.
      expect(readdirSync(root).filter((name) => /part-|^slurmctl-/.test(name))).toEqual([]);

      // As long as what was stored, and something else: nothing is replaced.
      const s3 = rawClients.s3(await sharedAwsServer('fauxqs'));
      const key = path.slice(`s3://${bucket}/`.length);
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.alloc(bytes) }));
      const altered = await cli('results', job, '--download', 'out.parquet');
      expect(altered).toMatchObject({ code: 5, stderr: expect.stringContaining('RESULT_CORRUPT') as string });
      expect(readFileSync(join(root, 'out.parquet')).subarray(0, 4).toString()).toBe('PAR1');

      expect(existsSync(join(root, '.slurmctl/objects'))).toBe(false);
      await cli.json(['gc', job, '--purge']);
      const left = await s3.send(new ListObjectsV2Command({ Bucket: bucket })).finally(() => s3.destroy());
      expect(left.Contents ?? []).toEqual([]);
      expect((await cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
    }));

  it('is told by --timing what it cost, and its elements tell theirs', () =>
    withCloud(['store', 'state', 'queue'], async ({ cli }) => {
      const job = await submit(cli);
      const { stdout, stderr } = await cli('status', job, '--json', '--timing', '--quiet');
      expect(JSON.parse(stdout)).toMatchObject({ schema: 'slurmctl.status/1' });
      const timing = JSON.parse(stderr) as { wallMs: number; startUpMs: number; requests: { operation: string }[] };
      expect(timing.requests.map(({ operation }) => operation)).toContain('GetItem');
      expect(timing.startUpMs).toBeLessThanOrEqual(timing.wallMs);
      const { lines } = await cli.json<{ lines: { source: string; text: string }[] }>(['logs', job]);
      const ended = lines.filter(({ source, text }) => source === 'element' && text.includes('"element ended"'));
      expect(ended.length).toBeGreaterThan(0);
      for (const { text } of ended) {
        const { requests } = JSON.parse(text) as { requests: { service: string; requests: number }[] };
        expect(requests.map(({ service }) => service)).toEqual(expect.arrayContaining(['dynamodb', 's3']));
      }
    }));

  it('keeps its addresses when the settings lead elsewhere', () =>
    withCloud(['store', 'state', 'queue'], async ({ root, cli, env }) => {
      const job = await submit(cli);
      const before = readFileSync(join(root, 'slurmctl.yaml'), 'utf8');
      writeFileSync(join(root, 'slurmctl.yaml'), before.replace(/^store: .*\n/m, 'store: /nowhere\n'));
      const elsewhere = createCli(root, { ...env, SLURMCTL_HOME: join(root, 'other') }, await compiledProject());
      expect((await elsewhere.json<{ rows: unknown }>(['results', job, '--query', SUM])).rows).toEqual([[380, ITEMS]]);
    }));
});

describe('mixtures of services and directories', () => {
  it.each([[['store']], [['state']], [['queue', 'store']]])('%j as services', (services) =>
    withCloud(services, async ({ root, cli }) => {
      const job = await submit(cli);
      expect((await cli.json<{ rows: unknown }>(['results', job, '--query', SUM])).rows).toEqual([[380, ITEMS]]);
      const { path } = await cli.json<{ path: string }>(['results', job]);
      expect(path.startsWith('s3://')).toBe(services.includes('store'));
      await cli.json(['results', job, '--download', 'here.parquet']);
      if (!services.includes('store')) expect(sha256(join(root, 'here.parquet'))).toBe(sha256(path));
      expect(existsSync(join(root, '.slurmctl/state'))).toBe(!services.includes('state'));
    }),
  );
});

describe('results --download', () => {
  it.each([
    ['nowhere/out.parquet', /--download: .*nowhere/],
    ['.', /is a directory or a device, expected a file/],
    ['job.yaml/out', /--download: /],
  ])('to %s is wrong usage', (path, words) =>
    withTempDir(async (root) => {
      writeFiles(root, { 'job.yaml': JOB_FILE, 'n.jsonl': numberLines(3), 'double.mjs': DOUBLING_HANDLER });
      const cli = createCli(root, { SLURMCTL_SCHEDULER: 'local', SLURMCTL_SCRATCH: root }, await compiledProject());
      const job = await submit(cli);
      const { code, stderr } = await cli('results', job, '--download', path);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(words) as string });
    }),
  );
});

describe('settings that are wrong', () => {
  it.each([
    [['--store', 's3://Bucket_'], {}, /found the bucket name/],
    [['--queue', 'sqs://hints.fifo'], {}, /found the FIFO queue/],
    [['--state', 's3://bucket'], {}, /s3:\/\/ is for store/],
    [['--store', 's3://bucket'], { AWS_REGION: 'Frankfurt' }, /AWS_REGION: aws.region: found the region "Frankfurt"/],
    [['--store', 's3://me:hunter2@bucket'], {}, /user name or password/],
    [['--spool', 'true'], {}, /spool/],
  ])('%j %j end with exit code 2 and one place to look', async (flags, env, words) => {
    await withTempDir(async (root) => {
      const { code, stdout, stderr } = await createCli(
        root,
        { ...AWS_TEST_ENV, ...env },
        await compiledProject(),
      )('status', ...flags);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(words);
      expect(stderr).not.toMatch(/hunter2|\n\s+at /);
      expect(existsSync(join(root, '.slurmctl'))).toBe(false);
    });
  });
});
