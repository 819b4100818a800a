import { defineCommand, flag, optional, parsed } from '../define-command.ts';
import { JOB_ARGUMENT } from './job-argument.ts';
import { parseSince, SINCE_EXPECTED } from './parse-since.ts';

export const events = defineCommand({
  name: 'events',
  group: 'Look',
  summary: 'Tell what happened to a job, event by event',
  description:
    'Prints what happened to a job in order: submitted, arrays accepted, tasks started, completed, retried or given up, waits, what people did, and how it ended. ' +
    'With --json, one document a line, for programs: ids stay the same, so that nothing has to be handled twice. With --follow, goes on until the job has ended. ' +
    'The kinds are listed in docs/json.md. Looks only.',
  args: { job: optional(JOB_ARGUMENT, '@last') },
  options: {
    follow: flag('Go on until the job has ended'),
    since: parsed('when', 'Leave out what happened before: a time such as 2026-11-21T09:30:00Z, or how long ago: 2h', {
      parse: parseSince,
      expected: SINCE_EXPECTED,
    }),
  },
  examples: [
    { command: 'slurmctl events', what: 'What happened to the newest job' },
    { command: 'slurmctl events licences --since 2h', what: 'What happened in the last two hours' },
    { command: 'slurmctl events @last --follow --json | ./on-event', what: 'Each event to a program of yours, once' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options: { follow, since } }) => {
    const { signal } = session.io;
    const app = await session.app();
    const found = app.events({ job, follow, signal, ...since });
    const { renderLifecycleEvent } = await import('../render/lifecycle.ts');
    try {
      for await (const event of found)
        await (session.flags.json ? session.jsonLine(event) : session.print(renderLifecycleEvent(event, session.view)));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return signal.aborted ? 130 : 0;
  },
});
