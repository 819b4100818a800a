import { GROUPINGS, type Grouping } from '../../domain/error-grouping.ts';
import type { ErrorGroups } from '../../domain/error-groups.ts';
import { defineCommand, optional, parsed } from '../define-command.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

export const analyzeErrors = defineCommand({
  name: 'analyze-errors',
  group: 'Look',
  summary: 'Group the failures of a job and say what deals with them',
  description:
    'Puts failures together that are the same failure: the same cause, error class and message, whatever numbers, paths, ids and times are in it. Says of ' +
    'each group how many items and attempts it has, where and when they failed, what they have in common more than the rest of the job, shows one ' +
    'of them, and gives the command that runs them again or a rule for the job file. While the job runs: what has been saved so far. Looks only.',
  args: { job: optional(JOB_ARGUMENT, '@last') },
  options: {
    by: parsed<Grouping>('kind', `What a group has in common: ${GROUPINGS.join(', ')} (default: fingerprint)`, {
      parse: (raw) => GROUPINGS.find((one) => one === raw.toLowerCase()) ?? null,
      expected: GROUPINGS.join(', '),
    }),
  },
  examples: [
    { command: 'slurmctl analyze-errors', what: 'What fails in the newest job' },
    { command: 'slurmctl analyze-errors licences --by node', what: 'Whether a node is to blame' },
    { command: "slurmctl analyze-errors @last --json | jq '.groups[].remedy'", what: 'What to do, for a script' },
  ],
  run: async (session, { args: { job }, options: { by = 'fingerprint' } }) => {
    const document = await (await session.app()).analyzeErrors({ job, by });
    const { renderErrorGroups } = await import('../render/error-groups.ts');
    await session.show(document, renderErrorGroups);
    session.next(nextAfterErrors(document));
    return 0;
  },
});

/** What a person would do next. */
function nextAfterErrors({ jobId, groups }: ErrorGroups): string {
  const [first] = groups;
  if (first === undefined) return `slurmctl status ${jobId}`;
  return first.remedy.command === null ? first.sample.explainCommand : `${first.remedy.command} --dry-run`;
}
