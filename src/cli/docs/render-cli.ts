import type { Command } from '../define-command.ts';
import { GENERATED } from './generated.ts';

/** `docs/cli.md`: every command with its help, exactly as it is printed. `help` gives the help of the program, or of one command. */
export function renderCliDocs({
  commands,
  help,
}: {
  readonly commands: readonly Command[];
  readonly help: (command?: string) => string;
}): string {
  const contents = commands.map(
    ({ name, summary }) => `- [\`${name}\`](#slurmctl-${name.replace(' ', '-')}): ${summary}`,
  );
  const sections = commands.map(({ name }) => `## slurmctl ${name}\n\n${block(help(name))}`);
  return `# Command line

${GENERATED}

${contents.join('\n')}

${GENERAL}

## slurmctl

${block(help())}

${sections.join('\n\n')}
`;
}

const block = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

const GENERAL = `## What all commands share

**Naming a job.** By its id, a unique prefix of the id, its name (the newest job of that name), or \`@last\`.

**Output.** Data goes to stdout, everything else (progress, notes, the next command to try, errors) to stderr; \`--quiet\` silences all of that but errors.
\`--json\` prints one versioned document instead of text ([json.md](json.md)); a command that fails prints a \`slurmctl.error/1\` document.
Colour, redrawing and progress bars appear on a terminal only. \`NO_COLOR\` and \`--no-color\` are honoured.

**Interrupting.** Ctrl-C ends the command, not the job. A second Ctrl-C ends it at once.

**Exit codes.**

| code | meaning |
|---|---|
| 0 | done |
| 1 | a bug in slurmctl: it says so, with a stack and what to report |
| 2 | wrong usage, configuration or input |
| 3 | the job ended with failures beyond what it tolerates, or was cancelled (\`submit --wait\`) |
| 4 | no such job or thing |
| 5 | the outside refused or is unreachable |
| 6 | another slurmctl holds the lease |
| 130 | interrupted |

Each error has a stable code; [errors.md](errors.md) lists them with their remedies.`;
