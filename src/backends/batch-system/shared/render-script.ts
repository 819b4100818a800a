import { isAbsolute } from 'node:path';
import { AppError } from '../../../errors/app-error.ts';
import type { SubmitRequest } from '../../../ports/batch-system.ts';
import { quoteForShell } from './quote.ts';

const SLOT = /\{\{([A-Za-z][A-Za-z0-9_-]*)\}\}/g;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What each `{{slot}}` of templates/sbatch/worker.sh stands for. */
const SLOTS: Record<string, (request: SubmitRequest) => string> = {
  name: (request) => quoteForShell(request.name),
  environment: (request) => exportLines(request.environment),
  cwd: (request) => quoteForShell(absolute(request.cwd)),
  command: (request) => commandWords(request.command),
  afterCrash: (request) => (request.afterCrash ?? []).map(quoteForShell).join(' '),
};

/**
 * Fills the slots of a script template with the quoted data of a request. Comment lines are left as they are, and data that
 * looks like a slot is never filled again. The result is what every element runs.
 * @throws CONFIG_INVALID when the template lacks its shebang or `{{command}}`, has an unknown slot, or data cannot be quoted
 */
export function renderScript(template: string, request: SubmitRequest): string {
  const text = template.replaceAll('\r\n', '\n');
  if (!text.startsWith('#!')) throw badTemplate('does not start with #!/bin/bash');
  let commands = 0;
  const lines = text.split('\n').map((line) =>
    line.trimStart().startsWith('#')
      ? line
      : line.replaceAll(SLOT, (slot, name: string) => {
          const fill = Object.hasOwn(SLOTS, name) ? SLOTS[name] : undefined;
          if (fill === undefined) throw badTemplate(`has the unknown slot ${slot}`);
          if (name === 'command') commands += 1;
          return fill(request);
        }),
  );
  if (commands !== 1) throw badTemplate(`needs the slot {{command}} exactly once and has it ${commands} times`);
  return lines.join('\n');
}

function badTemplate(what: string): AppError {
  return new AppError('CONFIG_INVALID', {
    message: `the script template ${what}`,
    hint: `Compare it with templates/sbatch/worker.sh; slots are ${Object.keys(SLOTS)
      .map((name) => `{{${name}}}`)
      .join(', ')}`,
  });
}

function exportLines(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      if (!VARIABLE_NAME.test(name)) {
        throw new AppError('CONFIG_INVALID', {
          message: `${JSON.stringify(name)} is not a name for an environment variable`,
          hint: 'Use letters, digits and underscores, not starting with a digit',
        });
      }
      return `export ${name}=${quoteForShell(value)}`;
    })
    .join('\n');
}

function commandWords(command: readonly string[]): string {
  if (command.length === 0 || command[0] === '') throw new Error('a submission without a command');
  return command.map(quoteForShell).join(' ');
}

function absolute(path: string): string {
  if (!isAbsolute(path)) throw new Error(`the working directory ${JSON.stringify(path)} is not absolute`);
  return path;
}
