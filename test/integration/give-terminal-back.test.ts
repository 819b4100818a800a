import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';

const SHOW_CURSOR = '\u001b[?25h';

/** Runs the command line before a stdout that says it is a terminal; `happen` runs as soon as it listens to signals. */
async function runAtTerminal(happen: string) {
  const preload = `
    process.stdout.isTTY = true;
    process.env.TERM = 'xterm';
    const timer = setInterval(() => {
      if (process.listenerCount('SIGINT') === 0 || process.listenerCount('uncaughtException') === 0) return;
      clearInterval(timer);
      ${happen}
    }, 0);`;
  const main = join(await compiledProject(), 'dist/cli/main.js');
  const argv = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`, main, 'list'];
  return spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 30_000 });
}

describe('a command that is ended at once', () => {
  it('shows the cursor when it is told so by a second Ctrl-C', async () => {
    const { status, stdout } = await runAtTerminal(`process.emit('SIGINT'); process.emit('SIGINT');`);
    expect(status).toBe(130);
    expect(stdout.endsWith(SHOW_CURSOR)).toBe(true);
  });

  it('shows the cursor when nobody caught what went wrong', async () => {
    const { status, stdout, stderr } = await runAtTerminal(`throw new Error('a bug');`);
    expect(status).toBe(1);
    expect(stderr).toContain('a bug');
    expect(stdout.endsWith(SHOW_CURSOR)).toBe(true);
  });
});
