import type { DashboardDocument } from '../../app/dashboard-documents.ts';
import { formatBytes } from '../../domain/units.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, optional, text } from '../define-command.ts';
import { printable } from '../render/text.ts';
import type { View } from '../render/view.ts';
import { JOB_ARGUMENT } from './job-argument.ts';
import { PORT_OPTION } from './port-option.ts';

export const dashboard = defineCommand({
  name: 'dashboard',
  group: 'Look',
  summary: 'Make a page that shows everything about a job',
  description:
    'Writes one HTML file: progress over time, every task as a cell, failures in groups, retries, durations, nodes, requested and used resources, ' +
    'rate limits, the job file and exact versions. It needs no network and can be mailed or archived. With --serve, the page is served to browsers of ' +
    'this host and keeps itself up to date, until interrupted; its address holds a token, and who does not have it sees nothing. Looks only; never ' +
    'advances the job.',
  args: { job: optional(JOB_ARGUMENT, '@last') },
  options: {
    out: text('file', 'Write here, replacing what is there (default: JOB.html in this directory)'),
    serve: flag('Serve a page that keeps itself up to date, until interrupted'),
    port: PORT_OPTION,
  },
  examples: [
    { command: 'slurmctl dashboard', what: 'A page about the newest job' },
    {
      command: 'slurmctl dashboard licences --out licences.html',
      what: 'The same about another job, in a file of this name',
    },
    {
      command: 'slurmctl dashboard @last --serve',
      what: 'A page that follows the job; open the address that is printed',
    },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options: { out, serve, port } }) => {
    if (serve && out !== undefined)
      throw new AppError('USAGE', { message: '--serve and --out cannot be given together', hint: 'Give one of them' });
    if (!serve && port !== undefined)
      throw new AppError('USAGE', { message: '--port is for --serve', hint: `Add --serve, or leave --port out` });
    if (out === '')
      throw new AppError('USAGE', {
        message: '--out: found "", expected the name of a file',
        hint: 'For example: --out dashboard.html',
      });
    const app = await session.app();
    if (!serve) {
      await session.show(await app.dashboard({ job, ...(out === undefined ? {} : { path: out }) }), renderDashboard);
      return 0;
    }
    await app.serveDashboard({
      job,
      port: port ?? 0,
      signal: session.io.signal,
      onListening: async (document) => {
        await session.show(document, renderDashboard);
        session.note('stop with Ctrl-C; from another host: ssh -L, then open the same address there');
      },
    });
    return 130;
  },
});

function renderDashboard({ path, bytes, url }: DashboardDocument, { style }: View): string {
  if (url !== null) return `${style.info(url)}\n`;
  return `${style.info(printable(path ?? ''))} ${style.dim(formatBytes(bytes ?? 0))}\n`;
}
