import { defineCommand, flag } from '../define-command.ts';
import { printable } from '../render/text.ts';

/** As for a job that ended with more failures than it tolerates: something is wrong with jobs, and not with the command. */
const UNHEALTHY = 3;

export const health = defineCommand({
  name: 'health',
  group: 'Upkeep',
  summary: 'Say which jobs need somebody (for cron and monitoring)',
  description:
    'Looks for jobs that nobody advances, workers that are silent, tasks that were given up, leases of dead processes, submissions that no job recorded, results ' +
    'that wait beside the store, and file systems that are nearly full or will be within days; says of each what to do. Asks each batch system once, whatever the number of jobs, and changes ' +
    'no job. Exits with 0 when nothing fails, with 3 when something does, and with 5 when the state cannot be read.',
  args: {},
  options: { strict: flag('Exit with 3 for warnings too') },
  examples: [
    { command: 'slurmctl health', what: 'What needs somebody at the moment' },
    {
      command: '*/30 * * * * slurmctl health --quiet --home /shared/run/.slurmctl | grep -v ^ok',
      what: 'A line for crontab: mail when something is wrong',
    },
    { command: 'slurmctl health --strict || exit 2', what: 'For a monitoring that takes 2 for critical' },
  ],
  run: async (session, { options: { strict } }) => {
    const document = await (await session.app()).health();
    const { renderHealth } = await import('../render/health.ts');
    await session.show(document, renderHealth);
    for (const note of document.notes) session.note(printable(note));
    return document.verdict === 'fail' || (strict && document.verdict === 'warn') ? UNHEALTHY : 0;
  },
});
