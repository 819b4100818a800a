import { describe, expect, it } from 'vitest';
import type { InitAwsDocument } from '../../../src/app/init-documents.ts';
import { runInProcess } from './run-cli.harness.ts';

const BUCKET = {
  kind: 'bucket',
  name: 's3://acme',
  server: 'AWS eu-central-1',
  verdict: 'exists',
  found: [],
  remedies: [],
  arn: 'arn:aws:s3:::acme',
} as const;
const QUEUE = {
  ...BUCKET,
  kind: 'queue',
  name: 'sqs://hints',
  verdict: 'wrong',
  found: ['no redrive policy'],
  remedies: ['aws sqs set-queue-attributes'],
} as const;
const document = (more: Partial<InitAwsDocument> = {}): InitAwsDocument => ({
  schema: 'slurmctl.init-aws/1',
  dryRun: false,
  ok: true,
  resources: [BUCKET],
  templates: null,
  ...more,
});
const TEMPLATES = {
  notes: ['"*" stands for the account'],
  policies: { coordinator: { c: 1 }, worker: { w: 1 }, reader: { r: 1 } },
  cloudFormation: { Resources: {} },
  terraform: { resource: {} },
};
const run = (argv: string[], answer: InitAwsDocument) => {
  const asked: unknown[] = [];
  const app = {
    initAws: async (request: unknown) => {
      asked.push(request);
      return answer;
    },
  };
  return runInProcess(['init', ...argv], { app }).then((result) => ({ ...result, asked }));
};

describe('init --aws', () => {
  it('prints a line for each thing, and names the next step', async () => {
    const { code, stdout, stderr, asked } = await run(['--aws'], document());
    expect({ code, asked }).toEqual({ code: 0, asked: [{ dryRun: false }] });
    expect(stdout).toBe('exists   bucket        s3://acme  AWS eu-central-1\n');
    expect(stderr).toContain('next: slurmctl doctor');
  });

  it('exits with 5 when something is wrong, with what to do', async () => {
    const { code, stdout, stderr } = await run(['--aws'], document({ ok: false, resources: [BUCKET, QUEUE] }));
    expect(code).toBe(5);
    expect(stdout.split('\n').slice(1)).toEqual([
      'wrong    queue         sqs://hints  AWS eu-central-1',
      '         no redrive policy',
      '         → aws sqs set-queue-attributes',
      '',
    ]);
    expect(stderr).toContain('follow the arrows');
  });

  it('prints policies and templates that can be taken as they are after a dry run', async () => {
    const missing = { ...BUCKET, verdict: 'missing' } as const;
    const dry = document({ dryRun: true, ok: false, resources: [missing], templates: TEMPLATES });
    const { code, stdout, stderr, asked } = await run(['--aws', '--dry-run'], dry);
    expect({ code, asked }).toEqual({ code: 0, asked: [{ dryRun: true }] });
    const titles = ['coordinator', 'worker', 'reader'].map((role) => `IAM policy of ${role}`);
    for (const title of [...titles, 'CloudFormation', 'Terraform (slurmctl.tf.json)']) expect(stdout).toContain(title);
    expect(JSON.parse(/CloudFormation\n([\s\S]*?)\n\n/.exec(stdout)?.[1] ?? '')).toEqual({ Resources: {} });
    expect(stderr).toContain('next: slurmctl init --aws');
  });

  it('prints one document with --json', async () => {
    const { stdout } = await run(['--aws', '--json'], document());
    expect(JSON.parse(stdout)).toEqual(document());
  });

  it.each([
    [['--dry-run'], '--dry-run belongs to --aws'],
    [['--aws', 'my-job'], '--aws takes no directory'],
    [['--aws', '--list'], '--aws takes no directory'],
    [['--aws', '--example', 'x'], '--aws takes no directory'],
  ])('%s is a mistake (USAGE)', async (argv, words) => {
    const { code, stderr } = await run(argv, document());
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});
