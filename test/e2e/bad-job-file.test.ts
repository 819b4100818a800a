import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import {
  expectNothingWritten,
  expectRefusal,
  GOOD_JOB,
  type Refusal,
  type Room,
  withRoom,
} from '../support/refusal.ts';
import { until } from '../support/slurm-job.ts';

beforeAll(() => compiledProject());

interface Case extends Omit<Refusal, 'exit' | 'code'> {
  readonly what: string;
  readonly change: readonly (readonly [from: string, to: string])[];
}

const changed = (changes: Case['change']): string =>
  changes.reduce((text, [from, to]) => text.replace(from, to), GOOD_JOB);

const JOB_FILES: readonly Case[] = [
  {
    what: 'unknown keys, with the near miss of each',
    change: [
      ['items: 1', 'itmes: 1'],
      ['output:', 'retrry: {items: 3}\noutput:'],
    ],
    says: [
      /job\.yaml has 2 problems/,
      /job\.yaml:3:9: batch\.itmes: unknown key\n\s+Did you mean `items`\?/,
      /job\.yaml:6:1: retrry: unknown key\n\s+Did you mean `retry`\?/,
    ],
  },
  {
    what: 'negative sizes',
    change: [
      ['items: 1', 'items: -5, bytes: -1MiB'],
      ['cpus: 1', 'cpus: -1'],
      ['256M', '-256M'],
      ['5m', '-5m'],
    ],
    says: [
      /job\.yaml has 5 problems/,
      'job.yaml:3:16: batch.items: found -5, expected a whole number of at least 1',
      'job.yaml:3:27: batch.bytes: found "-1MiB"',
      'A size cannot be negative',
      'A duration cannot be negative',
    ],
  },
  {
    what: 'a zero batch',
    change: [['items: 1', 'items: 0, bytes: 0B']],
    says: [
      'job.yaml:3:16: batch.items: found 0, expected a whole number of at least 1',
      'batch.bytes: found "0B", expected at least 1.0 KiB',
    ],
  },
  {
    what: 'durations and memory without a unit',
    change: [
      ['handler.mjs', 'handler.mjs, timeout: 30'],
      ['256M', '256'],
      ['5m', '5'],
    ],
    says: [
      /handler\.timeout: found 30, expected a duration with its unit.*\n\s+Add a unit: 30s, 30m/,
      /resources\.memory: found 256, expected a size with its unit.*\n\s+Add a unit: 256M, 256G/,
      /resources\.time: found 5, .*\n\s+Add a unit: 5s, 5m/,
    ],
  },
  {
    what: 'absurd durations and memory',
    change: [
      ['handler.mjs', 'handler.mjs, timeout: 0.1ms, concurrency: 1000000000'],
      ['items: 1', 'items: 99999999999999999999'],
      ['256M', '9000000T'],
      ['5m', '99999999999999999d'],
    ],
    says: [
      'batch.items: found 99999999999999999999, expected a whole number of at most 10000000',
      'handler.timeout: found "0.1ms", expected at least 1 ms',
      'handler.concurrency: found 1000000000, expected a whole number of at most 1024',
      'resources.memory: found "9000000T", expected at most 64.0 TiB',
      'resources.time: found "99999999999999999d", expected at most 365 d',
    ],
  },
  {
    what: 'a handler that is not there',
    change: [['handler.mjs', 'handlr.mjs']],
    says: [/job\.yaml:4:19: handler\.module: cannot read \S+\/handlr\.mjs: there is no such file/],
  },
  {
    what: 'a command that is on no PATH',
    change: [['{module: ./handler.mjs}', '{command: [pyhton33, x.py]}']],
    says: [/job\.yaml:4:21: handler\.command: found no program "pyhton33" on PATH\n\s+Load its module/],
  },
];

describe('a job file that cannot be used is refused with every problem at its place', () => {
  it.each(JOB_FILES)('$what', ({ change, says }) =>
    withRoom({ 'job.yaml': changed(change) }, async (room) => {
      expectRefusal(await room.cli('submit', 'job.yaml'), { exit: 2, code: 'CONFIG_INVALID', says });
      await expectNothingWritten(room);
    }),
  );

  it('a command that is not executable, a directory, or missing', () =>
    withRoom({ 'job.yaml': changed([['{module: ./handler.mjs}', '{command: [./score]}']]) }, async (room) => {
      const score = join(room.directory, 'score');
      const refused = async (...says: Refusal['says']): Promise<void> =>
        expectRefusal(await room.cli('submit', 'job.yaml'), { exit: 2, code: 'CONFIG_INVALID', says });
      await refused(/handler\.command: cannot run \S+\/score: there is no such file/);
      mkdirSync(score);
      await refused(/handler\.command: found \S+\/score, expected a program/);
      rmSync(score, { recursive: true });
      writeFileSync(score, '#!/bin/sh\ncat\n');
      chmodSync(score, 0o644);
      await refused(/handler\.command: cannot run \S+\/score: it is not executable\n\s+Run: chmod \+x \S+\/score/);
      await expectNothingWritten(room);
    }));

  it.each<[what: string, text: string, code: Refusal['code'], says: string]>([
    ['nothing', '', 'CONFIG_INVALID', 'job.yaml:1:1: found an empty file, expected at least input and handler'],
    ['a list', '- a\n', 'CONFIG_INVALID', 'job.yaml:1:1: found a list, expected keys such as name'],
    ['broken YAML', 'name: {\n', 'CONFIG_INVALID', 'job.yaml:2:1: not valid YAML'],
    ['bytes', '\u0000\u0001', 'CONFIG_INVALID', 'job.yaml'],
  ])('a job file that holds %s', (_, text, code, says) =>
    withRoom({ 'job.yaml': text }, async (room) => {
      expectRefusal(await room.cli('submit', 'job.yaml'), { exit: 2, code, says: [says] });
      await expectNothingWritten(room);
    }),
  );

  it('no job file, or a directory', () =>
    withRoom({}, async (room) => {
      expectRefusal(await room.cli('submit', 'jbo.yaml'), {
        exit: 2,
        code: 'CONFIG_NOT_FOUND',
        says: [/\/jbo\.yaml: there is no such file/, 'slurmctl init'],
      });
      expectRefusal(await room.cli('submit', '.'), { exit: 2, code: 'CONFIG_NOT_FOUND', says: ['found a directory'] });
      await expectNothingWritten(room);
    }));
});

const HANGING = `import { writeFileSync } from 'node:fs';
writeFileSync(new URL('loading', import.meta.url), '');
setInterval(() => {}, 1000);
await new Promise(() => {});
`;

describe('a handler that cannot be loaded is refused at the place in the user’s file', () => {
  it.each<[what: string, source: string, says: string | RegExp]>([
    ['throws on import', '\nthrow new TypeError("no model");\n', /\/handler\.mjs:2:7: TypeError: no model/],
    ['is not JavaScript', 'export default () => {\n  return {a: 1;\n};\n', /\/handler\.mjs:2: SyntaxError: /],
    ['needs a package that is not there', 'import "no-such-package";\n', "Cannot find package 'no-such-package'"],
    ['exports no function', 'export default { n: 1 };\n', 'expected a function as default export'],
    ['exports nothing', 'const a = 1;\n', 'it exports nothing, expected a function as default export'],
    ['ends the process', 'process.exit(0);\n', 'ended the process while loading (exit 0)'],
    ['awaits what cannot happen', 'await new Promise(() => {});\n', 'never finishes loading'],
  ])('it %s', (_, source, says) =>
    withRoom({ 'handler.mjs': source }, async (room) => {
      expectRefusal(await room.cli('submit', 'job.yaml'), { exit: 2, code: 'HANDLER_NOT_LOADABLE', says: [says] });
      await expectNothingWritten(room);
    }),
  );

  it('it hangs: the deadline ends it, with its process', () =>
    withRoom(
      { 'handler.mjs': 'setInterval(() => {}, 1000);\nawait new Promise(() => {});\n' },
      async ({ directory }) => {
        const module = join(await compiledProject(), 'dist/backends/handler-check/check-handler.js');
        const { checkHandler } = (await import(
          module
        )) as typeof import('../../src/backends/handler-check/check-handler.ts');
        const spec = {
          kind: 'module',
          path: join(directory, 'handler.mjs'),
          concurrency: 1,
          timeoutMs: 1_000,
        } as const;
        await expect(checkHandler(spec, directory, { deadlineMs: 1_000 })).rejects.toMatchObject({
          code: 'HANDLER_NOT_LOADABLE',
          message: `${directory}/handler.mjs did not finish loading within 1 s`,
        });
      },
    ));

  it('what it sends itself while it loads is no verdict', () =>
    withRoom(
      { 'handler.mjs': 'process.send?.({ progress: 1 });\nexport default () => 1;\n' },
      async ({ directory }) => {
        const module = join(await compiledProject(), 'dist/backends/handler-check/check-handler.js');
        const { checkHandler } = (await import(
          module
        )) as typeof import('../../src/backends/handler-check/check-handler.ts');
        const path = join(directory, 'handler.mjs');
        await checkHandler({ kind: 'module', path, concurrency: 1, timeoutMs: 1_000 }, directory);
      },
    ));

  it('it hangs: Ctrl-C ends the submit', () =>
    withRoom({ 'handler.mjs': HANGING }, async (room) => {
      const submit = room.cli.start(['submit', 'job.yaml']);
      const ended = new Promise<number | null>((resolve) => submit.once('exit', resolve));
      await until(() => existsSync(join(room.directory, 'loading')) || null, 20_000);
      const askedMs = performance.now();
      submit.kill('SIGINT');
      expect(await ended).toBe(130);
      expect(performance.now() - askedMs).toBeLessThan(20_000);
      await expectNothingWritten(room);
    }));
});

describe('wrong words on the command line', () => {
  it.each<[set: string, code: Refusal['code'], says: string | RegExp]>([
    ['foo', 'USAGE', '--set: found "foo", expected key=value, such as batch.items=50'],
    ['=x', 'USAGE', '--set: found "=x", expected key=value'],
    ['batch.itmes=3', 'CONFIG_INVALID', /--set batch\.itmes=3: batch\.itmes: unknown key\n\s+Did you mean `items`\?/],
    ['batch.items=abc', 'CONFIG_INVALID', 'batch.items: found "abc", expected a whole number from 1 to 10000000'],
    ['batch=3', 'CONFIG_INVALID', 'batch: found 3, expected a group of keys: items, bytes'],
    ['handler={}', 'CONFIG_INVALID', 'expected exactly one of handler.module, handler.command'],
    ['__proto__.x=1', 'CONFIG_INVALID', '__proto__: unknown key'],
    ['input.file=none.jsonl', 'CONFIG_INVALID', /input\.file: cannot read \S+\/none\.jsonl: there is no such file/],
    ['batch.items=1\n2', 'CONFIG_INVALID', String.raw`batch.items: found "1\n2"`],
  ])('--set %j', (set, code, says) =>
    withRoom({}, async (room) => {
      expectRefusal(await room.cli('submit', 'job.yaml', '--set', set), { exit: 2, code, says: [says] });
      await expectNothingWritten(room);
    }),
  );

  it('a scheduler that does not exist, by flag and by environment', () =>
    withRoom({}, async (room) => {
      const wrong = { exit: 2, code: 'CONFIG_INVALID' } as const;
      expectRefusal(await room.cli('submit', 'job.yaml', '--scheduler', 'slrum'), {
        ...wrong,
        says: [/--scheduler: scheduler: found "slrum", expected auto or slurm or local\n\s+Did you mean `slurm`\?/],
      });
      expectRefusal(await room.cliWith({ SLURMCTL_SCHEDULER: 'pbs' })('list'), {
        ...wrong,
        says: ['SLURMCTL_SCHEDULER: scheduler: found "pbs"'],
      });
      await expectNothingWritten(room);
    }));

  it('Slurm where there are no Slurm commands', () =>
    withRoom({}, async (room) => {
      const bin = join(room.directory, 'bin');
      mkdirSync(bin);
      symlinkSync(process.execPath, join(bin, 'node'));
      const bare = room.cliWith({ PATH: bin });
      expectRefusal(await bare('submit', 'job.yaml', '--scheduler', 'slurm'), {
        exit: 5,
        code: 'BATCH_NOT_INSTALLED',
        says: ['scontrol is not on this host (looked in PATH)', 'scheduler: local'],
      });
      const chosen = await bare('plan', 'job.yaml', '--scheduler', 'auto');
      expect(chosen.stdout).toMatch(/scheduler\s+local \(no Slurm controller answers/);
      await expectNothingWritten(room);
    }));

  it.each<[args: string[], exit: number, code: Refusal['code'], says: string]>([
    [['status', 'nope-12345678'], 4, 'JOB_NOT_FOUND', 'no job "nope-12345678": there are no jobs in'],
    [['cancel', '../../etc'], 4, 'JOB_NOT_FOUND', 'no job "../../etc"'],
    [['results', '@last'], 4, 'JOB_NOT_FOUND', 'no job "@last"'],
    [['advance', 'a\nb'], 4, 'JOB_NOT_FOUND', String.raw`no job "a\nb"`],
    [['sumbit', 'job.yaml'], 2, 'USAGE', 'Did you mean submit?'],
    [['status', '--wacth'], 2, 'USAGE', "unknown option '--wacth'"],
    [['submit'], 2, 'USAGE', "missing required argument 'JOBFILE'"],
    [['gc', '--older-than', '5'], 2, 'USAGE', '--older-than: found "5", expected'],
  ])('%j', (args, exit, code, says) =>
    withRoom({}, async (room: Room) => {
      expectRefusal(await room.cli(...args), { exit, code, says: [says] });
      await expectNothingWritten(room);
    }),
  );

  it('a job that does not exist, as JSON', () =>
    withRoom({}, async ({ cli }) => {
      const { code, stdout } = await cli('status', 'nope', '--json');
      expect(code).toBe(4);
      expect(JSON.parse(stdout)).toMatchObject({ schema: 'slurmctl.error/1', code: 'JOB_NOT_FOUND', exitCode: 4 });
    }));
});
