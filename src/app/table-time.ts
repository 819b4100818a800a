import { isAppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

/**
 * Epoch ms at the place where the state is kept, by which turns are sold: the clock of the host that asks may be wrong. Where the place tells no time
 * it is the host's all the same, since the figures are for people. About a second where answers bear whole seconds, once a process.
 */
export async function tableNowMs(
  { state, clock }: Pick<Drivers, 'state' | 'clock'>,
  signal?: AbortSignal,
): Promise<number> {
  const { sharedTime } = state;
  if (sharedTime === undefined) return clock.nowMs();
  try {
    await sharedTime.sharpen(signal);
  } catch (error) {
    // A table that cannot be reached says so when the figures are read.
    if (!isAppError(error)) throw error;
  }
  const moment = sharedTime.now();
  return moment === 'unsure' ? clock.nowMs() : moment.nowMs;
}
