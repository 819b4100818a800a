import { parseDurationMs } from '../../domain/units.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, optional, parsed } from '../define-command.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

const DEFAULT_AGE_MS = 30 * 24 * 3_600_000;

export const gc = defineCommand({
  name: 'gc',
  group: 'Upkeep',
  summary: 'Free the space and files of jobs that have ended',
  description:
    'Removes what an ended job no longer needs (attempts that lost, checkpoints) and what nothing refers to; keeps output, batches and logs. Jobs ' +
    'that ended less than 30 days ago are left alone unless JOB or --older-than says otherwise. Live jobs are never touched. --purge removes whole ' +
    'jobs, their output included, also output whose state is lost, and therefore wants JOB or --older-than.',
  args: { job: optional(`${JOB_ARGUMENT} (default: every job that is old enough)`) },
  options: {
    olderThan: parsed('duration', 'Only jobs that ended at least this long ago (default: 30d; with JOB: any age)', {
      parse: parseDurationMs,
      expected: 'a duration with a unit, such as 30d, 12h or 90m',
    }),
    dryRun: flag('Only show what would be removed'),
    purge: flag('Remove whole jobs, output included'),
  },
  examples: [
    { command: 'slurmctl gc --dry-run', what: 'See what could be freed' },
    { command: 'slurmctl gc --older-than 7d', what: 'Compact jobs that ended a week ago or earlier' },
    { command: 'slurmctl gc licences-7k3f9q2m --purge', what: 'Remove one job altogether' },
  ],
  run: async (session, { args: { job }, options: { olderThan, dryRun, purge } }) => {
    if (purge && job === undefined && olderThan === undefined)
      throw new AppError('USAGE', {
        message: '--purge removes outputs: it needs JOB or --older-than',
        hint: 'See first what would go with: slurmctl gc --purge --older-than 30d --dry-run',
      });
    const olderThanMs = olderThan ?? (job === undefined ? DEFAULT_AGE_MS : 0);
    const app = await session.app();
    const document = await app.gc({ dryRun, olderThanMs, purge, ...(job === undefined ? {} : { job }) });
    const { renderGc } = await import('../render/gc.ts');
    await session.show(document, renderGc);
    if (dryRun && document.removed.length > 0) session.note('nothing was removed; run it again without --dry-run');
    return 0;
  },
});
