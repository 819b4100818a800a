/** Hints in the retry queue that a task is worth a look. The task items are the truth, so a queue that fails costs time only, and little of it. */
import type { JobId } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import { MAX_QUEUE_DELAY_MS, type RetryMessage } from '../ports/retry-queue.ts';
import type { CoordinatorDeps } from './needs.ts';

export interface Hints {
  /** A message that comes when the retry is due, or as late as the queue can delay it. */
  send(message: RetryMessage): Promise<void>;
}

/** The hints of one pass. The first failure ends them: each one waits for a queue that does not answer, and there may be thousands. */
export function createHints({ queue, log, clock }: Pick<CoordinatorDeps, 'queue' | 'log' | 'clock'>): Hints {
  let failed = false;
  return {
    async send(message) {
      if (failed) return;
      const delayMs = Math.min(MAX_QUEUE_DELAY_MS, Math.max(0, message.notBeforeMs - clock.nowMs()));
      try {
        await queue.send([message], delayMs);
      } catch (error) {
        if (!isAppError(error)) throw error;
        failed = true;
        log.warn('retry hints not queued', { job: message.job, task: message.task, error: error.message });
      }
    },
  };
}

/** Removes the hints of a job that is over. Those that stay are dropped by whoever receives them. */
export async function dropHints({ queue, log }: Pick<CoordinatorDeps, 'queue' | 'log'>, job: JobId): Promise<void> {
  try {
    await queue.purge(job);
  } catch (error) {
    if (!isAppError(error)) throw error;
    log.warn('retry hints of an ended job not removed', { job, error: error.message });
  }
}
