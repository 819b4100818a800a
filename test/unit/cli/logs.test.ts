import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { LogLine } from '../../../src/app/documents.ts';
import type { LogsDocument } from '../../../src/cli/documents.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { runInProcess, stream } from './run-cli.harness.ts';

const attemptLine = (text: string): LogLine => ({
  source: 'attempt',
  task: '000012',
  attempt: '4711_3.0',
  origin: 'log.jsonl',
  time: null,
  level: null,
  item: null,
  text,
});
const NO_WORD = { time: null, level: null, item: null } as const;
const LINES: readonly LogLine[] = [
  attemptLine('{"level":40,"time":1763681465000,"msg":"slow item","task":"000012","itemId":"a\\u001b[2J","tries":2}'),
  attemptLine('{"level":"info","time":"2026-11-20T23:31:05.000Z","msg":"begun"}'),
  attemptLine('{torn'),
  {
    source: 'element',
    task: null,
    attempt: null,
    origin: 'logs/4711_3.out',
    ...NO_WORD,
    text: '{"level":"info","msg":"element ended","claimed":1}',
  },
  { source: 'element', task: null, attempt: null, origin: 'logs/4711_3.out', ...NO_WORD, text: '{"level":3}' },
  {
    source: 'element',
    task: null,
    attempt: null,
    origin: '/data/logs/4711_3.out',
    ...NO_WORD,
    text: '\u001b[31mred\u001b[0m\t\u001b]0;title\u0007',
  },
];
const logs = () => vi.fn<App['logs']>(() => stream(...LINES));

describe('logs', () => {
  it('words the lines of workers and shows the rest as it is', async () => {
    const { code, stdout } = await runInProcess(['logs', '@last', '--no-color'], {
      app: { logs: logs() },
      tty: { columns: 80, rows: 24 },
    });
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      '000012 4711_3.0 2025-11-20T23:31:05.000Z warn slow item {"itemId":"a\\u001b[2J","tries":2}',
      '000012 4711_3.0 2026-11-20T23:31:05.000Z info begun',
      '000012 4711_3.0 {torn',
      '4711_3.out info element ended {"claimed":1}',
      '4711_3.out {"level":3}',
      '4711_3.out red\t\\x1b]0;title\\x07',
      '',
    ]);
  });

  it('keeps the bytes of the text in a pipe', async () => {
    const { stdout } = await runInProcess(['logs', '@last'], { app: { logs: logs() } });
    expect(stdout).toContain('4711_3.out \u001b[31mred\u001b[0m\t\u001b]0;title\u0007\n');
  });

  it('passes task, in any writing, and follow', async () => {
    const call = logs();
    await runInProcess(['logs', 'x', '--task', '12'], { app: { logs: call } });
    await runInProcess(['logs', 'x', '--task', '000012', '--follow'], { app: { logs: call } });
    await runInProcess(['logs', 'x'], { app: { logs: call } });
    expect(call.mock.calls.map(([{ task, follow }]) => [task, follow])).toEqual([
      ['000012', false],
      ['000012', true],
      [undefined, false],
    ]);
  });

  it('passes what narrows the lines, and reads durations and times', async () => {
    const call = logs();
    const asked = async (...args: string[]) => {
      await runInProcess(['logs', 'x', ...args], { app: { logs: call } });
      const { signal: _signal, ...request } = call.mock.lastCall?.[0] ?? { job: '', follow: false };
      return request;
    };
    expect(
      await asked('--item', '#3', '--attempt', '4711_3.0', '--level', 'warn', '--grep', 'a+', '--since', '1h30m'),
    ).toEqual({
      job: 'x',
      follow: false,
      item: '#3',
      attempt: '4711_3.0',
      level: 'warn',
      grep: 'a+',
      since: { agoMs: 5_400_000 },
    });
    expect(await asked('--failed', '--since', '2026-11-21T14:00Z')).toEqual({
      job: 'x',
      follow: false,
      failed: true,
      since: { atMs: Date.UTC(2026, 10, 21, 14) },
    });
    const midnight = await asked('--since', '2026-11-21');
    expect(midnight.since).toEqual({ atMs: Date.UTC(2026, 10, 21) });
    expect((await asked('--level', 'WARN')).level).toBe('warn');
  });

  it.each([
    [['--failed', '--follow'], '--failed and --follow'],
    [['--failed', '--item', '3'], '--failed and --item'],
    [['--level', 'loud'], 'debug, info, warn, error'],
    [['--since', '10'], 'a duration such as'],
    [['--since', '2026-13-45'], 'a time such as'],
    [['--attempt', '../../x'], 'the id of an attempt'],
  ])('refuses %j', async (args, words) => {
    const call = logs();
    const { code, stderr } = await runInProcess(['logs', 'x', ...args], { app: { logs: call } });
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(call).not.toHaveBeenCalled();
  });

  it('--json is one document; with --follow one a line', async () => {
    const whole = await runInProcess(['logs', 'x', '--json'], { app: { logs: logs() } });
    expect(JSON.parse(whole.stdout)).toEqual({ schema: 'slurmctl.logs/1', lines: LINES } satisfies LogsDocument);
    const lines = await runInProcess(['logs', 'x', '--json', '--follow'], { app: { logs: logs() } });
    expect(
      lines.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(LINES.map((line) => ({ schema: 'slurmctl.log-line/1', ...line })));
  });

  it('--json of logs that cannot be read, or of none, is one document too', async () => {
    const refused = (): ReturnType<App['logs']> =>
      // oxlint-disable-next-line require-yield -- fails before the first line
      (async function* () {
        throw new AppError('JOB_NOT_FOUND', { message: 'no job "x"' });
      })();
    const failed = await runInProcess(['logs', 'x', '--json'], { app: { logs: refused } });
    expect(failed.code).toBe(4);
    expect(JSON.parse(failed.stdout)).toMatchObject({ schema: 'slurmctl.error/1', code: 'JOB_NOT_FOUND' });
    const none = await runInProcess(['logs', 'x', '--json'], { app: { logs: () => stream<LogLine>() } });
    expect(JSON.parse(none.stdout)).toEqual({ schema: 'slurmctl.logs/1', lines: [] });
  });

  it('Ctrl-C ends --follow quietly with 130', async () => {
    const interrupt = new AbortController();
    async function* endless(): ReturnType<App['logs']> {
      yield attemptLine('one');
      interrupt.abort();
      throw new DOMException('aborted', 'AbortError');
    }
    const { code, stdout, stderr } = await runInProcess(['logs', 'x', '--follow'], {
      app: { logs: endless },
      interrupt,
    });
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '000012 4711_3.0 one\n', stderr: '' });
  });

  it('says so when there is nothing yet', async () => {
    const { stdout, stderr } = await runInProcess(['logs', 'x'], { app: { logs: () => stream<LogLine>() } });
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: 'no such log lines yet\n' });
  });
});
