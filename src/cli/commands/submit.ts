import type { App } from '../../app/api.ts';
import type { SubmitDocument } from '../../app/documents.ts';
import { AppError, remedyOf } from '../../errors/app-error.ts';
import { defineCommand, flag, required } from '../define-command.ts';
import type { SubmitWaitDocument } from '../documents.ts';
import { createProgressView } from '../progress.ts';
import { problemLines } from '../render/problems.ts';
import { noteCarry } from '../render/carry.ts';
import { nextAfterStatus, renderStatus } from '../render/status.ts';
import { count, printable } from '../render/text.ts';
import type { Session } from '../session.ts';
import { exitCodeOf, followJob } from './follow.ts';
import { setOption } from './set-option.ts';

export const submit = defineCommand({
  name: 'submit',
  group: 'Work',
  summary: 'Submit a job and print its id',
  description:
    'Checks the job file, its handler and its whole input, splits the input into tasks, and submits the tasks as array jobs. Prints the job id ' +
    'alone on stdout. The job then drives itself; with --wait this command follows it to its end, and exits with 3 if it failed or was cancelled. ' +
    'Interrupting --wait does not stop the job.',
  args: { jobFile: required('Job file (YAML)') },
  options: { wait: flag('Follow the job to its end'), set: setOption },
  examples: [
    { command: 'slurmctl submit job.yaml', what: 'Submit and return' },
    { command: 'slurmctl submit job.yaml --wait', what: 'Submit and follow with a progress bar' },
    { command: 'JOB=$(slurmctl submit job.yaml --set batch.items=50)', what: 'Keep the id in a variable' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { jobFile }, options: { wait, set } }) => {
    const app = await session.app({ jobFile });
    const submitted = await submitJob(session, app, { jobFile, set });
    const { jobId, waitingFor } = submitted;
    if (!session.flags.json) await session.print(`${jobId}\n`);
    session.note(submittedSentence(submitted));
    for (const { name, figures, isNew } of submitted.limits ?? [])
      if (isNew) session.note(`limit ${name} is set for this site: ${printable(figures)}`);
    for (const { name, slots, isNew } of submitted.pools ?? [])
      if (isNew) session.note(`pool ${name} is set for this site: ${count(slots, 'slot')}`);
    const { concurrency } = submitted;
    if (concurrency?.isNew === true)
      session.note(`group ${concurrency.group} is set for this site: ${count(concurrency.max, 'job')} at a time`);
    if (waitingFor !== null) session.note(`waiting for: ${printable(waitingFor)}`);
    if (!wait) noteCarry(session, submitted.carry, jobId);
    if (!wait) {
      if (session.flags.json) await session.show(submitted, () => '');
      // A job that waits for its turn comes by itself.
      const isDriven = waitingFor === null || (concurrency !== undefined && submitted.elements === 0);
      session.next(isDriven ? `slurmctl status ${jobId} --watch` : `slurmctl advance ${jobId}`);
      return 0;
    }
    const final = await followJob(session, app, jobId);
    if (session.flags.json) await session.show<SubmitWaitDocument>({ ...submitted, final }, () => '');
    session.note(
      renderStatus(final, { ...session.view, style: session.noteStyle, width: session.io.stderr.columns }).trimEnd(),
    );
    noteCarry(session, final.carry, jobId);
    session.next(nextAfterStatus(final));
    return exitCodeOf(final);
  },
});

const submittedSentence = ({ name, items, tasks, elements, scheduler, schedulerFrom }: SubmitDocument): string =>
  `submitted ${printable(name)}: ${count(items, 'item')} in ${count(tasks, 'task')}, ` +
  `${count(elements, 'array element')} on ${scheduler} (${printable(schedulerFrom)})`;

async function submitJob(
  session: Session,
  app: App,
  { jobFile, set }: { readonly jobFile: string; readonly set: readonly string[] },
): Promise<SubmitDocument> {
  const view = await createProgressView(session);
  let created: string | undefined;
  try {
    return await app.submit({
      jobFile,
      set,
      onProgress: (progress) => view.progress(progress),
      onJob: (id) => {
        created = id;
      },
      onWarning: (warning) => {
        for (const line of problemLines(warning, session.noteStyle.warn('warning: '))) session.note(line);
      },
      signal: session.io.signal,
    });
  } catch (error) {
    if (session.io.signal.aborted) throw halfSubmitted(interruptedSubmit(created), created);
    throw halfSubmitted(error, created);
  } finally {
    view.stop();
  }
}

const interruptedSubmit = (created: string | undefined): AppError =>
  created === undefined
    ? new AppError('INTERRUPTED', { message: 'interrupted before a job was created', hint: 'Nothing was submitted' })
    : new AppError('INTERRUPTED', { message: 'interrupted while submitting' });

/** A job that exists already is named, with the two ways on: nothing of it is lost. */
function halfSubmitted(error: unknown, job: string | undefined): unknown {
  if (!(error instanceof AppError) || job === undefined) return error;
  const own = error.code === 'INTERRUPTED' ? '' : `${remedyOf(error)}. `;
  return new AppError(error.code, {
    message: `job ${job} is stored but not fully submitted: ${error.message}`,
    hint: `${own}Go on with: slurmctl advance ${job}; or give it up with: slurmctl cancel ${job}`,
    details: { ...error.details, jobId: job },
    problems: error.problems,
    cause: error,
  });
}
