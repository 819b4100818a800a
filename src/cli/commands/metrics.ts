import type { MetricsDocument } from '../../app/metrics-documents.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, many, text } from '../define-command.ts';
import { printable } from '../render/text.ts';
import type { Session } from '../session.ts';
import { PORT_OPTION } from './port-option.ts';

export const metrics = defineCommand({
  name: 'metrics',
  group: 'Look',
  summary: 'Print figures of jobs, limits and pools for Prometheus',
  description:
    'Prints figures in the text format of Prometheus: of the jobs named, or of every live job and the 20 newest that have ended, and of the limits and pools of the ' +
    'site. With --out, writes them to a file in one step, for the textfile collector of node-exporter. With --serve, serves them to this host until interrupted; the ' +
    'address holds a token. What each figure means is in docs/metrics.md. Looks only. Exits with 5 when a job could not be read; the figures of the others are there ' +
    'all the same.',
  args: { job: many('Jobs: ids, unique prefixes, names, or @last (default: live jobs and the newest ended ones)') },
  options: {
    out: text('file', 'Write here, replacing what is there; for the textfile collector its name must end in .prom'),
    serve: flag('Serve them on loopback until interrupted'),
    port: PORT_OPTION,
    tokenFile: text(
      'file',
      'With --serve: the token is in this file, made when missing (default: a new one each time)',
    ),
  },
  examples: [
    { command: 'slurmctl metrics', what: 'What Prometheus would see' },
    {
      command: '* * * * * slurmctl metrics --quiet --out /var/lib/node_exporter/textfile/slurmctl.prom',
      what: 'A line for crontab',
    },
    { command: 'slurmctl metrics --serve --port 9415 --token-file ~/.slurmctl-metrics-token', what: 'For a scraper' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job: jobs }, options }) => {
    requireSense(options);
    const { out, serve, port, tokenFile } = options;
    const app = await session.app();
    if (serve) {
      await app.serveMetrics({
        jobs,
        port: port ?? 0,
        ...(tokenFile === undefined ? {} : { tokenFile }),
        signal: session.io.signal,
        onListening: async (document) => {
          await session.show(document, ({ url }, { style }) => `${style.info(url ?? '')}\n`);
          noteUnreadable(session, document);
          session.note('stop with Ctrl-C');
        },
      });
      return 130;
    }
    const { document, exposition } = await app.metrics({ jobs, ...(out === undefined ? {} : { path: out }) });
    // A collector reads it: nothing is put into it that a person may copy.
    if (document.path === null && !session.flags.json) await session.print(exposition);
    else if (document.path === null) await session.show(document, () => '');
    else {
      if (session.flags.json) await session.show(document, () => '');
      session.note(`wrote ${printable(document.path)}`);
    }
    noteUnreadable(session, document);
    return document.unreadable.length > 0 ? 5 : 0;
  },
});

function requireSense({
  out,
  serve,
  port,
  tokenFile,
}: {
  readonly out: string | undefined;
  readonly serve: boolean;
  readonly port: number | undefined;
  readonly tokenFile: string | undefined;
}): void {
  if (serve && out !== undefined)
    throw new AppError('USAGE', { message: '--serve and --out cannot be given together', hint: 'Give one of them' });
  const alone = port === undefined ? (tokenFile === undefined ? null : '--token-file') : '--port';
  if (!serve && alone !== null)
    throw new AppError('USAGE', { message: `${alone} is for --serve`, hint: `Add --serve, or leave ${alone} out` });
  for (const [option, value] of [
    ['--out', out],
    ['--token-file', tokenFile],
  ])
    if (value === '')
      throw new AppError('USAGE', {
        message: `${option}: found "", expected the name of a file`,
        hint: 'For example: slurmctl.prom',
      });
}

function noteUnreadable(session: Session, { unreadable }: MetricsDocument): void {
  for (const { jobId, problem } of unreadable) session.note(`job ${jobId} is missing: ${printable(problem)}`);
}
