import type { LogLine } from '../../app/documents.ts';
import { taskIdOf } from '../../domain/ids.ts';
import { defineCommand, flag, parsed, required } from '../define-command.ts';
import type { LogLineDocument } from '../documents.ts';
import { jsonText } from '../render/json.ts';
import type { Session } from '../session.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

/** Task numbers have up to nine digits. */
const TASK = /^\d{1,9}$/;

export const logs = defineCommand({
  name: 'logs',
  group: 'Look',
  summary: 'Show what handlers, workers and array elements wrote',
  description:
    'Prints the logs of a job: lines of handlers and workers with their task and attempt, and the raw output of array elements. With --follow, goes ' +
    'on until the job has ended; with --json, that is one document a line. Colour codes are taken out on a terminal and kept in a pipe.',
  args: { job: required(JOB_ARGUMENT) },
  options: {
    task: parsed('number', 'Only this task', {
      parse: (raw) => (TASK.test(raw) ? taskIdOf(Number(raw)) : null),
      expected: 'the number of a task, such as 12 or 000012',
    }),
    follow: flag('Go on until the job has ended'),
  },
  examples: [
    { command: 'slurmctl logs @last --task 12', what: 'Everything about one task' },
    { command: 'slurmctl logs @last --follow', what: 'Lines as they come' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options: { task, follow } }) => {
    const { signal } = session.io;
    const app = await session.app();
    const lines = app.logs({ job, follow, signal, ...(task === undefined ? {} : { task }) });
    try {
      await (session.flags.json ? printJson(session, lines, follow) : printText(session, lines));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return signal.aborted ? 130 : 0;
  },
});

async function printText(session: Session, lines: AsyncIterable<LogLine>): Promise<void> {
  const { renderLogLine } = await import('../render/log-line.ts');
  let any = false;
  for await (const line of lines) {
    any = true;
    await session.print(renderLogLine(line, session.view, session.io.stdout.isTty));
  }
  if (!any) session.note('no log lines yet');
}

async function printJson(session: Session, lines: AsyncIterable<LogLine>, follow: boolean): Promise<void> {
  if (follow) {
    for await (const line of lines)
      await session.jsonLine({ schema: 'slurmctl.log-line/1', ...line } satisfies LogLineDocument);
    return;
  }
  await session.print('{"schema":"slurmctl.logs/1","lines":[');
  let separator = '\n';
  for await (const line of lines) {
    await session.print(separator + jsonText(line));
    separator = ',\n';
  }
  await session.print('\n]}\n');
}
