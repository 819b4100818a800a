/**
 * Repeats what may be repeated. The SDK's own retries are switched off, because they repeat a write whose answer was lost as if it had not
 * been applied; here a call says what it is:
 * - `read`, and writes that can be applied twice without harm (`idempotent`): repeated after anything that may pass;
 * - `write`: repeated only when the service certainly did not act (throttled, never connected). An answer that was lost is thrown as
 *   `AmbiguousWrite` for the driver to resolve by looking.
 *
 * Pauses are drawn uniformly from 0 to an exponential cap ("full jitter": Brooker, "Exponential backoff and jitter", AWS Architecture Blog,
 * 2015). Calls in flight are limited by a window that halves when the service says "too fast" and grows again by one a window of answers
 * (additive increase, multiplicative decrease).
 */

import { setMaxListeners } from 'node:events';
import type { Clock } from '../../../ports/clock.ts';
import type { Random } from '../../../ports/random.ts';
import { awsError, type AwsRequest } from './aws-error.ts';
import { awsFailure, type AwsFailureKind } from './failure.ts';

/** A write that may or may not have been applied. */
export class AmbiguousWrite extends Error {
  override readonly name = 'AmbiguousWrite';
}

export type CallMode = 'read' | 'idempotent' | 'write';

export interface CallPolicy {
  readonly clock: Clock;
  readonly random: Random;
  /** Most calls in flight. */
  readonly maxInFlight: number;
}

export interface AwsCall extends AwsRequest {
  readonly mode: CallMode;
  readonly signal?: AbortSignal;
}

/**
 * Sends until answered, refused for good or out of time.
 * @throws AppError by kind and area, AmbiguousWrite for a `write` without an answer, the signal's reason
 */
export type CallAws = <T>(call: AwsCall, send: () => Promise<T>) => Promise<T>;

/** How long a kind of trouble is waited out, from its first sight in this call, milliseconds. */
const PATIENCE_MS: Readonly<Partial<Record<AwsFailureKind, number>>> = {
  throttled: 45_000,
  interrupted: 20_000,
  // Somebody who mistyped an endpoint is waiting.
  unreachable: 4_000,
};
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export function createAwsCaller({ clock, random, maxInFlight }: CallPolicy): CallAws {
  const window = createWindow(maxInFlight);
  return async (call, send) => {
    let troubleSinceMs: number | undefined;
    // Each call in flight listens to its signal, and from eleven on one signal Node warns of a leak; the window bounds them.
    if (call.signal !== undefined) setMaxListeners(0, call.signal);
    for (let tries = 0; ; tries += 1) {
      call.signal?.throwIfAborted();
      const leave = await window.enter();
      const sentMs = clock.monotonicMs();
      try {
        const answer = await send();
        window.grow();
        return answer;
      } catch (error) {
        call.signal?.throwIfAborted();
        const failure = awsFailure(error);
        const kind = failure?.kind;
        if (kind === 'throttled') window.shrink();
        if (kind === 'interrupted' && call.mode === 'write') throw new AmbiguousWrite(call.operation, { cause: error });
        // Silence was trouble from its beginning; it is listened to twice at least.
        troubleSinceMs ??= failure?.name === 'TimeoutError' ? sentMs : clock.monotonicMs();
        const patienceMs = kind === undefined ? undefined : PATIENCE_MS[kind];
        const pauseMs = random.next() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries);
        const isSpent = patienceMs === undefined || clock.monotonicMs() - troubleSinceMs + pauseMs > patienceMs;
        const isFirstSilence = tries === 0 && kind === 'interrupted';
        if (isSpent && !isFirstSilence) throw awsError(error, call);
        leave();
        await clock.sleep(pauseMs, call.signal);
      } finally {
        leave();
      }
    }
  };
}

/** Calls in flight, bounded by a window that adapts. */
function createWindow(most: number) {
  let size = most;
  let inFlight = 0;
  let answered = 0;
  const waiting: (() => void)[] = [];
  const admit = (): void => {
    while (inFlight < Math.floor(size) && waiting.length > 0) {
      inFlight += 1;
      waiting.shift()?.();
    }
  };
  return {
    /** Waits for a place; the returned function gives it back, once. */
    async enter(): Promise<() => void> {
      const place = new Promise<void>((resolve) => waiting.push(resolve));
      admit();
      await place;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        inFlight -= 1;
        admit();
      };
    },
    grow(): void {
      answered += 1;
      if (size < most && answered >= size) {
        size += 1;
        answered = 0;
        admit();
      }
    },
    shrink(): void {
      size = Math.max(1, size / 2);
      answered = 0;
    },
  };
}
