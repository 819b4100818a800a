import type { App } from '../../app/api.ts';
import type { RetryDocument } from '../../app/documents.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { LEAST_MEMORY_BYTES, LEAST_TIME_MS, MOST_MEMORY_BYTES } from '../../domain/resource-range.ts';
import { parseBytes, parseDurationMs } from '../../domain/units.ts';
import { AppError, remedyOf } from '../../errors/app-error.ts';
import { defineCommand, flag, parsed, required, text } from '../define-command.ts';
import type { RetryWaitDocument } from '../documents.ts';
import { createProgressView } from '../progress.ts';
import { noteCarry } from '../render/carry.ts';
import { renderRetry } from '../render/retry.ts';
import { nextAfterStatus, renderStatus } from '../render/status.ts';
import { printable, shellWord } from '../render/text.ts';
import type { Session } from '../session.ts';
import { exitCodeOf, followJob } from './follow.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

/** Null outside of what a job file can ask for. */
const between =
  (least: number, most: number, parse: (text: string) => number | null) =>
  (value: string): number | null => {
    const amount = parse(value);
    return amount === null || amount < least || amount > most ? null : amount;
  };

export const retry = defineCommand({
  name: 'retry',
  group: 'Work',
  summary: 'Run chosen items of a job again',
  description:
    'Runs the items again that failed, or those of them that the options choose, and nothing else; what succeeded keeps its result. An item must meet ' +
    'all options that are given. Works on jobs that have ended, also cancelled ones (where items that never ran count as failed), and on the ended ' +
    'tasks of a job that runs. Items named with --items run again whatever became of them before; so do all items of the tasks of --task with --all. ' +
    'The job is then in its next generation: what was published before stays readable until the retry publishes. The handler is loaded anew, so a ' +
    'handler that was corrected is used. With nothing to run again, nothing is changed.',
  args: { job: required(JOB_ARGUMENT) },
  options: {
    failed: flag('Every failed item; this is what happens without any option'),
    dead: flag('Only tasks that slurmctl gave up'),
    cause: text('list', 'Only items that failed of these causes, such as oom,timeout'),
    error: text('list', 'Only failures of these fingerprints (see analyze-errors), or those that begin so'),
    items: text('file', 'Exactly the items with these ids, one a line; - reads them from stdin'),
    task: text('ranges', 'Only tasks with these numbers, such as 3,12-40'),
    all: flag('With --task: all items of those tasks, also those that succeeded'),
    memory: parsed('size', 'Memory of each array element that runs them (default: as before)', {
      parse: between(LEAST_MEMORY_BYTES, MOST_MEMORY_BYTES, parseBytes),
      expected: 'a size with a unit from 1M to 64T, such as 8G',
    }),
    time: parsed('duration', 'Time limit of each array element that runs them (default: as before)', {
      parse: between(LEAST_TIME_MS, Infinity, parseDurationMs),
      expected: 'a duration with a unit of at least 1s, such as 90m or 2h',
    }),
    dryRun: flag('Only say what would run again'),
    wait: flag('Follow the job to its end'),
  },
  examples: [
    { command: 'slurmctl retry @last --dry-run', what: 'What failed, by cause and by fingerprint' },
    { command: 'slurmctl retry @last --wait', what: 'Run everything again that failed, and follow it' },
    { command: 'slurmctl retry licences --cause oom,time-limit --memory 16G --time 4h', what: 'With more of both' },
    { command: 'slurmctl retry @last --items ids.txt', what: 'Exactly the items with these ids' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options: { memory, time, wait, ...wishes } }) => {
    const app = await session.app();
    const chosen = Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined));
    const document = await retryJob(session, app, {
      ...chosen,
      job,
      dryRun: wishes.dryRun,
      ...(memory === undefined ? {} : { memoryBytes: memory }),
      ...(time === undefined ? {} : { timeMs: time }),
    });
    const { jobId, items, dryRun, state } = document;
    const follows = wait && !dryRun && !isFinalJobState(state);
    if (!follows) {
      await session.show(document, renderRetry);
      noteCarry(session, document.carry, jobId);
      session.next(dryRun && items > 0 ? again(jobId, { ...wishes, memory, time }) : nextAfter(document));
      return 0;
    }
    session.note(
      renderRetry(document, { ...session.view, style: session.noteStyle, width: session.io.stderr.columns }).trimEnd(),
    );
    const final = await followJob(session, app, jobId);
    const status = renderStatus(final, { ...session.view, style: session.noteStyle, width: session.io.stderr.columns });
    if (session.flags.json) await session.show<RetryWaitDocument>({ ...document, final }, () => '');
    session.note(status.trimEnd());
    noteCarry(session, final.carry, jobId);
    session.next(nextAfterStatus(final));
    return exitCodeOf(final);
  },
});

/** The same command without `--dry-run`. */
function again(jobId: string, options: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const words = Object.entries(options).flatMap(([name, value]) => {
    if (name === 'dryRun' || value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    const units = name === 'memory' ? MEMORY_UNITS : TIME_UNITS;
    return [`--${name} ${shellWord(printable(typeof value === 'number' ? exactly(value, units) : value))}`];
  });
  return ['slurmctl retry', jobId, ...words].join(' ');
}

const MEMORY_UNITS = { T: 1024 ** 4, G: 1024 ** 3, M: 1024 ** 2, K: 1024, B: 1 };
const TIME_UNITS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** In the largest unit that loses nothing: the command asks for what was asked for. */
function exactly(amount: number, units: Readonly<Record<string, number>>): string {
  const [unit, size] = Object.entries(units).find(([, one]) => amount % one === 0) ?? ['', 1];
  return `${amount / size}${unit}`;
}

function nextAfter({ jobId, state, waitingFor }: RetryDocument): string {
  if (isFinalJobState(state)) return `slurmctl status ${jobId}`;
  if (state === 'PAUSED') return `slurmctl resume ${jobId}`;
  return waitingFor === null ? `slurmctl status ${jobId} --watch` : `slurmctl advance ${jobId}`;
}

async function retryJob(
  session: Session,
  app: App,
  request: Omit<Parameters<App['retry']>[0], 'stdin' | 'onProgress' | 'onReopened' | 'signal'>,
): Promise<RetryDocument> {
  const { io } = session;
  const view = await createProgressView(session);
  let reopened: string | undefined;
  try {
    return await app.retry({
      ...request,
      stdin: () => io.stdin(),
      onProgress: (progress) => view.progress(progress),
      onReopened: (id) => {
        reopened = id;
      },
      signal: io.signal,
    });
  } catch (error) {
    const interruption = { message: 'interrupted before anything was changed', hint: 'Nothing runs again' };
    const what = io.signal.aborted ? new AppError('INTERRUPTED', interruption) : error;
    throw reopened === undefined ? what : halfSent(what, reopened);
  } finally {
    view.stop();
  }
}

/** A job that is open again is named, with the two ways on. */
function halfSent(error: unknown, job: string): unknown {
  if (!(error instanceof AppError)) return error;
  const interrupted = error.code === 'INTERRUPTED';
  return new AppError(error.code, {
    message: `job ${job} is open again but not fully submitted: ${interrupted ? 'interrupted' : printable(error.message)}`,
    hint: `${interrupted ? '' : `${remedyOf(error)}. `}Go on with: slurmctl advance ${job}; or give it up with: slurmctl cancel ${job}`,
    details: { ...error.details, jobId: job },
    problems: error.problems,
    cause: error,
  });
}
