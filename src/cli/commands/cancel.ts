import { defineCommand, required } from '../define-command.ts';
import { noteCarry } from '../render/carry.ts';
import { renderCancel } from '../render/decide.ts';
import { printable } from '../render/text.ts';
import { JOB_ARGUMENT } from './job-argument.ts';
import { reasonOption } from './reason-option.ts';

export const cancel = defineCommand({
  name: 'cancel',
  group: 'Work',
  summary: 'End a job',
  description:
    'Cancels the array jobs of a job and marks it and its unfinished tasks as cancelled. Finished tasks keep their results; running elements are told to end. Cancelling twice is harmless.',
  args: { job: required(JOB_ARGUMENT) },
  options: { reason: reasonOption('One line that status, list and explain will show') },
  examples: [{ command: 'slurmctl cancel @last --reason "wrong input"', what: 'End the newest job and say why' }],
  run: async (session, { args: { job }, options: { reason } }) => {
    const document = await (await session.app()).cancel({ job, ...(reason === undefined ? {} : { reason }) });
    await session.show(document, renderCancel);
    for (const words of document.told ?? []) session.note(printable(words));
    noteCarry(session, document.carry, document.jobId);
    session.next(`slurmctl status ${document.jobId}`);
    return 0;
  },
});
