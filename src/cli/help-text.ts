import { commands } from './commands.ts';
import { readCommandLine } from './program.ts';

/** The help of the program, or of one command (`status`, `limit set`), as it is printed. */
export function helpText(command?: string): string {
  const request = readCommandLine([...(command?.split(' ') ?? []), '--help'], { commands, version: () => '' });
  return request.kind === 'print' ? request.text : '';
}
