import type { Clock } from '../../../ports/clock.ts';
import type { QueuedSubmission } from '../../../ports/batch-system.ts';
import { runCommand, type RunCommand } from '../../shared/run-command.ts';
import { askWholeQueue } from './query.ts';
import { queuedSubmissions } from './queued.ts';
import { createSlurmCommands } from './slurm-commands.ts';
import type { Environment } from './slurm-environment.ts';

/** Asks, with one squeue, for everything of one user. @throws BATCH_UNREACHABLE, BATCH_NOT_INSTALLED, BATCH_BAD_ANSWER */
export async function askOwnQueue(options: {
  readonly env: Environment;
  readonly clock: Clock;
  readonly uid: number;
  /** Longest wait for the answer. */
  readonly mostMs: number;
  readonly run?: RunCommand;
}): Promise<QueuedSubmission[]> {
  const { env, clock, uid, mostMs, run = runCommand } = options;
  const impatient: RunCommand = (request) =>
    run({ ...request, deadlineMs: Math.min(request.deadlineMs ?? mostMs, mostMs) });
  return queuedSubmissions(await askWholeQueue(createSlurmCommands({ run: impatient, env, clock }), uid));
}
