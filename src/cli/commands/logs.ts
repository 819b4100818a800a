import type { LogLine } from '../../app/documents.ts';
import { taskIdOf } from '../../domain/ids.ts';
import { LOG_LEVELS } from '../../domain/log-line.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, parsed, required, text } from '../define-command.ts';
import type { LogLineDocument } from '../documents.ts';
import { jsonText } from '../render/json.ts';
import type { Session } from '../session.ts';
import { JOB_ARGUMENT } from './job-argument.ts';
import { parseSince, SINCE_EXPECTED } from './parse-since.ts';

/** Task numbers have up to nine digits. */
const TASK = /^\d{1,9}$/;
/** As attempts are called in every line; it becomes part of a key. */
const ATTEMPT = /^[A-Za-z0-9-]{1,48}_\d{1,7}\.\d{1,4}$/;

export const logs = defineCommand({
  name: 'logs',
  group: 'Look',
  summary: 'Show what handlers, workers and array elements wrote',
  description:
    'Prints the logs of a job: lines of handlers (what they log and what they print) and of workers with their task and attempt, and the raw output of ' +
    'array elements. Of running tasks there is what came with their last checkpoint. Several options together show the lines that meet all of them. With --follow, goes ' +
    'on until the job has ended; with --json, that is one document a line. Colour codes are taken out on a terminal and kept in a pipe.',
  args: { job: required(JOB_ARGUMENT) },
  options: {
    task: parsed('number', 'Only this task', {
      parse: (raw) => (TASK.test(raw) ? taskIdOf(Number(raw)) : null),
      expected: 'the number of a task, such as 12 or 000012',
    }),
    item: text('id', 'Only the item with this id, or with this position in the input, from 0, as #12'),
    attempt: parsed('id', 'Only this attempt, as lines and `explain` name it', {
      parse: (raw) => (ATTEMPT.test(raw) ? raw : null),
      expected: 'the id of an attempt, such as 4711_3.0',
    }),
    failed: flag('Only items that have failed for good'),
    grep: text('pattern', 'Only lines that match this regular expression'),
    level: parsed('level', 'Only lines of this level and above: debug, info, warn or error', {
      parse: (raw) => LOG_LEVELS.find((level) => level === raw.toLowerCase()) ?? null,
      expected: LOG_LEVELS.join(', '),
    }),
    since: parsed('when', 'Only lines since: a time such as 2026-11-21T09:30:00Z, or how long ago: 10m', {
      parse: parseSince,
      expected: SINCE_EXPECTED,
    }),
    follow: flag('Go on until the job has ended'),
  },
  examples: [
    { command: 'slurmctl logs @last --task 12', what: 'Everything about one task' },
    { command: 'slurmctl logs @last --item sample-0042', what: 'Everything one item wrote, in all its tries' },
    { command: 'slurmctl logs @last --failed --level warn', what: 'What went wrong' },
    { command: 'slurmctl logs @last --follow --since 10m --grep "time-?out"', what: 'Lines as they come' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options: { follow, failed, ...options } }) => {
    if (failed && (follow || options.item !== undefined))
      throw new AppError('USAGE', {
        message: `--failed and ${follow ? '--follow' : '--item'} cannot be given together`,
        hint: 'Give one of them',
      });
    const { signal } = session.io;
    const app = await session.app();
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const lines = app.logs({ job, follow, signal, ...(failed ? { failed } : {}), ...given });
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
  if (!any) session.note('no such log lines yet');
}

async function printJson(session: Session, lines: AsyncIterable<LogLine>, follow: boolean): Promise<void> {
  if (follow) {
    for await (const line of lines)
      await session.jsonLine({ schema: 'slurmctl.log-line/1', ...line } satisfies LogLineDocument);
    return;
  }
  // What cannot be read at all fails before the first line, and then stdout holds the document of the error alone.
  let separator = '{"schema":"slurmctl.logs/1","lines":[\n';
  for await (const line of lines) {
    await session.print(separator + jsonText(line));
    separator = ',\n';
  }
  await session.print(separator === ',\n' ? '\n]}\n' : `${separator}]}\n`);
}
