import { setTimeout as after } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { captureConsole, type ConsoleCapture } from '../../../../src/backends/handler/console-capture.ts';
import type { HandlerResult } from '../../../../src/ports/handler-host.ts';
import { createListLog, type LoggedLine } from '../../../support/worker-job.ts';

let capture: ConsoleCapture;
const passed: string[] = [];
const stdout = process.stdout.write.bind(process.stdout);
beforeEach(() => {
  passed.length = 0;
  process.stdout.write = ((chunk: string) => passed.push(chunk) > 0) as typeof process.stdout.write;
  capture = captureConsole();
});
afterEach(() => {
  capture.stop();
  process.stdout.write = stdout;
});

const DONE: HandlerResult = { ok: true, output: null };
async function during(work: () => Promise<void> | void): Promise<readonly LoggedLine[]> {
  const log = createListLog();
  await capture.during({ log }, async () => {
    await work();
    return DONE;
  });
  return log.lines;
}
const messages = (lines: readonly LoggedLine[]): string[] => lines.map(({ message }) => message);

describe('what a handler prints', () => {
  it('is lost where the output of the element cannot be written, and nothing else is', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(() => process.stdout.emit('error', full)).not.toThrow();
    expect(() => process.stderr.emit('error', full)).not.toThrow();
  });

  it('goes to the log of its own item, line by line, whatever runs beside it', async () => {
    const print = async (name: string): Promise<void> => {
      for (let line = 0; line < 3; line += 1) {
        process.stdout.write(`${name} ${line}`);
        await after(1);
        process.stdout.write('.\n');
      }
      process.stderr.write(Buffer.from(`${name} torn`));
    };
    const [a, b] = await Promise.all([during(() => print('a')), during(() => print('b'))]);
    expect(messages(a)).toEqual(['a 0.', 'a 1.', 'a 2.', 'a torn']);
    expect(messages(b)).toEqual(['b 0.', 'b 1.', 'b 2.', 'b torn']);
    expect(a.map(({ level, fields }) => [level, fields['stream']]).at(-1)).toEqual(['info', 'stderr']);
    expect(passed).toEqual([]);
  });

  it('goes where it went before, outside of a try and after it', async () => {
    process.stdout.write('before\n');
    let late = Promise.resolve();
    const lines = await during(() => {
      late = after(20).then(() => void process.stdout.write('late\n'));
    });
    await late;
    expect(lines).toEqual([]);
    capture.stop();
    process.stdout.write('stopped\n');
    expect(passed).toEqual(['before\n', 'late\n', 'stopped\n']);
  });

  it('answers as a stream does: encodings and callbacks', async () => {
    const written = vi.fn<() => void>();
    const lines = await during(async () => {
      expect(process.stdout.write('c3a9', 'hex', written)).toBe(true);
      process.stdout.write('\n', written);
      await after(1);
    });
    expect(messages(lines)).toEqual(['é']);
    expect(written).toHaveBeenCalledTimes(2);
  });

  it('is kept of a handler that fails', async () => {
    const log = createListLog();
    const failing = capture.during({ log }, () => {
      process.stdout.write('last words');
      return Promise.reject(new Error('no'));
    });
    await expect(failing).rejects.toThrow('no');
    expect(messages(log.lines)).toEqual(['last words']);
  });
});
