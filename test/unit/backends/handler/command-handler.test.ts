import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillArgument, parseArgument } from '../../../../src/backends/handler/argv-template.ts';
import { createHandlerHost } from '../../../../src/backends/handler/index.ts';
import type { HandlerContext, HandlerResult, LoadedHandler } from '../../../../src/ports/handler-host.ts';
import { createListLog } from '../../../support/worker-job.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

let dir: { readonly path: string; readonly remove: () => void };
beforeEach(() => {
  dir = makeTempDir('command');
});
afterEach(() => dir.remove());

const context = (more: Partial<HandlerContext> = {}): HandlerContext => ({
  signal: new AbortController().signal,
  log: createListLog(),
  attempt: 2,
  job: { id: 'j-1', name: 'job' },
  task: { id: '000007' },
  item: { id: 'a b', index: 5 },
  scratch: '/scratch/x',
  limit: () => Promise.reject(new Error('no limits')),
  settle: () => undefined,
  tooManyRequests: () => false,
  slots: {},
  pool: () => Promise.reject(new Error('no pools')),
  ...more,
});
const load = (argv: readonly string[]): Promise<LoadedHandler> =>
  createHandlerHost().load({ kind: 'command', argv, concurrency: 1, timeoutMs: 1 }, dir.path);
/** Runs a small Node program as the command. */
const node = async (
  code: string,
  options: { args?: string[]; payload?: unknown; json?: string; context?: Partial<HandlerContext> } = {},
): Promise<HandlerResult> => {
  const handler = await load([
    process.execPath,
    '-e',
    code.replaceAll('{', '{{').replaceAll('}', '}}'),
    ...(options.args ?? []),
  ]);
  return handler.run(options.payload ?? null, context(options.context), options.json);
};
const ECHO = 'process.stdin.pipe(process.stdout)';
const ARGS = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';

describe('command handlers', () => {
  it('JSON on stdin, JSON on stdout, byte for byte', async () => {
    const json = '{"id":12345678901234567890,"t":"é\\n\\"x"}';
    expect(await node(ECHO, { json })).toEqual({ ok: true, output: { id: 12345678901234567890n, t: 'é\n"x' } });
    expect(await node(ECHO, { payload: { a: 1 } })).toEqual({ ok: true, output: { a: 1 } });
  });

  it('stderr goes to the log of the item line by line, while the program runs', async () => {
    const said = createListLog();
    const log = { ...said };
    const first = new Promise<void>((resolve) => {
      log.info = (...args) => {
        said.info(...args);
        resolve();
      };
    });
    const file = JSON.stringify(join(dir.path, 'go'));
    const running = node(
      `console.error('one\\ntwo'); const go = setInterval(() => { if (require('fs').existsSync(${file})) { clearInterval(go); process.stderr.write('three'); } }, 5)`,
      { context: { log } },
    );
    await first;
    expect(log.lines[0]).toEqual({ level: 'info', message: 'one', fields: { stream: 'stderr' } });
    writeFileSync(join(dir.path, 'go'), '');
    expect(await running).toEqual({ ok: true, output: null });
    expect(log.lines.map(({ message }) => message)).toEqual(['one', 'two', 'three']);
  });

  it('stdout of a program that failed goes there too: it is no result', async () => {
    const log = createListLog();
    await node('console.log("half a "); console.log("result"); process.exitCode = 3', { context: { log } });
    expect(log.lines).toEqual([
      { level: 'info', message: 'half a ', fields: { stream: 'stdout' } },
      { level: 'info', message: 'result', fields: { stream: 'stdout' } },
    ]);
  });

  it('fills arguments from the payload without a shell', async () => {
    const json =
      '{"path":"a b; rm -rf $(x) \'\\"`\\n","n":12345678901234567890,"deep":{"x":[1,2]},"flag":true,"dotted.name":"d"}';
    expect(await node(ARGS, { args: ['{path}', 'n={n}', '{deep.x}/{flag}', '{{{dotted.name}}}', ''], json })).toEqual({
      ok: true,
      output: ['a b; rm -rf $(x) \'"`\n', 'n=12345678901234567890', '[1,2]/true', '{d}', ''],
    });
    expect(await node(ARGS, { args: ['{value}'], json: '"a line"' })).toEqual({ ok: true, output: ['a line'] });
  });

  it.each([
    [{}, 'the command needs the field {path}, which is not in the item'],
    [{ path: null }, 'the command needs the field {path}, which is null'],
    [{ path: 'a\0b' }, 'a field used in the command has a NUL character'],
    ['text', 'not in the item'],
  ])('a payload %o without the field is bad input', async (payload, message) => {
    expect(await node(ARGS, { args: ['{path}'], payload })).toMatchObject({
      ok: false,
      cause: 'bad-input',
      errorClass: 'bad-input',
      errorMessage: expect.stringContaining(message) as string,
    });
  });

  it("has its item in the environment and the job file's directory as working directory", async () => {
    const code =
      'const e = process.env; process.stdout.write(JSON.stringify([process.cwd(), e.SLURMCTL_JOB_ID, e.SLURMCTL_TASK_ID, e.SLURMCTL_ITEM_ID, e.SLURMCTL_ITEM_INDEX, e.SLURMCTL_ATTEMPT, e.SLURMCTL_SCRATCH]))';
    expect(await node(code)).toEqual({ ok: true, output: [dir.path, 'j-1', '000007', 'a b', '5', '2', '/scratch/x'] });
  });

  it.each<[string, Partial<HandlerResult> & object]>([
    ['process.stdout.write("  \\n")', { ok: true, output: null }],
    [
      'process.stdout.write("not json\\n")',
      { ok: false, cause: 'bad-output', errorMessage: 'stdout is not one JSON value: found "not json"' },
    ],
    ['process.stdout.write("[NaN, -Infinity]")', { ok: true, output: [Number.NaN, -Infinity] }],
    ['process.stdout.write("{}{}")', { ok: false, cause: 'bad-output' }],
    [
      'process.stdout.write(Buffer.from([0xff, 0xfe]))',
      { ok: false, cause: 'bad-output', errorMessage: 'stdout is not UTF-8, expected JSON' },
    ],
    [
      'console.error("first\\nlast line"); process.exit(3)',
      {
        ok: false,
        cause: 'handler-error',
        errorClass: 'ExitError',
        errorMessage: 'exit 3: last line',
        exitCode: 3,
        detail: 'first\nlast line\n',
      },
    ],
    ['process.exit(1)', { ok: false, errorMessage: 'exit 1' }],
    [
      'process.kill(process.pid, "SIGSEGV")',
      {
        ok: false,
        cause: 'killed',
        errorClass: 'SignalError',
        errorMessage: 'killed by SIGSEGV',
        signal: 'SIGSEGV',
      },
    ],
    [
      'process.kill(process.pid, "SIGKILL")',
      { ok: false, cause: 'killed', errorMessage: 'killed by SIGKILL (out of memory?)' },
    ],
    ['process.exit(137)', { ok: false, cause: 'killed', errorMessage: 'exit 137', exitCode: 137 }],
    [
      'console.error("FATAL ERROR: JavaScript heap out of memory\\n----- Native stack trace -----"); process.abort()',
      { ok: false, cause: 'oom', signal: 'SIGABRT' },
    ],
    [
      'console.error("Traceback\\nOSError: [Errno 28] No space left on device"); process.exit(1)',
      { ok: false, cause: 'disk-full', errorMessage: 'exit 1: OSError: [Errno 28] No space left on device' },
    ],
    ['console.error("HTTP 429"); process.exit(75)', { ok: false, cause: 'rate-limited', exitCode: 75 }],
  ])('%s', async (code, expected) => expect(await node(code)).toMatchObject(expected));

  it('a program that does not read its large input is fine', async () => {
    expect(
      await node('process.stdin.destroy(); process.stdout.write("1")', { payload: 'x'.repeat(2_000_000) }),
    ).toEqual({ ok: true, output: 1 });
  });

  it('keeps the end of a long stderr', async () => {
    const result = await node('process.stderr.write("x".repeat(1e6) + "the end"); process.exitCode = 1');
    expect(result.ok ? '' : result.detail).toMatch(/^…x+the end$/);
    expect(result.ok ? 0 : result.detail?.length).toBeLessThan(17_000);
    expect(result.ok ? 0 : result.errorMessage.length).toBeLessThanOrEqual(2_000);
  });

  it('shows no end of a secret whose beginning is cut off', async () => {
    const secret = 'Zq9'.repeat(1_000);
    const long = `'password=${secret}\\n' + 'fine\\n'.repeat(3_000)`;
    const log = createListLog();
    const code = `process.stderr.write(${long}); process.stdout.write('password=${secret} ' + 'fine '.repeat(400)); process.exitCode = 3;`;
    const result = await node(code, { context: { log } });
    expect(result.ok ? '' : result.detail).toMatch(/^…fine\n/);
    const printed = log.lines.filter(({ fields }) => fields?.['stream'] === 'stdout');
    expect(printed.map(({ message }) => message).join('')).toContain('fine fine');
    for (const { message } of printed) expect(message).not.toContain('Zq9');
  });

  it('a large output survives', async () => {
    const result = await node('process.stdout.write(JSON.stringify("é".repeat(1e6)))');
    expect(result.ok && result.output === 'é'.repeat(1e6)).toBe(true);
  });

  it('an aborted signal ends the whole process group', async () => {
    const abort = new AbortController();
    const pidFile = join(dir.path, 'grandchild');
    const code = `
      const child = require("child_process").spawn(process.execPath, ["-e", "process.on('SIGTERM',()=>{});setInterval(()=>{},1e6)"]);
      require("fs").writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
      process.stderr.write("ready\\n"); setInterval(() => {}, 1e6);`;
    const running = node(code, { context: { signal: abort.signal } });
    await expect
      .poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', { timeout: 10_000 })
      .toBe(true);
    const grandchild = Number(readFileSync(pidFile, 'utf8'));
    abort.abort();
    expect(await running).toMatchObject({ ok: false, errorClass: 'SignalError', signal: 'SIGTERM' });
    await expect.poll(() => isAlive(grandchild), { timeout: 5_000 }).toBe(false);
  });

  it('a program that ignores SIGTERM is killed', async () => {
    const abort = new AbortController();
    const ready = join(dir.path, 'ready');
    const running = node(
      `process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6); require("fs").writeFileSync(${JSON.stringify(ready)}, "x")`,
      { context: { signal: abort.signal } },
    );
    await expect.poll(() => existsSync(ready), { timeout: 10_000 }).toBe(true);
    abort.abort();
    expect(await running).toMatchObject({ ok: false, signal: 'SIGKILL' });
  });

  it('a program that goes away after loading is a failure of the item', async () => {
    const path = join(dir.path, 'tool');
    writeFileSync(path, '#!/no/such/interpreter\n');
    chmodSync(path, 0o755);
    const handler = await load(['./tool']);
    expect(await handler.run(null, context())).toMatchObject({
      ok: false,
      cause: 'handler-error',
      errorClass: 'SpawnError',
      errorMessage: './tool cannot be started: ENOENT',
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie waits for its parent: it no longer runs.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a command that cannot be run is HANDLER_NOT_LOADABLE', () => {
  it.each([
    [['no-such-program-anywhere'], 'there is no program "no-such-program-anywhere" in PATH'],
    [['./missing'], 'does not exist'],
    [['.' + '/'], 'is not a file'],
    [['./plain'], 'is not executable'],
    [[process.execPath, '{open'], 'has a brace without its partner'],
  ])('%j', async (argv, message) => {
    writeFileSync(join(dir.path, 'plain'), '');
    await expect(load(argv)).rejects.toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('argument templates', () => {
  it('any text without braces is itself, and doubled braces are braces', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = text.replaceAll('{', '{{').replaceAll('}', '}}');
        const template = parseArgument(escaped);
        expect(template).not.toBeNull();
        const filled = fillArgument(template ?? [], {});
        expect(filled).toEqual(text.includes('\0') ? expect.objectContaining({ ok: false }) : { ok: true, text });
      }),
    );
  });

  it('a field is itself, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((name) => !/[{}]/.test(name)),
        fc.string(),
        (name, value) => {
          const filled = fillArgument(parseArgument(`<{${name}}>`) ?? [], { [name]: value });
          expect(filled).toEqual(
            value.includes('\0') ? expect.objectContaining({ ok: false }) : { ok: true, text: `<${value}>` },
          );
        },
      ),
    );
  });

  it.each(['{', '}', '{}', 'a{b', '{{a}', '{a{b}}'])('%s has a brace without its partner', (text) =>
    expect(parseArgument(text)).toBeNull(),
  );

  it('does not reach inherited members', () => {
    expect(fillArgument(parseArgument('{constructor}') ?? [], {}).ok).toBe(false);
    expect(fillArgument(parseArgument('{a.length}') ?? [], { a: {} }).ok).toBe(false);
  });
});
