import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { commandsOf } from '../../../src/cli/commands-of.ts';
import { helpText } from '../../../src/cli/help-text.ts';
import { runInProcess } from './run-cli.harness.ts';

describe('help', () => {
  it('of the program, on stdout with exit 0, opens no app', async () => {
    for (const argv of [[], ['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr, opened } = await runInProcess(argv);
      expect({ argv, code, stderr, opened }).toEqual({ argv, code: 0, stderr: '', opened: [] });
      expect(stdout).toBe(helpText());
    }
    await expect(helpText()).toMatchFileSnapshot('help/slurmctl.txt');
  });

  it.each(commands.map(({ name }) => name))('of %s', async (name) => {
    for (const argv of [
      [...name.split(' '), '--help'],
      ['help', ...name.split(' ')],
    ]) {
      const { code, stdout } = await runInProcess(argv);
      expect(code).toBe(0);
      expect(stdout).toBe(helpText(name));
    }
    await expect(helpText(name)).toMatchFileSnapshot(`help/${name.replace(' ', '-')}.txt`);
  });

  it('keeps to the width of the terminal', async () => {
    const { stdout } = await runInProcess(['submit', '--help'], { tty: { columns: 60, rows: 24 } });
    const own = stdout.slice(0, stdout.indexOf('Examples:'));
    expect(own.split('\n').filter((line) => line.length > 60)).toEqual([]);
  });

  it('the version alone, before or after a command', async () => {
    for (const argv of [['--version'], ['-V'], ['status', '--version']]) {
      const { code, stdout, opened } = await runInProcess(argv);
      expect({ code, stdout, opened }).toEqual({ code: 0, stdout: '1.2.3\n', opened: [] });
    }
  });
});

describe('command records', () => {
  it('are found by their first word, and no others with them', async () => {
    const words = [...new Set(commands.map(({ name }) => name.split(' ')[0] as string))];
    for (const word of words)
      expect(await commandsOf(word)).toEqual(commands.filter(({ name }) => name.split(' ')[0] === word));
    for (const word of ['', 'constructor', 'stat']) expect(await commandsOf(word)).toBeNull();
  });

  it('have one-line summaries, sentences and at least one example that starts the command', () => {
    for (const { name, summary, description, examples } of commands) {
      expect(summary).toMatch(/^[A-Z][^\n.]*$/);
      expect(description).toMatch(/\.$/);
      expect(examples.length, name).toBeGreaterThan(0);
      for (const example of examples) expect(example.command).toContain(`slurmctl ${name}`);
    }
  });
});
