import type { CommanderError } from 'commander';
import { AppError } from '../errors/app-error.ts';
import { commands } from './commands.ts';
import type { Command } from './define-command.ts';
import { families } from './families.ts';
import { globalOptions } from './global-options.ts';

/** Commander's complaint as a USAGE error: one line without its prefix, near misses and the right help page as the remedy. */
export function usageError(error: CommanderError, argv: readonly string[]): AppError {
  const text = error.message.replace(/^error: /, '');
  const suggestion = /\n\(Did you mean (.*)\?\)$/s.exec(text);
  const message = (suggestion === null ? text : text.slice(0, suggestion.index)).trim();
  const family = families.find(({ name }) => argv[0] === name);
  // What is unknown is the command itself: any other that is named like a later word was not meant.
  const named = message.startsWith('unknown command') ? [] : commands.filter(({ name }) => isIn(argv, name));
  const command = named.toSorted((a, b) => wordsIn(b) - wordsIn(a))[0];
  const page = ['slurmctl', command?.name ?? family?.name ?? '', '--help'].filter((word) => word !== '').join(' ');
  const missing = /^missing required argument '(\w+)'/.exec(message)?.[1];
  const wanted = command?.args.find(({ name }) => name === missing);
  const meant = suggestion?.[1] ?? longOption(message, command);
  const parts = [
    meant === null ? null : `Did you mean ${meant}?`,
    wanted === undefined ? null : `${wanted.name}: ${wanted.description}.`,
    `See: ${page}`,
  ];
  return new AppError('USAGE', {
    message: message === '' || message === '(outputHelp)' ? 'a command is missing' : message,
    hint: parts.filter((part) => part !== null).join(' '),
  });
}

/** There are no short options; of `-f` the ones that begin so are meant, first those of the command. Null where none does. */
function longOption(message: string, command: Command | undefined): string | null {
  const letter = /^unknown option '-(\w)'$/.exec(message)?.[1];
  if (letter === undefined) return null;
  const found = [...(command?.options ?? []), ...globalOptions].filter(({ flag }) => flag.startsWith(`--${letter}`));
  const own = found.filter((option) => command?.options.includes(option));
  return (own.length > 0 ? own : found).map(({ flag }) => flag).join(' or ') || null;
}

/** The words of a command, one after the other: options may stand before and after them. */
const isIn = (argv: readonly string[], name: string): boolean => {
  const words = name.split(' ');
  return argv.some((_, at) => words.every((word, index) => argv[at + index] === word));
};

/** `limit list` says more than `list`, which is also in it. */
const wordsIn = ({ name }: Command): number => name.split(' ').length;
