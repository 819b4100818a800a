import { isFinalJobState } from '../../domain/states.ts';
import { parseDurationMs } from '../../domain/units.ts';
import { defineCommand, parsed, required } from '../define-command.ts';
import { createProgressView } from '../progress.ts';
import { renderAdvance } from '../render/advance.ts';
import { noteCarry } from '../render/carry.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

export const advance = defineCommand({
  name: 'advance',
  group: 'Work',
  summary: 'Take every step of a job that is due',
  description:
    'Compares the stored state of a job with the batch system and takes every step that is due: finishes a submit that was cut short, names the ' +
    'cause of tasks whose worker vanished, submits retries, and merges and publishes the output when all tasks are final. Safe to run at any time, ' +
    'from any host, any number of times.',
  args: { job: required(JOB_ARGUMENT) },
  options: {
    waitLease: parsed(
      'duration',
      'Wait up to this long for another slurmctl that is advancing the job (default: not at all)',
      {
        parse: parseDurationMs,
        expected: 'a duration with a unit, such as 30s or 5m',
      },
    ),
  },
  examples: [{ command: 'slurmctl advance @last', what: 'Go on with the newest job' }],
  run: async (session, { args: { job }, options: { waitLease } }) => {
    const app = await session.app();
    const view = await createProgressView(session);
    const document = await app
      .advance({
        job,
        ...(waitLease === undefined ? {} : { waitLeaseMs: waitLease }),
        onProgress: (progress) => view.progress(progress),
      })
      .finally(() => view.stop());
    await session.show(document, renderAdvance);
    noteCarry(session, document.carry, document.jobId);
    session.next(
      isFinalJobState(document.state)
        ? `slurmctl status ${document.jobId}`
        : `slurmctl status ${document.jobId} --watch`,
    );
    return 0;
  },
});
