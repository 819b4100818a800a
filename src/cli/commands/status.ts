import type { App } from '../../app/api.ts';
import type { StatusDocument } from '../../app/documents.ts';
import { defineCommand, flag, optional } from '../define-command.ts';
import { nextAfterStatus, renderStatus, statusSentence } from '../render/status.ts';
import { displayWidth } from '../render/text.ts';
import type { Session } from '../session.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

export const status = defineCommand({
  name: 'status',
  group: 'Look',
  summary: 'Show how a job is doing',
  description:
    'Shows state, items, tasks, speed, causes of failure and submissions of a job. With --watch, goes on until the job has ended: redrawn in ' +
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
  const { io } = session;
  const draw = drawer(session);
  let last: StatusDocument | undefined;
  try {
    for await (const document of app.watch({ job, signal: io.signal })) {
      last = document;
      await draw(document);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
  // Ctrl-C is the ordinary way to stop watching: nothing went wrong and nothing is said.
  if (io.signal.aborted) {
    // The terminal has just printed ^C; the prompt belongs on a line of its own.
    if (io.stdout.isTty && !session.flags.json) await session.print('\n');
    return 130;
  }
  if (last !== undefined) session.next(nextAfterStatus(last));
  return 0;
}

/** Prints one status after the other in the way that stdout can take. */
function drawer(session: Session): (document: StatusDocument) => Promise<void> {
  const { io, flags, view } = session;
  if (flags.json) return (document) => session.jsonLine(document);
  if (!io.stdout.isTty || io.env['TERM'] === 'dumb') {
    let shown = '';
    return async (document) => {
      // Speed and what it leaves to wait for differ at every look; a line for that alone would be noise.
      const facts = JSON.stringify([document.job.state, document.job.reason, document.items]);
      if (facts === shown) return;
      shown = facts;
      await session.print(`${statusSentence(document)}\n`);
    };
  }
  let shown: readonly string[] = [];
  return async (document) => {
    const { columns, rows } = io.stdout;
    // A terminal that was made narrower meanwhile has wrapped what stands there.
    const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(shownWidth(line) / columns)), 0);
    // The cursor cannot go above the screen, so a taller picture is cut to it.
    shown = renderStatus(document, { ...view, width: columns })
      .split('\n')
      .slice(0, -1)
      .slice(0, Math.max(1, rows - 1));
    const back = height === 0 ? '' : `\u001b[${height}A\u001b[0J`;
    await session.print(`${back}${shown.join('\n')}\n`);
  };
}

// oxlint-disable-next-line no-control-regex -- what colours are made of
const COLOURS = /\u001b\[[0-9;]*m/g;

const shownWidth = (line: string): number => displayWidth(line.replaceAll(COLOURS, ''));
