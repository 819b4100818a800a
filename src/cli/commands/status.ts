import type { App } from '../../app/api.ts';
import type { StatusDocument } from '../../app/documents.ts';
import { defineCommand, flag, optional } from '../define-command.ts';
import { watchLive } from '../live-view.ts';
import { nextAfterStatus, renderStatus, statusSentence } from '../render/status.ts';
import type { Session } from '../session.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

export const status = defineCommand({
  name: 'status',
  group: 'Look',
  summary: 'Show how a job is doing',
  description:
    'Shows state, items, tasks, how long is left, what it used, why elements wait in the queue, slow tasks, causes of failure and submissions of a job. With --watch, goes on until the job has ended: redrawn in ' +
    'place on a terminal, a line for each change otherwise, and with --json one document a line. Looks only; never advances the job. Exits with 0 ' +
    'whatever the state of the job is.',
  args: { job: optional(JOB_ARGUMENT, '@last') },
  options: { watch: flag('Go on until the job has ended') },
  examples: [
    { command: 'slurmctl status', what: 'The newest job' },
    { command: 'slurmctl status licences --watch', what: 'The newest job named licences, live' },
    { command: 'slurmctl status @last --json | jq .items', what: 'Counts for a script' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options: { watch } }) => {
    const app = await session.app();
    if (watch) return watchJob(session, app, job);
    const document = await app.status(job);
    await session.show(document, renderStatus);
    session.next(nextAfterStatus(document));
    return 0;
  },
});

async function watchJob(session: Session, app: App, job: string): Promise<number> {
  const last = await watchLive(session, app.watch({ job, signal: session.io.signal }), {
    render: renderStatus,
    sentence: statusSentence,
    // Speed and what it leaves to wait for differ at every look; a line for that alone would be noise.
    facts: (document: StatusDocument) => [document.job.state, document.job.reason, document.items],
  });
  if (last === 'interrupted') return 130;
  if (last !== undefined) session.next(nextAfterStatus(last));
  return 0;
}
