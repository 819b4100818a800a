import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** Says on stdout what it is told, and lives until it is killed, or forgotten. */
const PROGRAM = `
const { aroundStops } = await import(process.argv[2]);
const say = (text) => process.stdout.write(text + ' ');
aroundStops(process, { before: async () => say('before'), after: async () => say('after') });
setTimeout(() => process.exit(), 60_000);
say(String(process.pid));
`;

async function programIn(root: string): Promise<readonly string[]> {
  writeFileSync(join(root, 'program.mjs'), PROGRAM);
  return [process.execPath, join(root, 'program.mjs'), join(await compiledProject(), 'dist/cli/job-control.js')];
}

/** The letter of the kernel: `T` is stopped. */
const stateOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';

const PATIENT = { timeout: 10_000 };

async function running(child: ChildProcess, use: (pid: number, said: () => string) => Promise<void>): Promise<void> {
  let text = '';
  let pid = 0;
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await expect.poll(() => text, PATIENT).toMatch(/^\d+ $/);
    pid = Number(text);
    text = '';
    await use(pid, () => text);
  } finally {
    if (pid !== 0) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
    await ended;
  }
}

describe('a command that has changed the terminal', () => {
  it('gives it back before it is stopped, and is told when it goes on', () =>
    withTempDir(async (root) => {
      // A shell with job control, so that there is somebody who can let it go on.
      const argv = ['-c', 'set -m; "$0" "$@" < /dev/null & read -r _', ...(await programIn(root))];
      const child = spawn('bash', argv, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
      await running(child, async (pid, said) => {
        for (const round of [1, 2]) {
          process.kill(pid, 'SIGTSTP');
          await expect.poll(() => stateOf(pid), PATIENT).toBe('T');
          await expect.poll(said, PATIENT).toBe('before after '.repeat(round - 1) + 'before ');
          process.kill(pid, 'SIGCONT');
          await expect.poll(said, PATIENT).toBe('before after '.repeat(round));
        }
        // Nobody can hear of this one; but that it goes on is told.
        process.kill(pid, 'SIGSTOP');
        await expect.poll(() => stateOf(pid), PATIENT).toBe('T');
        process.kill(pid, 'SIGCONT');
        await expect.poll(said, PATIENT).toBe('before after before after after ');
      });
    }));

  it('goes on where nobody could let it go on', () =>
    withTempDir(async (root) => {
      const [node = '', ...argv] = await programIn(root);
      const child = spawn(node, argv, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
      await running(child, async (pid, said) => {
        process.kill(pid, 'SIGTSTP');
        await expect.poll(said, PATIENT).toBe('before after ');
        expect(stateOf(pid)).not.toBe('T');
      });
    }));
});
