import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ResultsDocument, RetryDocument, StatusDocument } from '../../src/app/documents.ts';
import type { QueryDocument, RetryWaitDocument, SubmitWaitDocument } from '../../src/cli/documents.ts';
import { createCli, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { momentAfter, withQuietDir } from '../support/live-processes.ts';

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

/** Notes each call. Items named after what is to befall them fail in that way until the file `fixed` exists. */
const HANDLER = `
import { appendFileSync, existsSync } from 'node:fs';
export default async ({ id }, { signal }) => {
  appendFileSync('calls', id + '\\n');
  const fixed = existsSync('fixed');
  if (existsSync('endless') && !fixed)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  if (id.startsWith('throws') && !fixed) throw new RangeError('no licence for ' + id);
  if (id.startsWith('hangs') && !fixed) await new Promise(() => undefined);
  if (id.startsWith('lies') && !fixed) return { id: 5 };
  return { id, fixed };
};
`;

const KINDS = ['fine', 'throws', 'fine', 'hangs', 'fine', 'lies'];
/** 24 items in four tasks; each task has one item of each kind of failure. */
const IDS = Array.from({ length: 24 }, (_, n) => `${KINDS[n % KINDS.length]}-${n}`);
const named = (kind: string): string[] => IDS.filter((id) => id.startsWith(kind));

const JOB_FILE = `
name: again
input: { file: in.jsonl, id: id }
batch: { items: 6 }
handler: { module: handler.mjs, timeout: 300ms, concurrency: 6 }
resources: { cpus: 1, memory: 256M, time: 10m }
retry: { items: 1, attempts: 1 }
output: { columns: { id: string, fixed: bool } }
`;

interface Site {
  readonly cli: Cli;
  /** Ids of the items that the handler was called with since the last look, in order. */
  readonly calls: () => string[];
  readonly fix: () => void;
  readonly touch: (name: string) => void;
}

const withSite = (use: (site: Site) => Promise<void>): Promise<void> =>
  withQuietDir(async (directory) => {
    const cli = createCli(directory, { SLURMCTL_SCHEDULER: 'local' }, compiled);
    writeFiles(directory, {
      'handler.mjs': HANDLER,
      'job.yaml': JOB_FILE,
      'in.jsonl': IDS.map((id) => `${JSON.stringify({ id })}\n`).join(''),
    });
    const path = join(directory, 'calls');
    const touch = (name: string): void => writeFileSync(join(directory, name), '');
    await use({
      cli,
      touch,
      fix: () => touch('fixed'),
      calls() {
        const calls = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
        rmSync(path, { force: true });
        return calls.toSorted();
      },
    });
  });

async function rowsOf(cli: Cli, job: string): Promise<Map<string, string>> {
  const sql = `select item_id, status, coalesce(cast(fixed as varchar), error_class) from results order by item_index`;
  const { rows } = await cli.json<QueryDocument>(['results', job, '--query', sql]);
  return new Map(rows.map(([id, status, how]) => [String(id), `${String(status)} ${String(how)}`]));
}

const rowFor = (id: string, fixed: readonly string[], failing: Readonly<Record<string, string>>): string => {
  const how = failing[id.replace(/-\d+$/, '')];
  if (fixed.includes(id)) return 'succeeded true';
  return how === undefined ? 'succeeded false' : `failed ${how}`;
};
const FAILING = { throws: 'RangeError', hangs: 'timeout-item', lies: 'bad-output' };
const expectRows = async (cli: Cli, job: string, fixed: readonly string[]): Promise<void> => {
  const expected = IDS.map((id) => [id, rowFor(id, fixed, FAILING)]);
  expect([...(await rowsOf(cli, job))]).toEqual(expected);
};

describe('retry on the local scheduler', () => {
  it('runs exactly what it is told to, again and again, and keeps the output until there is a new one', () =>
    withSite(async ({ cli, calls, fix }) => {
      const { jobId: job } = await cli.json<SubmitWaitDocument>(['submit', 'job.yaml', '--wait'], [3]);
      calls();
      const plan = await cli.json<RetryDocument>(['retry', job, '--cause', 'timeout', '--dry-run', '--memory', '300M']);
      expect(plan).toMatchObject({
        dryRun: true,
        state: 'FAILED',
        generation: 1,
        items: 4,
        tasks: 4,
        causes: [{ cause: 'timeout-item', items: 4, tasks: 4 }],
        memoryBytes: 300 * 1024 ** 2,
      });
      expect(calls()).toEqual([]);
      fix();
      const first = await cli.json<ResultsDocument>(['results', job]);
      const sent = await cli.json<RetryDocument>(['retry', job, '--cause', 'timeout', '--memory', '300M']);
      expect(sent).toMatchObject({ state: 'RUNNING', generation: 1, items: 4, output: first.path });
      // Whatever the retry has come to: there is an output to read.
      expect((await cli.json<ResultsDocument>(['results', job])).rows).toBe(24);
      await cli('status', job, '--watch');
      expect(calls()).toEqual(named('hangs').toSorted());
      await expectRows(cli, job, named('hangs'));
      expect(existsSync(first.path)).toBe(true);
      expect(await cli.json<StatusDocument>(['status', job])).toMatchObject({
        job: { state: 'FAILED', generation: 1 },
        outputGeneration: 1,
        items: { succeeded: 16, failed: 8 },
      });

      const ended = await cli.json<RetryWaitDocument>(['retry', job, '--wait']);
      expect(ended.final).toMatchObject({ job: { state: 'COMPLETED', generation: 2 }, outputGeneration: 2 });
      expect(calls()).toEqual([...named('lies'), ...named('throws')].toSorted());
      await expectRows(
        cli,
        job,
        IDS.filter((id) => !id.startsWith('fine')),
      );

      const nothing = await cli('retry', job);
      expect([nothing.code, nothing.stdout]).toEqual([
        0,
        `${job} has nothing to run again: no ended task has such items\n`,
      ]);
      writeFiles(cli.cwd, { 'ids.txt': 'fine-0\nfine-99\n' });
      const unknown = await cli('retry', job, '--items', 'ids.txt');
      expect(unknown.code).toBe(2);
      expect(unknown.stderr).toContain('ids.txt:2: no item "fine-99" in the job');
      expect((await cli.json<StatusDocument>(['status', job])).job.generation).toBe(2);
      writeFiles(cli.cwd, { 'ids.txt': 'fine-0\nlies-23\n' });
      await cli.json<RetryWaitDocument>(['retry', job, '--items', 'ids.txt', '--wait']);
      expect(calls()).toEqual(['fine-0', 'lies-23']);
    }));

  it('finishes a cancelled job, also after it was killed over it', () =>
    withSite(async ({ cli, calls, fix, touch }) => {
      touch('endless');
      const submitted = await cli('submit', 'job.yaml', '--set', 'handler.timeout=5m');
      const job = submitted.stdout.trim();
      expect((await cli('cancel', job)).code).toBe(0);
      calls();
      fix();
      for (const killMs of [400, 700]) {
        const retry = cli.start(['retry', job]);
        const ended = once(retry, 'exit');
        await momentAfter(killMs);
        retry.kill('SIGKILL');
        await ended;
      }
      // Each of them may have come as far as to be a retry, or not.
      const last = await cli('retry', job, '--wait');
      expect(last.code, last.stderr).toBe(0);
      expect((await cli.json<StatusDocument>(['status', job])).job.state).toBe('COMPLETED');
      expect([...(await rowsOf(cli, job)).values()]).toEqual(IDS.map(() => 'succeeded true'));
      expect(calls()).toEqual(IDS.toSorted());
    }));
});
