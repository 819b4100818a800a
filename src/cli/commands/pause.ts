import { defineCommand, flag, required } from '../define-command.ts';
import { noteCarry } from '../render/carry.ts';
import { renderPause } from '../render/decide.ts';
import { JOB_ARGUMENT } from './job-argument.ts';
import { reasonOption } from './reason-option.ts';

export const pause = defineCommand({
  name: 'pause',
  group: 'Work',
  summary: 'Start nothing more of a job until it is resumed',
  description:
    'Holds the array elements of a job that wait, and keeps everything else from being submitted. Elements that run finish their task and stop; with ' +
    '--now they save their work and stop at once, and go on from there when the job is resumed. Works while a job is submitted or running; pausing ' +
    'twice is harmless.',
  args: { job: required(JOB_ARGUMENT) },
  options: {
    reason: reasonOption('One line that status, list and explain will show'),
    now: flag('Tell running elements to save their work and stop at once'),
  },
  examples: [
    {
      command: 'slurmctl pause @last --reason "the file server moves"',
      what: 'Let what runs finish its task, start nothing more',
    },
    { command: 'slurmctl pause @last --now', what: 'Free the nodes within seconds' },
  ],
  run: async (session, { args: { job }, options: { reason, now } }) => {
    const document = await (await session.app()).pause({ job, now, ...(reason === undefined ? {} : { reason }) });
    await session.show(document, renderPause);
    noteCarry(session, document.carry, document.jobId);
    session.next(`slurmctl resume ${document.jobId}`);
    return 0;
  },
});
