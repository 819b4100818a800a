import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { readCommandLine } from '../../../src/cli/program.ts';
import { catalogue } from '../../../src/errors/catalogue.ts';
import { readFiles, ROOT } from '../../architecture/files.ts';

/** Command lines that a text shows, from `slurmctl` on: in backticks, in a console block, after a prompt word in a comment, in a crontab line. */
function shownIn(text: string): string[] {
  const verbs = commands.map(({ name }) => name).join('|');
  const inBackticks = [...text.matchAll(/`slurmctl ([^`\n]+)`/g)].map((match) => match[1] ?? '');
  const typed = text.replaceAll(/^Usage: .*$/gm, '');
  const onLines = [
    ...typed.matchAll(new RegExp(`(?:^\\$ |: +|&& |\\/|\\* |^)slurmctl ((?:${verbs})\\b.*)$`, 'gm')),
  ].map((match) => match[1] ?? '');
  return [...inBackticks, ...onLines].flatMap((line) => line.split(/ && slurmctl | && cd \S+/)).map(withoutComment);
}

const withoutComment = (line: string): string => line.replace(/ +#.*$/, '').replace(/ (?:> \S+|\|.*)$/, '');

/** Words as a shell splits them; null for an open quote (the text goes on in the next line). */
function words(line: string): string[] | null {
  if ((line.match(/"/g)?.length ?? 0) % 2 !== 0) return null;
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** What the command line says against it; null when it can be typed. */
function problemOf(line: string): string | null {
  const argv = words(line);
  if (argv === null) return null;
  try {
    readCommandLine(argv, { commands, version: () => '' });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // A page may name a command without its arguments: `slurmctl advance`.
    return error.code === 'commander.missingArgument' && argv.length === 1 ? null : `${line}: ${error.message}`;
  }
}

describe('command lines in texts for people', () => {
  it('can be typed, wherever they stand', () => {
    const texts = readFiles(
      ['README.md', 'CONTRIBUTING.md', 'docs', 'templates', 'scripts'],
      ['.md', '.yaml', '.mjs', '.sh'],
    );
    const lines = [...texts].flatMap(([path, text]) =>
      shownIn(text).map((line) => ({ path, problem: problemOf(line) })),
    );
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.filter(({ problem }) => problem !== null)).toEqual([]);
  });

  it('can be typed in hints', () => {
    const hints = Object.values(catalogue).map(({ hint }) => hint);
    const lines = hints.flatMap((hint) => [...hint.matchAll(/slurmctl ([a-z]+(?: (?:JOB|--[a-z]+(?:-[a-z]+)*))*)/g)]);
    expect(lines.length).toBeGreaterThan(8);
    for (const [, line = ''] of lines)
      if (commands.some(({ name }) => name === line.split(' ')[0])) expect(problemOf(line)).toBeNull();
  });

  it('that cannot be typed are found', () => {
    const planted =
      'Run `slurmctl statsu` or\n$ slurmctl results @last --heads 3   # rows\n# Run it:  slurmctl submit --wait a b';
    expect(shownIn(planted).map(problemOf)).toEqual([
      expect.stringContaining('statsu'),
      expect.stringContaining('--heads'),
      expect.stringContaining('too many arguments'),
    ]);
  });

  it('name scripts that exist', () => {
    const texts = [...readFiles(['README.md', 'CONTRIBUTING.md', 'docs'], ['.md'])].map(([, text]) => text).join('\n');
    const scripts = new Set([...texts.matchAll(/[`\s](scripts\/[\w-]+(?:\.mjs)?)/g)].map((match) => match[1] ?? ''));
    expect(scripts.size).toBeGreaterThan(2);
    for (const script of scripts) expect(existsSync(join(ROOT, script)), script).toBe(true);
  });
});
