import { Command as CommanderCommand, CommanderError, Option } from 'commander';
import type { ArgFacts, Command, OptionFacts, RawInput } from './define-command.ts';
import { families } from './families.ts';
import { globalOptions } from './global-options.ts';

/** What the words of a command line ask for. */
export type Request =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly command: Command; readonly raw: RawInput };

/** Width of help that does not go to a terminal. */
const HELP_WIDTH = 100;

interface Reading {
  /** Those that there are, as far as these words may mean them. */
  readonly commands: readonly Command[];
  readonly columns?: number;
  readonly version: () => string;
}

/**
 * Reads a command line with commander, without running anything.
 * @throws CommanderError for wrong usage; see `usage-error.ts`
 */
export function readCommandLine(
  argv: readonly string[],
  { commands, columns = HELP_WIDTH, version }: Reading,
): Request {
  let found: Request | undefined;
  let printed = '';
  const program = buildProgram(commands, {
    columns,
    write: (text) => {
      printed += text;
    },
    found: (request) => {
      found = request;
    },
  });
  try {
    program.parse(argv.length === 0 ? ['--help'] : helpVerb(argv, commands), { from: 'user' });
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

/** `help status` means `status --help`, and `help limit set` means `limit set --help`. */
function helpVerb(argv: readonly string[], commands: readonly Command[]): string[] {
  if (argv[0] !== 'help') return [...argv];
  const asked = argv.slice(1, 3);
  const isCommand = (words: string): boolean => [...commands, ...families].some(({ name }) => name === words);
  const named = [asked, asked.slice(0, 1)].find((words) => words.length === 0 || isCommand(words.join(' ')));
  return named === undefined ? asked.slice(0, 1) : [...named, '--help'];
}

interface Hooks {
  readonly columns: number;
  readonly write: (text: string) => void;
  readonly found: (request: Request) => void;
}

function buildProgram(commands: readonly Command[], hooks: Hooks): CommanderCommand {
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
          ...command.registeredArguments.map((arg) => {
            const name = `${arg.name()}${arg.variadic ? '...' : ''}`;
            return arg.required ? `<${name}>` : `[${name}]`;
          }),
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

/** The command itself for `status`; for `limit set` the one of its family, made when its first member comes. */
function parentOf(program: CommanderCommand, [first, second]: readonly string[]): CommanderCommand {
  const family = families.find(({ name }) => name === first);
  if (second === undefined) return program;
  if (family === undefined) throw new Error(`the command ${first} ${second} has no family`);
  return (
    program.commands.find((each) => each.name() === family.name) ??
    program
      .command(family.name)
      .summary(family.summary)
      .description(family.description)
      .helpGroup(`${family.group}:`)
      .helpOption('-h, --help', 'Show this help')
      .helpCommand(false)
  );
}

function addCommand(program: CommanderCommand, record: Command, hooks: Hooks): void {
  const words = record.name.split(' ');
  const parent = parentOf(program, words);
  const command = parent
    .command(words.at(-1) as string)
    .summary(record.summary)
    .description(record.description)
    .helpOption('-h, --help', 'Show this help');
  if (parent === program) command.helpGroup(`${record.group}:`);
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

function addArgument(command: CommanderCommand, { description, defaultText, ...arg }: ArgFacts): void {
  const shown = defaultText === null ? description : `${description} (default: ${defaultText})`;
  const name = `${arg.name}${arg.variadic === true ? '...' : ''}`;
  command.argument(arg.required ? `<${name}>` : `[${name}]`, shown);
}

function optionOf({ flag, placeholder, valueOptional = false, description, repeatable }: OptionFacts): Option {
  const value = valueOptional ? ` [${placeholder}]` : ` <${placeholder}>`;
  const option = new Option(placeholder === null ? flag : `${flag}${value}`, description);
  if (repeatable) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}
