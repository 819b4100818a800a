import type { App } from '../../app/api.ts';
import type { InitDocument } from '../../app/documents.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, optional, text } from '../define-command.ts';
import type { ExamplesDocument } from '../documents.ts';
import { printable, shellWord } from '../render/text.ts';
import type { Session } from '../session.ts';

export const init = defineCommand({
  name: 'init',
  group: 'Work',
  summary: 'Write a starter job with its handler, or set up AWS',
  description:
    'Writes the files of an example into a directory (created when missing): a commented job file and its handler. Existing files are never ' +
    'overwritten. With --aws it creates the bucket, the table and the queues that the settings name instead, as far as they are missing, and never ' +
    'changes what exists; exits with 5 when something is not as jobs need it. With --dry-run it creates nothing, and prints the IAM policies that ' +
    'coordinator, worker and reader need, and the same resources for CloudFormation and Terraform.',
  args: { directory: optional('Directory to write to', '.') },
  options: {
    example: text('name', 'Example to write; see --list'),
    list: flag('List the examples'),
    aws: flag('Create what the settings name in AWS and is missing'),
    dryRun: flag('With --aws: create nothing, print policies and templates'),
  },
  examples: [
    { command: 'slurmctl init --list', what: 'Which examples there are' },
    { command: 'slurmctl init my-job', what: 'A starter job in ./my-job' },
    { command: 'slurmctl init --aws --dry-run', what: 'What --aws would create, and which permissions who needs' },
  ],
  run: async (session, { args: { directory }, options: { example, list, aws, dryRun } }) => {
    if (aws) return initAws(session, { dryRun, others: list || example !== undefined || directory !== '.' });
    if (dryRun)
      throw new AppError('USAGE', {
        message: '--dry-run belongs to --aws',
        hint: 'Run: slurmctl init --aws --dry-run',
      });
    const app = await session.app();
    const examples = await app.examples();
    if (list) return printExamples(session, examples);
    const document = await app.init({ example: await chosen(example, examples), directory });
    await session.show(document, ({ files }) => files.map((file) => `${printable(file)}\n`).join(''));
    session.next(nextAfterInit(document, directory));
    return 0;
  },
});

/** @throws USAGE */
async function initAws(
  session: Session,
  { dryRun, others }: { readonly dryRun: boolean; readonly others: boolean },
): Promise<number> {
  if (others)
    throw new AppError('USAGE', {
      message: '--aws takes no directory, --example or --list: it goes by the settings',
      hint: 'Run: slurmctl init --aws',
    });
  const document = await (await session.app()).initAws({ dryRun });
  const { renderInitAws } = await import('../render/init-aws.ts');
  await session.show(document, renderInitAws);
  if (document.ok) session.next('slurmctl doctor');
  else if (document.resources.some(({ verdict }) => verdict === 'missing')) session.next('slurmctl init --aws');
  else session.note('follow the arrows above, then run: slurmctl init --aws');
  return document.ok || dryRun ? 0 : 5;
}

type Examples = Awaited<ReturnType<App['examples']>>;

/** The first example is the one for a start. @throws USAGE */
async function chosen(name: string | undefined, examples: Examples): Promise<string> {
  const names = examples.map((example) => example.name);
  const first = names[0];
  if (name === undefined && first !== undefined) return first;
  if (name !== undefined && names.includes(name)) return name;
  const { closest } = await import('fastest-levenshtein');
  throw new AppError('USAGE', {
    message: `there is no example ${JSON.stringify(name ?? '')}; there are: ${names.join(', ')}`,
    hint:
      name === undefined || first === undefined
        ? 'See: slurmctl init --list'
        : `Did you mean: slurmctl init --example ${closest(name, names)}`,
  });
}

async function printExamples(session: Session, examples: Examples): Promise<number> {
  const { renderTable } = await import('../render/table.ts');
  await session.show<ExamplesDocument>({ schema: 'slurmctl.examples/1', examples }, (document, view) =>
    renderTable(
      [{ head: 'EXAMPLE' }, { head: 'WHAT IT SHOWS' }],
      document.examples.map(({ name, summary }) => [name, summary]),
      { view },
    ),
  );
  session.next(`slurmctl init my-job --example ${examples[0]?.name ?? 'NAME'}`);
  return 0;
}

function nextAfterInit({ files }: InitDocument, directory: string): string {
  const jobFile = files.find((file) => /\.ya?ml$/.test(file)) ?? 'job.yaml';
  const name = jobFile.slice(Math.max(jobFile.lastIndexOf('/'), jobFile.lastIndexOf('\\')) + 1);
  const step = directory === '.' ? '' : `cd ${shellWord(directory)} && `;
  return `${step}slurmctl plan ${shellWord(name)}`;
}
