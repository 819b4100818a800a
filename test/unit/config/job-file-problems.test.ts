import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadJobFile } from '../../../src/config/job-file.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { errorOf, MINIMAL, problemsOf, writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('problems');
afterAll(() => temp.remove());
const dir = temp.path;

/** The problems of a right file with one more line, which is its line 3. */
const with3 = async (yaml: string): Promise<string[]> => problemsOf(dir, `${MINIMAL}${yaml}\n`);

describe('all problems at once', () => {
  it('lists them in the order of the file, each with what was found, what was expected and a remedy', async () => {
    const error = await errorOf(problemsOf(dir, 'x').then(() => loadJobFile(join(dir, 'job.yaml'))));
    expect([error.code, error.exitCode, error.message]).toEqual([
      'CONFIG_INVALID',
      2,
      `${dir}/job.yaml has 3 problems`,
    ]);
    expect(
      await problemsOf(
        dir,
        `name: [a]
input:
  file: none.csv
  files: "*.png"
batch: {items: -5, bytes: 0M}
handler:
  module: h.mjs
  conccurrency: 2000
  timeout: 30
resources: {memory: 100}
concurrency: 3
`,
      ),
    ).toEqual([
      '1:7 name: found a list, expected a name',
      '4:3 input: found `file` (line 3) and `files` (line 4), expected exactly one of input.file, input.files, input.grid, input.command',
      '5:16 batch.items: found -5, expected a whole number of at least 1',
      '5:27 batch.bytes: found "0M", expected at least 1.0 KiB',
      '8:3 handler.conccurrency: unknown key · Did you mean `concurrency`?',
      '9:12 handler.timeout: found 30, expected a duration with its unit, such as 30s, 10m, 1h30m or 2d · Add a unit: 30s, 30m',
      '10:21 resources.memory: found 100, expected a size with its unit, such as 512M, 16MiB or 2G · Add a unit: 100M, 100G',
      '11:14 concurrency: found 3, expected a group of keys: group, max · Did you mean `handler.concurrency`?',
    ]);
  });
});

describe('YAML', () => {
  it.each([
    ['', '1:1 found an empty file, expected at least input and handler'],
    ['# only a comment\n', '1:1 found an empty file'],
    ['- a\n', '1:1 found a list, expected keys such as name, input, batch'],
    ['name: a\nname: b\n', '2:1 found the key `name` twice, first on line 1'],
    ['batch: {items: 1, items: 2}\n', '1:19 found the key `items` twice, first on line 1'],
    ['name: a\n  b: c\n', 'not valid YAML'],
    ['name: [a\n', 'not valid YAML'],
    ['a: 1\n---\nb: 2\n', 'found a second YAML document'],
    ['name: *nobody\n', '1:7 found the alias *nobody, but no anchor &nobody before it'],
    ['? [a, b]\n: 1\n', '1:3 found a list as a key, expected a word'],
    [`${'['.repeat(60)}${']'.repeat(60)}`, 'nested deeper than 40 levels'],
  ])('reports %j', async (yaml, start) => {
    expect((await problemsOf(dir, yaml))[0]).toContain(start);
  });

  it('survives a file of nothing but brackets', async () => {
    expect(await problemsOf(dir, '['.repeat(200_000))).not.toEqual([]);
  });

  it('is not slowed down by aliases of aliases', async () => {
    const bomb = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
    expect(await problemsOf(dir, `a0: &a0 x\n${bomb.join('\n')}\n`)).not.toEqual([]);
  });

  it('survives an anchor that holds itself', async () => {
    expect(await problemsOf(dir, 'input: &a {grid: *a}\nhandler: &b [*b]\n')).not.toEqual([]);
  });
});

describe('values', () => {
  it.each([
    ['batch: {items: 0}', 'batch.items: found 0, expected a whole number of at least 1'],
    ['batch: {items: 2.5}', 'batch.items: found 2.5, expected a whole number from 1 to 10000000'],
    ['batch: {items: 1e9}', 'found 1e9, expected a whole number of at most 10000000'],
    ['batch: {items: .nan}', 'found .nan, expected a whole number'],
    ['batch: {items: }', 'batch.items: found nothing, expected a whole number'],
    ['batch: 5', 'batch: found 5, expected a group of keys: items, bytes'],
    ['batch: {bytes: -1M}', 'A size cannot be negative'],
    ['batch: {bytes: 3G}', 'found "3G", expected at most 1.0 GiB'],
    [
      'batch: {bytes: 1G}\nresources: {memory: 1G}',
      'batch.bytes: found 1.0 GiB a task, expected less than resources.memory (1.0 GiB)',
    ],
    ['resources: {memory: 1023K}', 'resources.memory: found "1023K", expected at least 1.0 MiB'],
    ['resources: {memory: 2 apples}', 'resources.memory: found "2 apples", expected a size with its unit'],
    ['resources: {time: 366d}', 'resources.time: found "366d", expected at most 365 d'],
    ['resources: {time: 1-12:30:00}', 'Write it as 1d12h30m'],
    ['resources: {time: -1h}', 'A duration cannot be negative'],
    ['resources: {time: 0s}', 'found "0s", expected at least 1 s'],
    ['resources: {cpus: 0}', 'resources.cpus: found 0, expected a whole number of at least 1'],
    ['resources: {gpus: 1}', 'Ask for them with slurm.extra'],
    ['checkpoint: {every: 10ms}', 'checkpoint.every: found "10ms", expected at least 1 s'],
    ['retry: {backoff: 1s}', 'two durations with .. between them'],
    ['retry: {backoff: 1..60}', 'Add a unit to each'],
    ['retry: {backoff: 60s..1s}', 'expected the shorter duration first'],
    ['retry: {items: 101}', 'expected a whole number of at most 100'],
    ['retry: {tolerate: 1%}', 'retry.tolerate: found "1%", expected a group of keys: items'],
    ['retry: {tolerate: {items: 101%}}', 'expected a number of items such as 25, or a percentage such as 1%'],
    ['retry: {tolerate: {items: {percent: 5}}}', 'Add the sign: 5%'],
    ['retry: {tolerate: {items: {counts: 5}}}', 'retry.tolerate.items.counts: unknown key · Did you mean `count`?'],
    ['slurm: {elements: 0}', 'expected auto, tasks or a whole number from 1 to 1000000'],
    ['slurm: {throttle: 0}', 'slurm.throttle: found 0, expected a whole number of at least 1'],
    ['slurm: {partition: "a b"}', 'the name of a partition, without blanks and not beginning with -'],
    ['slurm: {account: --wrap=x}', 'without blanks and not beginning with -'],
    ['name: "a\\0b"', 'found a control character'],
    ['name: " "', 'name: found " ", expected a name'],
    ['output: infre', 'output: found "infre", expected json or infer · Did you mean `infer`?'],
    ['output: {columns: infer}', 'Write it as output: infer'],
    ['output: {columns: {}}', 'found an empty group of keys, expected column names with their types'],
    ['output: {columns: {Item_ID: string}}', 'found the column `Item_ID`, which every output has already'],
    ['output: {columns: {a: int, A: int}}', 'found the columns `a` and `A`, which differ only in case'],
    ['output: {columns: {"": int}}', 'found a column without a name'],
    ['output: {columns: {3: int}}', 'found the number 3 as a column name'],
    ['output: {columns: {a: float}}', 'found "float", expected a type for the column `a` · Did you mean `double`?'],
    ['output: {columns: {a: strin}}', 'Did you mean `string`?'],
    ['limit: [{name: api}]', 'limit: unknown key · Did you mean `limits`?'],
    ['btach: {items: 3}', '3:1 btach: unknown key · Did you mean `batch`?'],
    [
      'wholly-else: 1',
      'Known here: name, input, batch, handler, resources, slurm, retry, checkpoint, logs, limits, pools, concurrency, output',
    ],
    ['__proto__: {items: 3}', '__proto__: unknown key'],
    ['batch: {constructor: 3}', 'batch.constructor: unknown key'],
  ])('%s', async (yaml, expected) => {
    const problems = await with3(yaml);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it.each([
    ['{module: h.mjs, concurrency: 0}', 'handler.concurrency: found 0, expected a whole number of at least 1'],
    ['{module: h.mjs, concurrency: 1025}', 'expected a whole number of at most 1024'],
    ['{module: h.mjs, timeout: 2h}', 'handler.timeout: found 2 h, expected at most resources.time (1 h)'],
    ['{}', 'handler: found none, expected exactly one of handler.module, handler.command'],
    ['{module: h.mjs, command: [ls]}', 'found `module` (line 2) and `command` (line 2), expected exactly one of'],
    ['{module: h.mjs, pool: {size: 4}}', 'handler.pool: unknown key · Process pools are not supported by this version'],
    ['{command: ls -l}', 'No shell splits the text; write it as [ls, -l]'],
    ['{command: []}', 'found an empty list, expected a list with the program and its arguments'],
    ['{command: [""]}', 'found "", expected the name of a program'],
    ['{command: ["./{path}"]}', 'found braces in the program'],
    ['{command: [ls, {path: }]}', 'Put it in quotes: "{path}"'],
    ['{command: [ls, "a}"]}', 'found a brace without its partner in "a}"'],
    ['{command: [ls, "a\\0"]}', 'found a NUL character'],
    ['{command: [ls, null]}', 'found nothing, expected an argument as text'],
  ])('handler: %s', async (yaml, expected) => {
    const problems = await problemsOf(dir, `input: {file: in.jsonl}\nhandler: ${yaml}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it.each([
    ['{}', 'input: found none, expected exactly one of input.file'],
    ['{file: in.jsonl, base: .}', 'input.base: found a key that only goes with input.files'],
    ['{files: ["a", "b"]}', 'Join several patterns with braces'],
    ['{files: "*", id: name}', 'found "name", but the items of input.files have the fields path and bytes'],
    ['{files: "*", format: csv}', 'input.format: found a key that only goes with input.file or input.command'],
    ['{command: [ls], format: csv}', 'found csv, expected txt or jsonl'],
    ['{grid: {}}', 'expected one or more axes'],
    ['{grid: {a: []}}', 'input.grid: a: found an empty list, expected at least one value'],
    ['{grid: {a: 5}}', 'For a single value write [5]'],
    ['{grid: {a: [.inf]}}', 'found .inf, expected a finite number'],
    ['{grid: {a: [[1]]}}', 'found a list, expected a number, text, true, false or null'],
    ['{grid: {a: {from: 5, to: 1}}}', 'found from 5 above to 1'],
    ['{grid: {a: {from: 0, to: 1, step: 0}}}', 'found a step of 0, expected more than 0'],
    ['{grid: {a: {from: 0, to: 1, step: -1}}}', 'found a step of -1, expected more than 0'],
    ['{grid: {a: {from: 0}}}', 'found a range without `to`'],
    ['{grid: {a: {from: 0, to: x}}}', 'found "x", expected a number for `to`'],
    ['{grid: {a: {from: 0, to: 9, by: 2}}}', 'unknown key `by` in a range'],
    ['{grid: {a: {from: 0, to: 2e12}}}', 'found a range of more than 1000000000000 values'],
    ['{grid: {a: {from: 1, to: 2e6}, b: {from: 1, to: 2e6}}}', 'found axes with 4.0e+12 combinations'],
    [
      '{grid: {a: {from: 1, to: 1e11}}}',
      'batch.items: found 500 for a grid of 100000000000 items, expected at most 10000000 tasks',
    ],
    ['{grid: {"7": [1]}}', 'found a name that is blank or a number'],
    ['{grid: {a: [1]}, id: b}', 'found "b", but the axes of input.grid are a'],
  ])('input: %s', async (yaml, expected) => {
    const problems = await problemsOf(dir, `input: ${yaml}\nhandler: {module: h.mjs}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });
});

describe('slurm.extra', () => {
  it.each([
    ['--array=0-3', '--array'],
    ['-a0-3', '-a (--array)'],
    ['--arr', '--array'],
    ['--job-name=x', '--job-name'],
    ['-Jx', '-J (--job-name)'],
    ['-HJx', '-J (--job-name)'],
    ['--output=x', '--output'],
    ['--dependency=singleton', '--dependency'],
    ['--parsable', '--parsable'],
    ['--signal=USR1', '--signal'],
    ['--wrap=ls', '--wrap'],
    ['--begin=now', '--begin'],
    ['--chdir=/', '--chdir'],
    ['-t5', '-t (--time)'],
    ['--mem=1G', '--mem'],
    ['--wait', '--wait'],
  ])('refuses %s', async (option, name) => {
    const [line] = await with3(`slurm: {extra: ["${option}"]}`);
    expect(line).toContain(`3:17 slurm.extra: found "${option}", but slurmctl sets ${name} itself`);
  });

  it.each(['--mem=0', '--mem=1G', '--mem-per-cpu=1G', '--mem-per-gpu=1G', '--mem-per-g=1G'])(
    'refuses %s with the key to use, because it would beat what an escalation asks for',
    async (option) => {
      expect((await with3(`slurm: {extra: ["${option}"]}`))[0]).toMatch(
        /slurmctl sets --mem.* · Use resources\.memory$/,
      );
    },
  );

  it.each(['x', '--', '"-"', '""', '5', '[]'])('refuses %s, which is no option', async (option) => {
    expect((await with3(`slurm: {extra: [${option}]}`))[0]).toContain('expected an sbatch option that begins with -');
  });

  it.each([
    '--constraint=ib',
    '-N1',
    '-C ib',
    '--gpus=1',
    '--mem-bind=local',
    '--time-min=5',
    '--exclusive',
    '-H',
    '--nice',
  ])('accepts %s', async (option) => {
    // Another problem shows that the file was read to its end.
    expect(await with3(`slurm: {extra: ["${option}"], throttle: 0}`)).toHaveLength(1);
  });
});

describe('--set', () => {
  const set = (overrides: Record<string, string>, cwd = dir): Promise<string[]> =>
    problemsOf(dir, MINIMAL, { overrides, cwd });

  it('names the flag instead of a line', async () => {
    expect(await set({ 'batch.items': '-5', 'batch.itmes': '3', 'handler.module': 'no.mjs' })).toEqual([
      '--set batch.items=-5 batch.items: found -5, expected a whole number of at least 1',
      '--set batch.itmes=3 batch.itmes: unknown key · Did you mean `items`?',
      `--set handler.module=no.mjs handler.module: cannot read ${dir}/no.mjs: there is no such file`,
    ]);
    expect((await set({ 'batch..items': '1' }))[0]).toContain('found the key "batch..items"');
    expect((await set({ 'input.files': '*.png' }))[0]).toContain(
      'found `file` (line 1) and `files` (--set input.files=*.png)',
    );
    expect((await set({ batch: '5' }))[0]).toContain('--set batch=5 batch: found 5, expected a group of keys');
  });

  it('wins over the file, reads words without quotes and lists as YAML, and starts paths at the shell', async () => {
    const overrides = {
      name: 'true',
      'batch.items': '7',
      'retry.tolerate.items': '2%',
      'input.file': 'sub/in.csv',
      'slurm.extra': '["--nice", "-N1"]',
      'output.columns.a': 'int',
    };

    await writeFiles(dir, {
      'job.yaml': `${MINIMAL}batch: {items: 3, bytes: 1M}\noutput: infer\n`,
      'shell/sub/in.csv': '',
    });
    const { spec } = await loadJobFile('../job.yaml', { overrides, cwd: join(dir, 'shell') });
    expect(spec).toMatchObject({
      name: 'true',
      batch: { items: 7, bytes: 1024 ** 2 },
      retry: { tolerate: { percent: 2 } },
      input: { path: join(dir, 'shell/sub/in.csv'), format: 'csv' },
      handler: { path: join(dir, 'h.mjs') },
      slurm: { extra: ['--nice', '-N1'] },
      output: { mode: 'columns', columns: { a: 'int' } },
    });
  });

  it('takes a pattern that looks like YAML as it is', async () => {
    await writeFiles(dir, { 'job.yaml': 'handler: {module: h.mjs}\n' });
    const { spec } = await loadJobFile(join(dir, 'job.yaml'), {
      overrides: { 'input.files': '{a,b}/**/*.png' },
      cwd: dir,
    });
    expect(spec.input).toMatchObject({ pattern: '{a,b}/**/*.png' });
  });
});
