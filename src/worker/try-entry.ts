/**
 * What a try waits for before it begins: first slots, then turns. A turn is the right to call at that moment and must not age while a slot is waited for. A slot
 * in turn is not held for long while the turn is waited for: after `HOLD_MS` others get it, and the turn is waited for without one.
 */
import type { Clock } from '../ports/clock.ts';
import type { FailedTry, TryLimits } from './item-limits.ts';
import type { TryPools } from './item-pools.ts';

/** So long a slot may lie idle while the turn of its try is waited for. */
export const HOLD_MS = 5_000;
/** Then a slot is held for as long as the turn takes: others may be faster again and again. */
const ROUNDS = 3;

export type TryEntry = Pick<TryLimits, 'takesTurns' | 'enter' | 'forgo'>;

export interface TryEntries {
  of(pools: TryPools, limits: TryLimits): TryEntry;
}

/** For the tries of one process. */
export function createTryEntries(clock: Clock): TryEntries {
  const inSingleFile = createGate();
  return {
    of(pools, limits) {
      if (!pools.takesSlots) return limits;
      return {
        takesTurns: true,
        enter: (signal) => enter({ pools, limits, clock, signal }, inSingleFile),
        forgo() {
          limits.forgo();
          pools.forgo();
        },
      };
    },
  };
}

type Entered = FailedTry | null;
type Gate = <T>(work: () => Promise<T>) => Promise<T>;

interface Entering {
  readonly pools: TryPools;
  readonly limits: TryLimits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function enter(entering: Entering, inSingleFile: Gate): Promise<Entered> {
  const { limits, signal } = entering;
  const first = await withSlots(entering, limits.takesTurns ? HOLD_MS : Infinity);
  if (first !== 'slow') return first;
  // One after the other, or the turn that one gives up for its slot would be taken, and given up, by all that wait without one.
  return inSingleFile(async () => {
    for (let round = 1; ; round += 1) {
      signal.throwIfAborted();
      const failed = await limits.enter(signal);
      if (failed !== null) return failed;
      // What it paid for stays in this process for a while, and the call asks for it again as soon as it has its slot.
      limits.forgo();
      const entered = await withSlots(entering, round < ROUNDS ? HOLD_MS : Infinity);
      if (entered !== 'slow') return entered;
    }
  });
}

/** `slow`: the turn took longer than `holdMs`; nothing is held then, as after a failure. */
async function withSlots(entering: Entering, holdMs: number): Promise<Entered | 'slow'> {
  const { pools, limits, signal } = entering;
  for (;;) {
    await pools.enter(signal);
    let entered: Entered | 'slow' | 'thrown' = 'thrown';
    try {
      entered = await turnWithin(entering, holdMs);
    } finally {
      if (entered !== null) pools.forgo();
    }
    if (entered !== null || pools.holdsAll()) return entered;
    limits.forgo();
    pools.forgo();
  }
}

async function turnWithin({ limits, clock, signal }: Entering, holdMs: number): Promise<Entered | 'slow'> {
  if (holdMs === Infinity) return limits.enter(signal);
  const late = new AbortController();
  const stop = (): void => late.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const cancel = clock.after(holdMs, () => late.abort(SLOW));
  try {
    return await limits.enter(late.signal);
  } catch (error) {
    if (error === SLOW) return 'slow';
    throw error;
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
  }
}

const SLOW = new Error('the turn takes longer than a slot is to be held for');

function createGate(): Gate {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
