import type { AlertEvent } from '../../domain/alert-items.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Notifier } from '../../ports/notifier.ts';
import { runCommand } from '../shared/run-command.ts';
import { howItEnded, lastWord, MOST_OUTPUT } from './program-end.ts';

interface CommandOptions {
  readonly argv: readonly string[];
  /** Absolute; where a relative program is looked for too. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long the signal of a send lets it run, for words. */
  readonly limitMs: number;
  /** `SLURMCTL_HOME` and the like: so that a `slurmctl` in the program finds the job. */
  readonly places: Readonly<Record<string, string>>;
}

/** A program: the event as JSON on stdin, and what a shell script wants of it in its environment. */
export function createCommandNotifier({ argv, cwd, env, limitMs, places }: CommandOptions): Notifier {
  const program = argv[0] ?? '';
  return {
    words: `the program ${program}`,
    async send({ subject, text, event }, signal) {
      const result = await runCommand({
        argv,
        cwd,
        env: { ...env, ...places, ...variablesOf(event) },
        input: `${JSON.stringify({ ...event, subject, text })}\n`,
        // Its work counts, and not how much it says of it: a hook that is killed is not run again.
        maxOutput: MOST_OUTPUT,
        whenMore: 'keep-end',
        signal,
      });
      if (result.ended === 'exited' && result.exitCode === 0) return lastWord(result);
      throw new AppError('ALERT_NOT_SENT', { message: `${program}: ${howItEnded(result, limitMs)}` });
    },
  };
}

/** Text without NUL, which no environment can hold. */
const safe = (text: string): string => text.replaceAll('\0', '');

const variablesOf = ({ event, job, items, what, next, id }: AlertEvent): Record<string, string> => ({
  SLURMCTL_EVENT: event,
  SLURMCTL_EVENT_ID: safe(id),
  SLURMCTL_EVENT_TEXT: safe(what),
  SLURMCTL_EVENT_NEXT: safe(next),
  SLURMCTL_JOB: safe(job.id),
  SLURMCTL_JOB_NAME: safe(job.name),
  SLURMCTL_JOB_STATE: job.state,
  SLURMCTL_JOB_GENERATION: String(job.generation),
  SLURMCTL_ITEMS: String(items.total),
  SLURMCTL_ITEMS_SUCCEEDED: String(items.succeeded),
  SLURMCTL_ITEMS_FAILED: String(items.failed),
});
