import { AppError } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { SharedTime } from '../../ports/shared-time.ts';
import { aged, narrowed, type OffsetInterval, pauseBeforeStampMs, type Stamp } from './offset-interval.ts';

/** Half the widest interval with which anybody may work. */
const MAX_ERROR_MS = 300;
/** Stamps asked for in a row; two do where answers take less than a tenth of a second. */
const MAX_ASKED = 12;

/** The time of a service, learned from stamps that its driver comes by. */
export interface TimeKeeper {
  readonly sharedTime: SharedTime;
  /** True from the first question for the time: until then nobody needs stamps. */
  isAsked(): boolean;
  note(stamp: Stamp): void;
}

/** `ask` makes a request whose answer is noted. `place` names the service in messages. */
export function createTimeKeeper(options: {
  readonly clock: Clock;
  readonly place: string;
  readonly ask: () => Promise<void>;
}): TimeKeeper {
  const { clock, place, ask } = options;
  let known: OffsetInterval | null = null;
  let last: Stamp | null = null;
  let isAsked = false;

  const now: SharedTime['now'] = () => {
    isAsked = true;
    if (known === null) return 'unsure';
    const atMs = clock.monotonicMs();
    const { lowMs, highMs } = aged(known, atMs);
    const errorMs = (highMs - lowMs) / 2;
    return errorMs > MAX_ERROR_MS ? 'unsure' : { nowMs: atMs + (lowMs + highMs) / 2, errorMs };
  };

  async function sharpen(signal?: AbortSignal): Promise<void> {
    for (let asked = 0; now() === 'unsure'; asked += 1) {
      if (asked === MAX_ASKED) throw unknowable(`its answers take too long to tell the time`);
      if (known !== null && last !== null) {
        const tripMs = last.receivedMs - last.sentMs;
        await clock.sleep(
          pauseBeforeStampMs(known, { nowMs: clock.monotonicMs(), stepMs: last.stepMs, tripMs }),
          signal,
        );
      }
      signal?.throwIfAborted();
      const before = last;
      await ask();
      if (last === before) throw unknowable('its answers tell no time (no Date header)');
    }
  }

  const unknowable = (why: string): AppError =>
    new AppError('STATE_UNAVAILABLE', { message: `cannot learn the time of ${place}: ${why}` });

  return {
    sharedTime: { now, sharpen },
    isAsked: () => isAsked,
    note(stamp) {
      last = stamp;
      known = narrowed(known, stamp);
    },
  };
}
