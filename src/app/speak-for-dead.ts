/** What is done for a worker that died, in its order: results are worth the most, its task must not wait for a log, and the log gets the time that is left. */
import { messageOf } from '../errors/app-error.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

/** Longest that saving what the worker had finished may hold up the report. */
const SAVE_MS = 3_000;

export interface LastDuties {
  /** Saves what the worker had finished: items saved. */
  saveResults(): Promise<number>;
  /** Gives its task back; false: it is no longer its own. */
  report(): Promise<boolean>;
  /** Stores its log. */
  saveLog(signal: AbortSignal): Promise<unknown>;
}

export interface SpokenFor {
  /** Items. */
  readonly saved: number;
  readonly ours: boolean;
}

/** @param untilMs of the monotonic clock: the log is given up then. @throws what the report throws */
export async function speakForDead(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  duties: LastDuties,
  untilMs: number,
): Promise<SpokenFor> {
  const within = async <T>(ms: number, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | null> => {
    const stop = new AbortController();
    let cancel = (): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = clock.after(Math.max(0, ms), () => {
        stop.abort();
        reject(new Error('it took too long'));
      });
    });
    try {
      return await Promise.race([work(stop.signal), late]);
    } catch (error) {
      log.warn(what, { error: messageOf(error) });
      return null;
    } finally {
      cancel();
    }
  };
  const saved = await within(SAVE_MS, 'what the worker had finished could not be saved', () => duties.saveResults());
  try {
    return { saved: saved ?? 0, ours: await duties.report() };
  } finally {
    const leftMs = untilMs - clock.monotonicMs();
    await within(leftMs, 'the log of the worker could not be saved', (signal) => duties.saveLog(signal));
  }
}
