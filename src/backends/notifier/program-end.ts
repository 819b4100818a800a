import type { CommandResult } from '../shared/run-command.ts';

/** Characters of output that are read of a program, or kept. */
export const MOST_OUTPUT = 64 * 1024;

/** Not with 0, in words that follow its name. `limitMs`: what its caller allowed it. */
export function howItEnded(result: CommandResult, limitMs: number): string {
  const said = lastLine(result.stderr) || lastLine(result.stdout);
  const tail = said === '' ? '' : `: ${said}`;
  switch (result.ended) {
    case 'not-found':
      return 'found no such program';
    case 'not-started':
      return `could not be started (${result.detail ?? 'unknown reason'})`;
    case 'deadline':
    case 'stopped':
      return `did not end within ${limitMs / 1_000} s and was killed${tail}`;
    case 'too-much-output':
      return `printed more than ${MOST_OUTPUT} characters and was killed`;
    case 'exited':
      return result.exitCode === null
        ? `was killed by ${result.signal ?? 'a signal'}${tail}`
        : `ended with exit code ${result.exitCode}${tail}`;
  }
}

/** What a program that did its work printed last: its answer, and else a remark. */
export const lastWord = ({ stdout, stderr }: CommandResult): string => lastLine(stdout) || lastLine(stderr);

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
