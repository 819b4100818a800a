import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCli, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { fencesOf } from '../support/markdown.ts';
import { withQuietDir } from '../support/live-processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

/** The shapes of docs/json.md as TypeScript: its declarations, its lists of words, and the codes of docs/errors.md. */
function documentedTypes(): string {
  const json = page('json.md');
  const lists = [...json.matchAll(/^## (\w+)\n\nOne of:\n\n((?:- .*\n)+)/gm)].map(([, name = '', items = '']) => {
    const list = [...items.matchAll(/^- `([^`]+)`/gm)].map(([, word]) => `'${word}'`);
    return `type ${name} = ${list.join(' | ')};`;
  });
  const codes = [...page('errors.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => `'${code}'`);
  const declarations = fencesOf(json).map(({ text }) => text);
  expect(lists.length).toBeGreaterThanOrEqual(3);
  expect(codes.length).toBeGreaterThan(20);
  return [...declarations, ...lists, `type ErrorCode = ${codes.join(' | ')};`].join('\n');
}

/** What TypeScript has against the documents: a missing field, one that is not documented, a value of another type. */
function complaints(directory: string, documents: readonly { readonly type: string; readonly json: string }[]) {
  const values = documents.map(({ type, json }, index) => `export const d${index}: ${type} = ${json};`);
  writeFiles(directory, { 'documents.ts': [documentedTypes(), ...values].join('\n') });
  const argv = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--types', ''];
  return new Promise<string>((resolve) => {
    execFile(process.execPath, [...argv, 'documents.ts'], { cwd: directory }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

/** The metadata service of a machine is none of a test's business. */
const ENVIRONMENT = { SLURMCTL_SCHEDULER: 'local', AWS_EC2_METADATA_DISABLED: 'true' };

/** Keeps its job alive until somebody ends it. */
const ENDLESS_HANDLER = `
export default (item, { signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
`;

/** A job with a failed item, one that is cancelled while it runs, and every command that can be asked about them. */
async function collect(cli: Cli): Promise<{ type: string; json: string }[]> {
  const documents: { type: string; json: string }[] = [];
  const ask = async (type: string, args: readonly string[], codes: readonly number[] = [0]): Promise<void> => {
    documents.push({ type, json: JSON.stringify(await cli.json(args, codes)) });
  };
  await ask('InitDocument', ['init', '.']);
  await ask('ExamplesDocument', ['init', '--list']);
  const nobody = 'sqs://hints?region=eu-central-1&endpoint=http://127.0.0.1:9';
  await ask('InitAwsDocument', ['init', '--aws', '--dry-run', '--queue', nobody]);
  await ask('DoctorDocument', ['doctor']);
  await ask('PlanDocument', ['plan', 'job.yaml']);
  await ask('LimitSetDocument', ['limit', 'set', 'api', '--rate', '10/s', '--tokens', '5k/min', '--daily', '1M']);
  await ask('LimitSetDocument', ['limit', 'set', 'api', '--rate', '20/s']);
  await ask('LimitListDocument', ['limit', 'list']);
  await ask('PoolSetDocument', ['pool', 'set', 'db', '--slots', '5']);
  await ask('PoolListDocument', ['pool', 'list']);
  await ask('ErrorDocument', ['pool', 'evict', 'db', '0'], [4]);
  const channels = 'channels: {me: {command: [cat]}}\nalerts: [{when: deadline, within: 1h, to: me}]\n';
  writeFiles(cli.cwd, { 'slurmctl.yaml': channels, 'items.jsonl': '{"id":1,"text":"one two"}\n{"id":2}\n' });
  await ask('AlertTestDocument', ['alert', 'test', 'me']);
  await ask('SubmitWaitDocument', ['submit', 'job.yaml', '--wait', '--set', 'on.ended=["true"]'], [3]);
  await ask('AlertListDocument', ['alert', 'list']);
  await ask('StatusDocument', ['status']);
  await ask('ListDocument', ['list']);
  await ask('LogsDocument', ['logs', '@last']);
  await ask('ResultsDocument', ['results', '@last']);
  await ask('QueryDocument', ['results', '@last', '--head']);
  await ask('ExplainDocument', ['explain', '@last']);
  await ask('ExplainDocument', ['explain', '@last/0']);
  await ask('ExplainDocument', ['explain', '@last', '--item', '#1']);
  await ask('MetricsDocument', ['metrics']);
  await ask('HealthDocument', ['health'], [0, 3]);
  await ask('DashboardDocument', ['dashboard', '@last', '--out', 'page.html']);
  await ask('ErrorGroups', ['analyze-errors', '@last']);
  await ask('EfficiencyReport', ['report', '@last']);
  await ask('AggregateDocument', ['aggregate', '@last']);
  await ask('AdvanceDocument', ['advance', '@last']);
  await ask('RetryDocument', ['retry', '@last', '--dry-run']);
  await ask('RetryWaitDocument', ['retry', '@last', '--wait'], [3]);
  writeFiles(cli.cwd, { 'endless.mjs': ENDLESS_HANDLER });
  const endless = ['--set', 'handler.module=endless.mjs', '--set', 'limits=[{name: api}, {name: slow, rate: 1/min}]'];
  await ask('SubmitDocument', ['submit', 'job.yaml', ...endless]);
  await ask('LimitDocument', ['limit', 'show', 'api']);
  await ask('ErrorDocument', ['limit', 'delete', 'api'], [2]);
  await ask('TickDocument', ['tick']);
  await ask('PauseDocument', ['pause', '@last', '--reason', 'lunch']);
  await ask('StatusDocument', ['status']);
  await ask('ResumeDocument', ['resume', '@last']);
  await ask('CancelDocument', ['cancel', '@last']);
  await ask('LimitDeleteDocument', ['limit', 'delete', 'api']);
  await ask('PoolDocument', ['pool', 'show', 'db']);
  await ask('PoolDeleteDocument', ['pool', 'delete', 'db']);
  await ask('GcDocument', ['gc', '@last', '--purge', '--dry-run']);
  await ask('ErrorDocument', ['status', 'no-such-job'], [4]);
  await ask('ErrorDocument', ['plan', 'job.yaml', '--set', 'batch.items=0', '--set', 'frob=1'], [2]);
  for (const line of (await cli('logs', '@last', '--follow', '--json')).stdout.trim().split('\n').filter(Boolean))
    documents.push({ type: 'LogLineDocument', json: line });
  for (const line of (await cli('events', '@last', '--json')).stdout.trim().split('\n'))
    documents.push({ type: 'LifecycleEventDocument', json: line });
  return documents;
}

describe('docs/json.md', () => {
  it('declares exactly what the commands print', () =>
    withQuietDir(async (directory) => {
      const documents = await collect(createCli(directory, ENVIRONMENT, compiled));
      expect(await complaints(directory, documents)).toBe('');
    }));

  it('would be found wrong', () =>
    withQuietDir(async (directory) => {
      const documents = [
        { type: 'TickDocument', json: '{"schema":"slurmctl.tick/1","jobs":[],"more":1}' },
        { type: 'TickDocument', json: '{"schema":"slurmctl.tick/1"}' },
      ];
      expect((await complaints(directory, documents)).match(/error TS/g)).toHaveLength(2);
    }));
});
