import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInputSources } from '../../src/backends/input/index.ts';
import type { InputSpec } from '../../src/domain/job-spec.ts';
import { collectRecords } from '../support/input-records.ts';
import { eventually } from '../support/live-processes.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir('input');
});
afterEach(() => dir.remove());

const commandSpec = (argv: readonly string[], format: 'jsonl' | 'txt' = 'txt'): InputSpec => ({
  kind: 'command',
  argv,
  cwd: dir.path,
  format,
  onBadRecord: 'stop',
});
const run = (argv: readonly string[], format?: 'jsonl' | 'txt') =>
  collectRecords(createInputSources().open(commandSpec(argv, format)));
const node = (script: string): string[] => [process.execPath, '-e', script];

describe('the output of a command', () => {
  it('is its lines, with arguments passed as they are', async () => {
    const args = ['$HOME', 'a b', '*', `q'"`];
    const seen = await run([...node('for (const arg of process.argv.slice(1)) console.log(arg)'), ...args]);
    expect(seen.map(({ value }) => value)).toEqual(args);
  });

  it('is JSON when asked for, from the working directory of the job file', async () => {
    expect(await run(node('console.log(JSON.stringify({ cwd: process.cwd() }))'), 'jsonl')).toMatchObject([
      { value: { cwd: dir.path } },
    ]);
  });

  it('must end with exit code 0; the end of stderr says why it did not', async () => {
    const script = `console.log('one'); for (let i = 0; i < 5000; i++) console.error('noise ' + i); console.error('no such table'); process.exitCode = 3`;
    const failure = (await run(node(script)).catch((error: unknown) => error)) as {
      code: string;
      exitCode: number;
      message: string;
    };
    expect(failure).toMatchObject({ code: 'INPUT_COMMAND_FAILED', exitCode: 2 });
    expect(failure.message).toContain('it exited with 3; the end of its stderr:');
    expect(failure.message.endsWith('  no such table')).toBe(true);
    expect(failure.message.length).toBeLessThan(2000);
  });

  it.each([
    [['/no/such/program'], 'no such program'],
    [[process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'], 'it was killed by SIGKILL'],
  ])('fails with a name when %j cannot be had', async (argv, reason) => {
    await expect(run(argv)).rejects.toMatchObject({
      code: 'INPUT_COMMAND_FAILED',
      message: expect.stringContaining(reason) as string,
    });
  });

  it('fails with a name when the program is not executable', async () => {
    const path = join(dir.path, 'script');
    writeFileSync(path, 'echo hello\n', { mode: 0o644 });
    await expect(run([path])).rejects.toMatchObject({
      code: 'INPUT_COMMAND_FAILED',
      message: expect.stringContaining('it is not executable') as string,
    });
  });

  it('fails with a name when the directory is gone', async () => {
    const spec = { ...commandSpec(['true']), cwd: join(dir.path, 'gone') } as InputSpec;
    await expect(collectRecords(createInputSources().open(spec))).rejects.toMatchObject({
      code: 'INPUT_COMMAND_FAILED',
      message: expect.stringContaining(`${dir.path}/gone`) as string,
    });
  });

  it('is ended when the reader leaves, and does not run ahead of it', async () => {
    const progress = join(dir.path, 'written');
    const script = `
      const { writeFileSync, renameSync } = require('node:fs');
      const [line, progress] = ['x'.repeat(65535) + '\\n', ${JSON.stringify(progress)}];
      let written = 0;
      // Stays alive without its reader, so that only being ended ends it.
      process.stdout.on('error', () => undefined);
      setInterval(() => undefined, 1000);
      const tell = () => { writeFileSync(progress + '.new', process.pid + ' ' + written); renameSync(progress + '.new', progress); };
      const more = () => { written += 1; tell(); process.stdout.write(line, (error) => error ?? more()); };
      more();`;
    const told = (): number[] =>
      existsSync(progress) ? readFileSync(progress, 'utf8').split(' ').map(Number) : [0, 0];
    let [pid, written] = [0, 0];
    for await (const chunk of createInputSources().open(commandSpec(node(script)))) {
      expect(chunk.ends.length).toBeGreaterThan(0);
      // However long the reader takes over its first lines: what is not read fills the pipe and the buffers, and no more.
      let standsFor = 0;
      await eventually('the command waits for its reader', () => {
        const before = written;
        [pid, written] = told() as [number, number];
        standsFor = written > 0 && written === before ? standsFor + 1 : 0;
        return standsFor === 20 || written > MOST_AHEAD;
      });
      break;
    }
    expect(written).toBeLessThanOrEqual(MOST_AHEAD);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });

  it('ends with the signal of the caller', async () => {
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of createInputSources().open(
        commandSpec(node('setInterval(() => console.log("tick"), 5)')),
        controller.signal,
      ))
        controller.abort(new Error('interrupted'));
    })();
    await expect(reading).rejects.toThrow('interrupted');
  });
});

/** Lines of 64 KiB in a pipe, in the buffers of the streams at its ends and in the reader's hands. */
const MOST_AHEAD = 64;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
