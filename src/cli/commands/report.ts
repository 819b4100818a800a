import { defineCommand, optional } from '../define-command.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

export const report = defineCommand({
  name: 'report',
  group: 'Look',
  summary: 'Compare what a job asked for with what it used, and say what to ask for',
  description:
    'Adds up over the whole job what its attempts used of the CPUs, the memory and the time that were asked for, how long elements waited, and what ' +
    'attempts without a result cost. Where another request would do, gives the line for the job file and what it saves. While the job runs: what ' +
    'is known so far. Looks only.',
  args: { job: optional(JOB_ARGUMENT, '@last') },
  options: {},
  examples: [
    { command: 'slurmctl report', what: 'The newest job' },
    { command: "slurmctl report licences --json | jq -r '.advice[].option'", what: 'The options for the next submit' },
  ],
  run: async (session, { args: { job } }) => {
    const document = await (await session.app()).report(job);
    const { renderReport } = await import('../render/report.ts');
    await session.show(document, renderReport);
    session.next(`slurmctl status ${document.jobId}`);
    return 0;
  },
});
