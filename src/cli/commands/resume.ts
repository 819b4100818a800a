import { isFinalJobState } from '../../domain/states.ts';
import { defineCommand, required } from '../define-command.ts';
import { createProgressView } from '../progress.ts';
import { noteCarry } from '../render/carry.ts';
import { renderResume } from '../render/decide.ts';
import { JOB_ARGUMENT } from './job-argument.ts';
import { reasonOption } from './reason-option.ts';

export const resume = defineCommand({
  name: 'resume',
  group: 'Work',
  summary: 'Let a paused job go on',
  description:
    'Releases the array elements that were held and takes every step that is due: goes on with a submit that was paused, sends elements for tasks ' +
    'that wait, and merges the output when all tasks are final. Resuming a job that is not paused is harmless.',
  args: { job: required(JOB_ARGUMENT) },
  options: { reason: reasonOption('One line that status and explain will show') },
  examples: [{ command: 'slurmctl resume @last', what: 'Go on with the newest job' }],
  run: async (session, { args: { job }, options: { reason } }) => {
    const app = await session.app();
    const view = await createProgressView(session);
    const document = await app
      .resume({
        job,
        ...(reason === undefined ? {} : { reason }),
        onProgress: (progress) => view.progress(progress),
      })
      .finally(() => view.stop());
    await session.show(document, renderResume);
    noteCarry(session, document.carry, document.jobId);
    session.next(
      isFinalJobState(document.state)
        ? `slurmctl status ${document.jobId}`
        : `slurmctl status ${document.jobId} --watch`,
    );
    return 0;
  },
});
