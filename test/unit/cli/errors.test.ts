import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createStdout } from '../../../src/cli/streams.ts';
import { StdoutClosed } from '../../../src/cli/io.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import { reportError } from '../../../src/cli/report-error.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { catalogue, type ErrorCode } from '../../../src/errors/catalogue.ts';
import { published, runningStatus } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const failing = (error: unknown) => ({
  status: async () => {
    throw error;
  },
});

describe('an expected failure', () => {
  it.each(Object.keys(catalogue) as ErrorCode[])('%s ends with the exit code of the catalogue', async (code) => {
    const run = await runInProcess(['status'], { app: failing(new AppError(code, { message: 'what happened' })) });
    expect(run.code).toBe(catalogue[code].exitCode);
    expect(run.stdout).toBe('');
    expect(run.stderr).toBe(`error: what happened [${code}]\nhint: ${catalogue[code].hint}\n`);
    expect(run.closed).toBe(1);
  });

  it('says nothing twice: a problem that is the message, a remedy that is the hint', () => {
    const text = (options: ConstructorParameters<typeof AppError>[1]): string =>
      reportError(new AppError('INPUT_MALFORMED', options), { style: createStyle(false), version: () => '1' }).text;
    const problem = { place: { file: 'a.csv', line: 3 }, message: 'found 1 field', hint: 'Add a comma' };
    expect(text({ message: 'a.csv:3: found 1 field', hint: 'Add a comma', problems: [problem] })).toBe(
      'error: a.csv:3: found 1 field [INPUT_MALFORMED]\nhint: Add a comma\n',
    );
    expect(text({ message: 'a.csv:3: found 1 field', hint: 'Look', problems: [problem] })).toContain(
      '    Add a comma\n',
    );
    expect(text({ message: 'a.csv has 1 problem', hint: 'Add a comma', problems: [problem] })).toBe(
      'error: a.csv has 1 problem [INPUT_MALFORMED]\n  a.csv:3: found 1 field\nhint: Add a comma\n',
    );
  });

  it('lists all problems with their places and remedies', async () => {
    const error = new AppError('CONFIG_INVALID', {
      message: 'job.yaml has 3 problems',
      problems: [
        {
          place: { file: 'job.yaml', line: 4, column: 3 },
          message: 'unknown key "itmes"',
          hint: 'Did you mean "items"?',
        },
        { place: { file: 'job.yaml', line: 9 }, message: 'memory is negative' },
        { place: { file: 'h.mjs' }, message: 'SyntaxError:\n  let = 3' },
      ],
    });
    const { code, stderr } = await runInProcess(['status'], { app: failing(error) });
    expect(code).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error: job.yaml has 3 problems [CONFIG_INVALID]
        job.yaml:4:3: unknown key "itmes"
          Did you mean "items"?
        job.yaml:9: memory is negative
        h.mjs: SyntaxError:
            let = 3
      hint: Correct the lines named above; nothing was written
      "
    `);
  });

  it('with --json is also one document', async () => {
    const error = new AppError('LEASE_HELD', { message: 'held by n1', details: { owner: 'n1:42', untilMs: 12n } });
    const { code, stdout } = await runInProcess(['status', '--json'], { app: failing(error) });
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'slurmctl.error/1',
      code: 'LEASE_HELD',
      message: 'held by n1',
      hint: catalogue.LEASE_HELD.hint,
      exitCode: 6,
      retryable: true,
      problems: [],
      details: { owner: 'n1:42', untilMs: 12 },
    });
  });

  it('cannot act on the terminal or fake a line of ours', async () => {
    const hostile = 'item "\u001b[2J\u0007\u202e" is bad\nerror: all is lost [BUG]\r\rhint: rm -rf ~';
    const { stderr } = await runInProcess(['status'], {
      app: failing(new AppError('INPUT_MALFORMED', { message: hostile })),
    });
    expect(stderr.split('\n').slice(0, 2)).toEqual([
      'error: item "\\x1b[2J\\x07\\u202e" is bad [INPUT_MALFORMED]',
      '  error: all is lost [BUG]\\r\\rhint: rm -rf ~',
    ]);
  });

  it('is the failure of the command that is told, not that of closing afterwards', async () => {
    const app = {
      ...failing(new AppError('JOB_NOT_FOUND', { message: 'no job x' })),
      close: async () => {
        throw new Error('close failed');
      },
    };
    const { code, stderr } = await runInProcess(['status'], { app });
    expect(code).toBe(4);
    expect(stderr).not.toContain('close failed');
  });
});

describe('anything else', () => {
  it('is owned up to as a bug, with stack, version and where to report, exit 1', async () => {
    const error = new TypeError('x is not a function', { cause: new Error('deeper') });
    const { code, stdout, stderr } = await runInProcess(['status', '--json'], { app: failing(error) });
    expect(code).toBe(1);
    expect(stderr).toContain('bug in slurmctl 1.2.3: TypeError: x is not a function\n  at ');
    expect(stderr).toContain('caused by Error: deeper');
    expect(stderr).toContain('open an issue');
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'slurmctl.error/1',
      code: 'BUG',
      exitCode: 1,
      details: { version: '1.2.3' },
    });
  });

  it('also when it is not an Error', async () => {
    const { code, stderr } = await runInProcess(['status'], { app: failing('boom') });
    expect(code).toBe(1);
    expect(stderr).toContain('bug in slurmctl 1.2.3: thrown: boom');
  });
});

describe('stdout', () => {
  it('that nobody reads any more ends the command quietly', async () => {
    const app = {
      results: async () => published,
      export: async function* () {
        yield 'a\n';
        yield 'b\n';
      },
    };
    const run = await runInProcess(['results', '@last', '--export', 'jsonl'], { app, closeStdoutAfter: 1 });
    expect(run).toMatchObject({ code: 0, stdout: 'a\n', stderr: '', closed: 1 });
  });

  it('that fails otherwise is STDOUT_FAILED', async () => {
    const broken = (code: string) =>
      createStdout(
        new Writable({
          write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: write`), { code })),
        }),
      );
    await expect(broken('ENOSPC').write('x')).rejects.toMatchObject({
      code: 'STDOUT_FAILED',
      message: 'stdout cannot be written: ENOSPC: write',
    });
    await expect(broken('EPIPE').write('x')).rejects.toBeInstanceOf(StdoutClosed);
  });

  it('whose device has failed has not lost its reader, however often it is written to', async () => {
    const fails = (code: string) =>
      createStdout(
        new Writable({
          write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: write`), { code })),
        }),
      );
    const full = fails('EIO');
    const again = { code: 'STDOUT_FAILED', message: 'stdout cannot be written: EIO: write' };
    await expect(full.write('x')).rejects.toMatchObject(again);
    await expect(full.write('y')).rejects.toMatchObject(again);
    const closed = fails('EPIPE');
    await expect(closed.write('x')).rejects.toBeInstanceOf(StdoutClosed);
    await expect(closed.write('y')).rejects.toBeInstanceOf(StdoutClosed);
  });
});

describe('a terminal', () => {
  it('that says it has no columns is taken for one of the usual size', () => {
    const { columns, rows } = createStdout(Object.assign(new Writable(), { isTTY: true, columns: 0, rows: 0 }));
    expect({ columns, rows }).toEqual({ columns: 80, rows: 24 });
  });
});

describe('colour', () => {
  const app = { status: async () => runningStatus };
  const tty = { columns: 80, rows: 24 };
  const ESCAPE = '\u001b[';

  it('only on a terminal', async () => {
    expect((await runInProcess(['status'], { app, tty })).stdout).toContain(ESCAPE);
    expect((await runInProcess(['status'], { app })).stdout).not.toContain(ESCAPE);
  });

  it('never with NO_COLOR, --no-color or TERM=dumb', async () => {
    for (const [argv, env] of [
      [['status'], { NO_COLOR: '1' }],
      [['status', '--no-color'], {}],
      [['--no-color', 'status'], {}],
      [['status'], { TERM: 'dumb' }],
    ] as const) {
      const run = await runInProcess(argv, { app, tty, env });
      expect(run.stdout + run.stderr).not.toContain(ESCAPE);
    }
    const failed = await runInProcess(['stauts'], { tty, env: { NO_COLOR: '1' } });
    expect(failed.stderr).not.toContain(ESCAPE);
  });

  it('an empty NO_COLOR means nothing, as the convention says', async () => {
    expect((await runInProcess(['status'], { app, tty, env: { NO_COLOR: '' } })).stdout).toContain(ESCAPE);
  });
});

describe('Ctrl-C in a command that has no better idea', () => {
  it('ends it at once with 130', async () => {
    const interrupt = new AbortController();
    const advance = () => {
      interrupt.abort();
      return new Promise<never>(() => {});
    };
    const { code, stderr } = await runInProcess(['advance', '@last', '--quiet'], { app: { advance }, interrupt });
    expect(code).toBe(130);
    expect(stderr).toContain('error: interrupted [INTERRUPTED]');
  });
});
