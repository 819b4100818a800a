/**
 * The end of an attempt whose items all have an outcome: its files are made, stored and committed. Where that cannot be done in the time there is,
 * they are kept in a spill place, so that work that is done is not done again because it could not be reported.
 */
import type { TaskId } from '../domain/ids.ts';
import type { Win } from '../domain/task-item.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import { keepSealed } from './keep-sealed.ts';
import type { ElementContext } from './needs.ts';
import { isTransient, whileThereIsTime } from './patience.ts';
import { sealLocally, storeSealed, type SealOptions } from './seal.ts';
import { commitTask, releaseTask, type ClaimedTask } from './task-writes.ts';

export interface Reported {
  readonly win: Win;
  /** False: another attempt has won, or the task is of another generation. */
  readonly won: boolean;
}

/** @throws what sealing throws; and what storing and committing threw last, after the result was kept (the message then says where) */
export async function reportAttempt(context: ElementContext, options: SealOptions): Promise<Reported> {
  const sealed = await sealLocally(context, options);
  const { claimed } = options;
  try {
    return await whileThereIsTime(context, async (patient) => {
      const win = await storeSealed(patient, sealed);
      return { win, won: await commitTask(patient, claimed, win) };
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    const reason = `${error.code}: ${error.message}`;
    const kept = await keepSealed(context, sealed, reason);
    if (kept === null) throw error;
    await sayWhere(context, claimed, kept, reason);
    throw new AppError(error.code, {
      message: `task ${claimed.task} is finished but could not be reported; its result waits in ${kept}: ${error.message}`,
      details: error.details,
      cause: error,
    });
  }
}

/** The task waits with its cause, where state answers: one try, because whoever adopts the result does not need to be told. */
async function sayWhere(context: ElementContext, claimed: ClaimedTask, kept: string, reason: string): Promise<void> {
  const impatient = { ...context, reportingSinceMs: Number.NEGATIVE_INFINITY };
  const detail = `finished, but not reported; its result waits in ${kept} (${reason})`;
  try {
    await releaseTask(impatient, claimed.key, { cause: 'unreported', detail });
  } catch (error) {
    if (!isTransient(error))
      context.deps.log.warn('task not released', { task: claimed.task satisfies TaskId, error: String(error) });
  }
}
