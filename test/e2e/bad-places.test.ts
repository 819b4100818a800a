import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ListDocument, StatusDocument } from '../../src/app/documents.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { createCli, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { eventually } from '../support/live-processes.ts';
import {
  expectNothingWritten,
  expectRefusal,
  filesIn,
  GOOD_FILES,
  GOOD_JOB,
  openDirectory,
  runAsOrdinaryUser,
  withRoom,
} from '../support/refusal.ts';
import { canMount, withSmallDisk } from '../support/small-disk.ts';
import { withTempDir } from '../support/temp-dir.ts';

beforeAll(() => compiledProject());

describe('a home that cannot be written', () => {
  it('read-only: the directory is named, nothing is left', () =>
    withRoom({}, async (room) => {
      openDirectory(room.directory);
      mkdirSync(join(room.directory, '.slurmctl'), { mode: 0o555 });
      expectRefusal(await runAsOrdinaryUser(room, 'submit', 'job.yaml'), {
        exit: 5,
        code: 'STATE_DENIED',
        says: [`cannot make the directory ${room.directory}/.slurmctl/state: permission denied (EACCES)`],
      });
      await expectNothingWritten(room);
    }));

  it('only its objects read-only: no job is left in the list', () =>
    withRoom({}, async (room) => {
      openDirectory(room.directory);
      const home = join(room.directory, '.slurmctl');
      mkdirSync(join(home, 'objects'), { recursive: true });
      chmodSync(join(home, 'objects'), 0o555);
      openDirectory(home);
      expectRefusal(await runAsOrdinaryUser(room, 'submit', 'job.yaml'), {
        exit: 5,
        code: 'STORE_DENIED',
        says: [`cannot make the directory ${home}/objects/jobs: permission denied (EACCES)`],
      });
      expect((await room.cli.json<ListDocument>(['list', '--all'])).jobs).toEqual([]);
    }));

  it('closed state: list and status say so instead of showing nothing', () =>
    withRoom({}, async (room) => {
      openDirectory(room.directory);
      mkdirSync(join(room.directory, '.slurmctl/state'), { recursive: true });
      chmodSync(join(room.directory, '.slurmctl'), 0o755);
      chmodSync(join(room.directory, '.slurmctl/state'), 0);
      for (const command of ['list', 'status'])
        expectRefusal(await runAsOrdinaryUser(room, command), {
          exit: 5,
          code: 'STATE_DENIED',
          says: ['permission denied (EACCES)'],
        });
    }));

  it('a file in its place', () =>
    withRoom({ '.slurmctl/state': 'a file' }, async ({ directory, cli }) => {
      for (const args of [['submit', 'job.yaml'], ['list']])
        expectRefusal(await cli(...args), {
          exit: 2,
          code: 'CONFIG_INVALID',
          says: [`state (default): found the file ${directory}/.slurmctl/state, expected a directory`],
        });
    }));

  it('a scratch directory that does not exist is refused before the local scheduler gets anything', () =>
    withRoom({}, async (room) => {
      expectRefusal(await room.cliWith({ SLURMCTL_SCRATCH: '/no/such' })('submit', 'job.yaml'), {
        exit: 5,
        code: 'SCRATCH_UNFIT',
        says: ['scratch directory /no/such (from SLURMCTL_SCRATCH) does not exist'],
      });
      await expectNothingWritten(room);
    }));
});

const TEXT = 'x'.repeat(200);
const BIG_INPUT = Array.from({ length: 10_000 }, (_, n) => `{"n":${n},"text":"${TEXT}"}\n`).join('');
const BIG_OUTPUT = `export default ({ n }) => ({ doubled: Array.from({ length: 60000 }, () => Math.random()).join() });\n`;
const BIG_JOB = GOOD_JOB.replace('doubled: int', 'doubled: string')
  .replace('items: 1', 'items: 3')
  .replace('output:', 'retry: {attempts: 2, backoff: 10ms..20ms}\noutput:');
const NINE = Array.from({ length: 9 }, (_, n) => `{"n":${n}}\n`).join('');

interface Counted {
  readonly rows: readonly (readonly [status: string, cause: string | null, count: number])[];
}
const COUNTS = `select r.status, e.cause, count(*)::int from results r left join errors e using (item_index) group by all order by all`;

describe.runIf(canMount)('a disk that is full', () => {
  it.each<[what: string, size: { megabytes: number; inodes?: number }]>([
    ['space', { megabytes: 1 }],
    ['inodes', { megabytes: 20, inodes: 45 }],
  ])('at submit (%s): nothing of the job is kept, and it can be submitted elsewhere', (_, size) =>
    withRoom({ 'in.jsonl': BIG_INPUT }, ({ directory, cli }) =>
      withSmallDisk(directory, size, async ({ path }) => {
        const refused = await cli(
          'submit',
          'job.yaml',
          '--quiet',
          '--home',
          join(path, 'home'),
          '--set',
          'batch.items=1000',
        );
        expect(refused.stderr).toMatch(/^error: cannot (write|open|make the directory) \S+: no space or inodes left/);
        expectRefusal(refused, {
          exit: 5,
          code: refused.stderr.includes('STATE_FULL') ? 'STATE_FULL' : 'STORE_FULL',
          says: ['then submit again; nothing of this job was kept'],
        });
        expect((await cli.json<ListDocument>(['list', '--all', '--home', join(path, 'home')])).jobs).toEqual([]);
        expect(filesIn(join(path, 'home/objects'))).toEqual([]);
      }),
    ),
  );

  it('in the middle: what was finished is kept on the node, and is in the output once there is room', () =>
    withRoom({ 'job.yaml': BIG_JOB, 'handler.mjs': BIG_OUTPUT, 'in.jsonl': NINE }, ({ directory, cli }) =>
      withSmallDisk(directory, { megabytes: 10 }, async ({ path, grow }) => {
        const home = ['--home', join(path, 'home')];
        const ended = await cli('submit', 'job.yaml', '--wait', ...home);
        expect(ended.code, ended.stderr).not.toBe(0);
        grow(200);
        const status = await endedStatus(cli, home, ended.code);
        expect(status.job.state).toBe('COMPLETED');
        const { rows } = await cli.json<Counted>(['results', '@last', ...home, '--query', COUNTS]);
        expect(rows).toEqual([['succeeded', null, 9]]);
      }),
    ));

  it('in the middle, with no other disk to keep anything on: every item is accounted for, and the cause is named', () =>
    withRoom({ 'job.yaml': BIG_JOB, 'handler.mjs': BIG_OUTPUT, 'in.jsonl': NINE }, ({ directory, cliWith }) =>
      withSmallDisk(directory, { megabytes: 10 }, async ({ path, grow }) => {
        const cli = cliWith({ SLURMCTL_SCRATCH: path });
        const home = ['--home', join(path, 'home')];
        const ended = await cli('submit', 'job.yaml', '--wait', ...home);
        grow(200);
        const status = await endedStatus(cli, home, ended.code);
        expect(status.job.state).toBe('FAILED');
        const { rows } = await cli.json<Counted>(['results', '@last', ...home, '--query', COUNTS]);
        expect(rows.reduce((sum, row) => sum + row[2], 0)).toBe(9);
        expect(rows.find((row) => row[0] === 'failed')?.[1]).toBe('disk-full');
        expect(status.causes[0]?.example).toMatch(/(STORE|STATE|SCRATCH)_FULL/);
      }),
    ));

  it('the scratch disk is smaller than the output of a task: the items say so', () =>
    withRoom({ 'job.yaml': BIG_JOB, 'handler.mjs': BIG_OUTPUT, 'in.jsonl': NINE }, ({ directory, cliWith }) =>
      withSmallDisk(directory, { megabytes: 2 }, async ({ path, grow }) => {
        const cli = cliWith({ SLURMCTL_SCRATCH: path });
        const ended = await cli('submit', 'job.yaml', '--wait');
        grow(200);
        const status = await endedStatus(cli, [], ended.code);
        expect(status.job.state).toBe('FAILED');
        const { rows } = await cli.json<Counted>(['results', '@last', '--query', COUNTS]);
        expect(rows.reduce((sum, row) => sum + row[2], 0)).toBe(9);
        expect(rows.find((row) => row[0] === 'failed')?.[1]).toBe('disk-full');
        expect(status.causes[0]?.example).toContain('SCRATCH_FULL');
        expect(readdirSync(path)).toEqual([]);
      }),
    ));
});

/** Where even the last steps found no room, `advance` takes them once there is some. */
async function endedStatus(
  cli: ReturnType<typeof createCli>,
  home: readonly string[],
  code: number | null,
): Promise<StatusDocument> {
  expect([3, 5]).toContain(code);
  return eventually('the job has ended', async () => {
    if (code === 5) expect((await cli('advance', '@last', '--wait-lease', '60s', ...home)).code).toBe(0);
    const status = await cli.json<StatusDocument>(['status', '@last', ...home]);
    return isFinalJobState(status.job.state) ? status : null;
  });
}

describe('names that are hard to quote', () => {
  const ODD = `it's a "tëst" [1] {a,b} *? $HOME 日本`;

  it('a home and a job file below them', () =>
    withTempDir(async (directory) => {
      const inside = writeFiles(join(directory, ODD), GOOD_FILES);
      const cli = createCli(inside, { SLURMCTL_SCHEDULER: 'local' }, await compiledProject());
      const ended = await cli('submit', 'job.yaml', '--wait');
      expect(ended.code, ended.stderr).toBe(0);
      const { rows } = await cli.json<{ rows: unknown[] }>([
        'results',
        '@last',
        '--query',
        'select sum(doubled)::int from results',
      ]);
      expect(rows).toEqual([[6]]);
      expect((await cli('results', '@last', '--export', 'csv')).stdout.split('\n')).toHaveLength(4);
      const far = createCli(directory, { SLURMCTL_SCHEDULER: 'local' }, await compiledProject());
      expect((await far('status', '@last', '--home', join(inside, '.slurmctl'))).stdout).toContain('COMPLETED');
    }));

  it('input files: the names come out as they went in', () =>
    withRoom(
      {
        'job.yaml': GOOD_JOB.replace('{file: in.jsonl, id: n}', '{files: "data/**", id: path}').replace(
          'doubled: int',
          'name: string, size: int',
        ),
        'handler.mjs': `import { readFileSync } from 'node:fs';
export default ({ path }) => ({ name: path.split('/data/')[1], size: readFileSync(path).length });\n`,
      },
      async ({ directory, cli }) => {
        const names = [
          'a\nb.txt',
          `it's "q".txt`,
          'naïve 日本 🎉.txt',
          'comma, tab\t;.csv',
          '-dash',
          '[x]*?{y}',
        ].toSorted();
        mkdirSync(join(directory, 'data'));
        for (const [n, name] of names.entries()) writeFileSync(join(directory, 'data', name), 'x'.repeat(n + 1));
        const ended = await cli('submit', 'job.yaml', '--wait');
        expect(ended.code, ended.stderr).toBe(0);
        const sql = 'select item_id, name, size from results';
        const { rows } = await cli.json<{ rows: [string, string, number][] }>(['results', '@last', '--query', sql]);
        const wanted = names.map((name, n) => [join(directory, 'data', name), name, n + 1]);
        const byName = (a: unknown[], b: unknown[]): number => (String(a[1]) < String(b[1]) ? -1 : 1);
        expect(rows.toSorted(byName)).toEqual(wanted.toSorted(byName));
        const lines = (await cli('results', '@last', '--export', 'jsonl')).stdout.trim().split('\n');
        expect(lines.map((line) => (JSON.parse(line) as { name: string }).name).toSorted()).toEqual(names);
        const csv = (await cli('results', '@last', '--export', 'csv')).stdout;
        expect(csv).toContain('"a\nb.txt"');
        expect(csv).toContain(`"it's ""q"".txt"`);
        const table = (await cli('results', '@last', '--head', '20')).stdout;
        expect(table.trimEnd().split('\n')).toHaveLength(names.length + 1);
      },
    ));

  it('a job file under such a name, and the problem that is in it', () =>
    withRoom({ 'job.yaml': 'name: [\n' }, async ({ directory, cli }) => {
      const name = 'job "1"\n.yaml';
      renameSync(join(directory, 'job.yaml'), join(directory, name));
      const refused = await cli('submit', name);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(String.raw`job "1"\n.yaml:`);
    }));
});
