import { Command as CommanderCommand, CommanderError, Option } from 'commander';
import { commands } from './commands.ts';
import type { ArgFacts, Command, OptionFacts, RawInput } from './define-command.ts';
import { globalOptions } from './global-options.ts';

/** What the words of a command line ask for. */
export type Request =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly command: Command; readonly raw: RawInput };

/** Width of help that does not go to a terminal. */
const HELP_WIDTH = 100;

/**
 * Reads a command line with commander, without running anything.
 * @throws CommanderError for wrong usage; see `usage-error.ts`
 */
export function readCommandLine(
  argv: readonly string[],
  { columns = HELP_WIDTH, version }: { readonly columns?: number; readonly version: () => string },
): Request {
  let found: Request | undefined;
  let printed = '';
  const program = buildProgram({
    columns,
    write: (text) => {
      printed += text;
    },
    found: (request) => {
      found = request;
    },
  });
  try {
    program.parse(argv.length === 0 ? ['--help'] : helpVerb(argv), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.helpDisplayed')
      return { kind: 'print', text: printed };
    if (error instanceof CommanderError && error.code === 'commander.version')
      return { kind: 'print', text: `${version()}\n` };
    throw error;
  }
  if (found === undefined) throw new Error(`commander ran no command for ${JSON.stringify(argv)}`);
  return found;
}

/** `help status` means `status --help`. */
const helpVerb = (argv: readonly string[]): string[] =>
  argv[0] === 'help'
    ? [...argv.slice(1, 2), ...(isCommand(argv[1]) || argv[1] === undefined ? ['--help'] : [])]
    : [...argv];

const isCommand = (word: string | undefined): boolean => commands.some(({ name }) => name === word);

/** The help of the program, or of one command, as it is printed. */
export function helpText(command?: string, columns = HELP_WIDTH): string {
  const request = readCommandLine(command === undefined ? ['--help'] : [command, '--help'], {
    columns,
    version: () => '',
  });
  return request.kind === 'print' ? request.text : '';
}

interface Hooks {
  readonly columns: number;
  readonly write: (text: string) => void;
  readonly found: (request: Request) => void;
}

function buildProgram(hooks: Hooks): CommanderCommand {
  const program = new CommanderCommand('slurmctl')
    .description('A million inputs and a function, turned into one Parquet table on a Slurm cluster')
    .usage('<command> [arguments] [options]')
    .helpOption('-h, --help', 'Show help; slurmctl <command> --help for one command')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: hooks.write,
      writeErr: () => {},
      getOutHelpWidth: () => hooks.columns,
      getErrHelpWidth: () => hooks.columns,
    })
    .configureHelp({
      showGlobalOptions: true,
      minWidthToWrap: 20,
      subcommandTerm: (command) =>
        [
          command.name(),
          ...command.registeredArguments.map((arg) => (arg.required ? `<${arg.name()}>` : `[${arg.name()}]`)),
        ].join(' '),
      styleTitle: (title) => (title === 'Global Options:' ? 'Options of every command:' : title),
    });
  for (const option of globalOptions) program.addOption(optionOf(option));
  // Commander wants the text up front, which would cost reading a file; its answer is replaced above.
  program.version('', '-V, --version', 'Print the version');
  for (const record of commands) addCommand(program, record, hooks);
  program.addHelpText(
    'after',
    '\nA first job:\n  slurmctl init my-job && cd my-job && slurmctl submit job.yaml --wait',
  );
  return program;
}

function addCommand(program: CommanderCommand, record: Command, hooks: Hooks): void {
  const command = program
    .command(record.name)
    .summary(record.summary)
    .description(record.description)
    .helpGroup(`${record.group}:`)
    .helpOption('-h, --help', 'Show this help');
  for (const arg of record.args) addArgument(command, arg);
  for (const option of record.options) command.addOption(optionOf(option));
  const examples = record.examples.map(({ command: line, what }) => `  # ${what}\n  ${line}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${examples}`);
  command.action(() => {
    hooks.found({
      kind: 'run',
      command: record,
      raw: { args: command.args, options: command.optsWithGlobals<Record<string, unknown>>() },
    });
  });
}

function addArgument(command: CommanderCommand, { name, required, description, defaultText }: ArgFacts): void {
  const shown = defaultText === null ? description : `${description} (default: ${defaultText})`;
  command.argument(required ? `<${name}>` : `[${name}]`, shown);
}

function optionOf({ flag, placeholder, valueOptional = false, description, repeatable }: OptionFacts): Option {
  const value = valueOptional ? ` [${placeholder}]` : ` <${placeholder}>`;
  const option = new Option(placeholder === null ? flag : `${flag}${value}`, description);
  if (repeatable) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}
