import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadJobFile } from '../../../src/config/job-file.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { asOrdinaryUser, openToOthers } from './as-ordinary-user.ts';
import { errorOf, load, MINIMAL, problemsOf, writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('job-file');
openToOthers(temp.path);
afterAll(() => temp.remove());
let dir = temp.path;
let count = 0;
beforeEach(() => {
  dir = join(temp.path, `case-${(count += 1)}`);
});

describe('a job file that is right', () => {
  it('gets every default', async () => {
    const { spec, warnings, text } = await load(dir, MINIMAL);
    expect(text).toBe(MINIMAL);
    expect(warnings).toEqual([]);
    expect(spec).toEqual({
      name: 'job',
      baseDir: dir,
      input: { kind: 'file', path: join(dir, 'in.jsonl'), format: 'jsonl', compression: 'none', onBadRecord: 'stop' },
      batch: { items: 500, bytes: 16 * 1024 ** 2 },
      handler: { kind: 'module', path: join(dir, 'h.mjs'), concurrency: 1, timeoutMs: 600_000 },
      resources: { cpus: 1, memoryBytes: 2 * 1024 ** 3, timeMs: 3_600_000 },
      slurm: { elements: 'auto', extra: [] },
      retry: { items: 3, attempts: 3, backoff: { baseMs: 1_000, maxMs: 60_000 }, tolerate: { count: 0 } },
      checkpoint: { everyMs: 30_000 },
      output: { mode: 'json' },
    });
  });

  it('keeps everything that is written', async () => {
    const { spec } = await load(
      dir,
      `name: 2024
input: {file: in.jsonl, id: doc, onBadRecord: fail-item}
batch: {items: 7, bytes: 1M}
handler: {module: ./h.mjs, concurrency: 8, timeout: 30s}
resources: {cpus: 2, memory: 1.5G, time: 1h30m}
slurm: {partition: "a,b", account: 123, qos: fast, elements: tasks, throttle: 9, extra: ["--constraint=ib", "-N1"]}
retry: {items: 3, attempts: 4, backoff: 5s..10m, tolerate: {items: {count: 25, percent: 1%}}}
checkpoint: {every: 1m}
output: {columns: {score: double, label: string}}
`,
    );
    expect(spec).toMatchObject({
      name: '2024',
      input: { id: 'doc', onBadRecord: 'fail-item' },
      batch: { items: 7, bytes: 1024 ** 2 },
      handler: { concurrency: 8, timeoutMs: 30_000 },
      resources: { cpus: 2, memoryBytes: 1.5 * 1024 ** 3, timeMs: 5_400_000 },
      slurm: {
        partition: 'a,b',
        account: '123',
        qos: 'fast',
        elements: 'tasks',
        throttle: 9,
        extra: ['--constraint=ib', '-N1'],
      },
      retry: { items: 3, attempts: 4, backoff: { baseMs: 5_000, maxMs: 600_000 }, tolerate: { count: 25, percent: 1 } },
      checkpoint: { everyMs: 60_000 },
      output: { mode: 'columns', columns: { score: 'double', label: 'string' } },
    });
  });

  it.each([
    ['tolerate: {items: 1%}', { percent: 1 }],
    ['tolerate: {items: 25}', { count: 25 }],
    ['tolerate: {items: {percent: 0.5%}}', { percent: 0.5 }],
    ['tolerate:', { count: 0 }],
  ])('reads %s', async (yaml, tolerate) => {
    expect((await load(dir, `${MINIMAL}retry: {${yaml}}`)).spec.retry.tolerate).toEqual(tolerate);
  });

  it('caps a defaulted timeout by the time limit, without a word', async () => {
    expect((await load(dir, `${MINIMAL}resources: {time: 2m}`)).spec.handler.timeoutMs).toBe(120_000);
  });

  it('takes a section whose keys are all commented out as empty', async () => {
    expect((await load(dir, `${MINIMAL}slurm:\n  # partition: main\n`)).spec.slurm.elements).toBe('auto');
  });

  it('reads anchors, a BOM and CRLF', async () => {
    const { spec } = await load(dir, `\uFEFFinput: {file: &f in.jsonl, id: *f}\r\nhandler: {module: h.mjs}\r\n`);
    expect(spec.input.id).toBe('in.jsonl');
  });

  it('reads each kind of input', async () => {
    const input = async (yaml: string) => (await load(dir, `input: ${yaml}\nhandler: {module: h.mjs}`)).spec.input;
    expect(await input('{files: "a/**/*.png"}')).toMatchObject({ kind: 'files', pattern: 'a/**/*.png', baseDir: dir });
    expect(await input('{files: "*.png", base: ..}')).toMatchObject({ baseDir: temp.path });
    expect(await input('{files: "/data/run-*/a.png"}')).toMatchObject({ pattern: 'run-*/a.png', baseDir: '/data' });
    expect(await input('{files: "/*.png"}')).toMatchObject({ pattern: '*.png', baseDir: '/' });
    expect(await input('{grid: {b: [1, x, null, true], a: {from: 0, to: 1, step: 0.5}}}')).toMatchObject({
      kind: 'grid',
      axes: { b: [1, 'x', null, true], a: { from: 0, to: 1, step: 0.5 } },
    });
    const command = { kind: 'command', argv: ['sh', '-c', 'seq 1.0'], cwd: dir, format: 'txt' };
    expect(await input('{command: [sh, -c, seq 1.0]}')).toMatchObject(command);
    expect(await input('{command: [sh, -c, seq 1.0], format: jsonl}')).toMatchObject({ ...command, format: 'jsonl' });
  });

  it('keeps numbers in an argv as they are written, and makes a program with a slash absolute', async () => {
    await writeFiles(dir, { 'bin/score': '#!/bin/sh\n' });
    chmodSync(join(dir, 'bin/score'), 0o755);
    const { spec } = await load(
      dir,
      'input: {file: in.jsonl}\nhandler: {command: [bin/score, 1.0, true, "{{}}{a b}"]}',
    );
    expect(spec.handler).toMatchObject({ kind: 'command', argv: [join(dir, 'bin/score'), '1.0', 'true', '{{}}{a b}'] });
  });

  it('warns of checkpoints that come too late', async () => {
    const { warnings } = await load(dir, `${MINIMAL}resources: {time: 20s}`);
    expect(warnings.map((each) => each.message)).toEqual([
      'checkpoint.every: found 30 s, not less than resources.time (20 s): no checkpoint would be taken in time',
    ]);
  });
});

describe('a file that cannot be a job file', () => {
  it('names a file that is not there', async () => {
    const error = await errorOf(loadJobFile(join(dir, 'nothing.yaml')));
    expect([error.code, error.message]).toEqual(['CONFIG_NOT_FOUND', `${dir}/nothing.yaml: there is no such file`]);
  });

  it('refuses directories, devices, data and binary', async () => {
    await writeFiles(dir, {
      'big.yaml': `# ${'x'.repeat(5 * 1024 ** 2)}`,
      'bin.yaml': Buffer.from([1, 0, 2]),
      'latin.yaml': Buffer.from([0xe9]),
    });
    const of = async (path: string) => (await errorOf(loadJobFile(path))).message;
    expect(await of(dir)).toBe(`${dir}: found a directory, expected a YAML file`);
    expect(await of('/dev/null')).toBe('/dev/null: found a device or pipe, expected a YAML file');
    expect(await of(join(dir, 'big.yaml'))).toBe(`${dir}/big.yaml: found 5.0 MiB, expected at most 4.0 MiB of YAML`);
    expect(await of(join(dir, 'bin.yaml'))).toBe(`${dir}/bin.yaml: found binary data, expected YAML in UTF-8`);
    expect(await of(join(dir, 'latin.yaml'))).toBe(
      `${dir}/latin.yaml: found bytes that are not UTF-8, expected YAML in UTF-8`,
    );
  });

  it('names one that may not be read', async () => {
    await writeFiles(dir, { 'job.yaml': MINIMAL });
    chmodSync(join(dir, 'job.yaml'), 0);
    const error = await asOrdinaryUser(() => errorOf(loadJobFile(join(dir, 'job.yaml'))));
    expect(error.message).toMatch(/may not be read \(permission denied\)$/);
  });
});

describe('paths', () => {
  it('looks at the input', async () => {
    await writeFiles(dir, { 'd.csv/x': '', 'closed.csv': '' });
    chmodSync(join(dir, 'closed.csv'), 0);
    const of = (file: string) => problemsOf(dir, `input: {file: ${file}}\nhandler: {module: h.mjs}`);
    expect(await of('no.csv')).toEqual([`1:15 input.file: cannot read ${dir}/no.csv: there is no such file`]);
    expect(await of('d.csv')).toEqual([`1:15 input.file: found the directory ${dir}/d.csv, expected a file`]);
    expect(await of('in.jsonl/x.csv')).toEqual([
      `1:15 input.file: cannot read ${dir}/in.jsonl/x.csv: a part of the path is a file, not a directory`,
    ]);
    expect(await of('~/x.csv')).toEqual([
      `1:15 input.file: cannot read ${dir}/~/x.csv: there is no such file · Write the whole path: ~ is expanded by the shell only`,
    ]);
    expect(await of('"-"')).toEqual([
      '1:15 input.file: found "-" (standard input), expected a file: an item may be read again later · Save the records to a file, or use input.command',
    ]);
    expect((await of('s3://bucket/x.csv'))[0]).toMatch(/found a s3:\/\/ address, expected a file/);
    await load(dir, 'input: {file: closed.csv}\nhandler: {module: h.mjs}').catch(() => undefined);
    const closed = await asOrdinaryUser(() => errorOf(loadJobFile(join(dir, 'job.yaml'))));
    expect(closed.problems.map((each) => each.message)).toContain(
      `input.file: cannot read ${dir}/closed.csv: it may not be read (permission denied)`,
    );
  });

  it('looks at the directory of a pattern', async () => {
    const of = (base: string) => problemsOf(dir, `input: {files: "*", base: ${base}}\nhandler: {module: h.mjs}`);
    expect(await of('no')).toEqual([`1:27 input.base: cannot read ${dir}/no: there is no such file`]);
    expect(await of('h.mjs')).toEqual([`1:27 input.base: found the file ${dir}/h.mjs, expected a directory`]);
  });

  it.each([
    ['x.json', 'found the ending .json', 'Write one JSON value a line'],
    ['x', 'found a name without an ending', 'input.format'],
    ['x.gz', 'found a name without an ending', 'input.format'],
    ['x.csv.bz2', 'found the ending .bz2', 'gzip or zstd'],
    ['x.parquet.gz', 'found a packed Parquet file', 'Unpack it'],
  ])('refuses the input %s', async (file, found, hint) => {
    await writeFiles(dir, { [file]: '' });
    const [line] = await problemsOf(dir, `input: {file: ${file}}\nhandler: {module: h.mjs}`);
    expect(line).toContain(found);
    expect(line).toContain(hint);
  });

  it.each([
    ['x.csv.gz', '', 'csv', 'gzip'],
    ['x.TSV.ZST', '', 'tsv', 'zstd'],
    ['x.ndjson', '', 'jsonl', 'none'],
    ['x.dat.gz', ', format: txt', 'txt', 'gzip'],
    ['x.json', ', format: jsonl', 'jsonl', 'none'],
  ])('recognises %s%s', async (file, more, format, compression) => {
    await writeFiles(dir, { [file]: '' });
    const { spec } = await load(dir, `input: {file: ${file}${more}}\nhandler: {module: h.mjs}`);
    expect(spec.input).toMatchObject({ format, compression });
  });

  it('looks at the handler', async () => {
    await writeFiles(dir, { 'plain.sh': '', 'score.py': '' });
    const of = (handler: string) => problemsOf(dir, `input: {file: in.jsonl}\nhandler: ${handler}`);
    expect(await of('{module: no.mjs}')).toEqual([
      `2:19 handler.module: cannot read ${dir}/no.mjs: there is no such file`,
    ]);
    expect(await of('{module: score.py}')).toEqual([
      '2:19 handler.module: found "score.py", expected a JavaScript module (.mjs, .js, .cjs) · Use handler.command: [python3, score.py]',
    ]);
    expect(await of('{command: [slurmctl-no-such-program]}')).toEqual([
      '2:21 handler.command: found no program "slurmctl-no-such-program" on PATH · Load its module or install it; for a file beside the job file write ./slurmctl-no-such-program',
    ]);
    expect(await of('{command: [./plain.sh]}')).toEqual([
      `2:21 handler.command: cannot run ${dir}/plain.sh: it is not executable · Run: chmod +x ${dir}/plain.sh`,
    ]);
    expect(await of('{command: [./no.sh]}')).toEqual([
      `2:21 handler.command: cannot run ${dir}/no.sh: there is no such file`,
    ]);
    expect(await of('{command: [../]}')).toEqual([`2:21 handler.command: found ${temp.path}, expected a program`]);
  });

  it('looks for programs on the PATH it is given', async () => {
    await writeFiles(dir, { 'bin/score': '' });
    chmodSync(join(dir, 'bin/score'), 0o755);
    const yaml = 'input: {file: in.jsonl}\nhandler: {command: [score]}';
    expect((await load(dir, yaml, { env: { PATH: `:/nowhere:${dir}/bin` } })).spec.handler).toMatchObject({
      argv: ['score'],
    });
    expect(await problemsOf(dir, yaml, { env: {} })).toHaveLength(1);
  });
});
