import type { CommanderError } from 'commander';
import { AppError } from '../errors/app-error.ts';
import { commands } from './commands.ts';

/** Commander's complaint as a USAGE error: one line without its prefix, near misses and the right help page as the remedy. */
export function usageError(error: CommanderError, argv: readonly string[]): AppError {
  const text = error.message.replace(/^error: /, '');
  const suggestion = /\n\(Did you mean (.*)\?\)$/s.exec(text);
  const message = (suggestion === null ? text : text.slice(0, suggestion.index)).trim();
  const command = commands.find(({ name }) => argv.includes(name));
  const page = `slurmctl ${command === undefined ? '' : `${command.name} `}--help`;
  const missing = /^missing required argument '(\w+)'/.exec(message)?.[1];
  const wanted = command?.args.find(({ name }) => name === missing);
  const parts = [
    suggestion === null ? null : `Did you mean ${suggestion[1]}?`,
    wanted === undefined ? null : `${wanted.name}: ${wanted.description}.`,
    `See: ${page}`,
  ];
  return new AppError('USAGE', {
    message: message === '' || message === '(outputHelp)' ? 'a command is missing' : message,
    hint: parts.filter((part) => part !== null).join(' '),
  });
}
