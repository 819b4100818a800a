/**
 * How many elements of arrays that are submitted already may run at once, so that a rate limit feeds them; pure. Lowering only keeps elements from
 * starting, and whoever is too few leaves the rate unused: so it is lowered only while calls are seen to queue, and raised as soon as they are not.
 */

/** What was seen of the calls that pass the limit. */
export type Queue = 'long' | 'none' | 'unknown';

export interface Feeding {
  /** Workers that the limit can keep busy, by Little's law. */
  readonly fed: number;
  readonly queue: Queue;
  /** Elements that may run at once as things are, and that do. */
  readonly allowed: number;
  readonly running: number;
  /** Share of the running ones that waited for a turn, 0 to 1; null when nobody said. */
  readonly waitingShare: number | null;
  /** The most elements with which no calls queued: so many are too few, whatever the law says of the time that a try takes. 0: never seen. */
  readonly idleAt: number;
}

const SPARE = 1.2;
const RAISE = 1.5;
/** A change by less than this part is not worth a call to the controller. */
const WORTH = 0.25;

/** The most elements that are to run at once, all arrays together. At least 1. */
export function feedTarget({ fed, queue, allowed, running, waitingShare, idleAt }: Feeding): number {
  const least = Math.max(1, fed);
  if (queue === 'none') return Math.max(least, Math.ceil(allowed * RAISE));
  if (queue === 'unknown') return Math.max(least, allowed);
  const busy = waitingShare === null ? 0 : Math.ceil(SPARE * running * (1 - waitingShare));
  return Math.max(least, busy, Math.ceil(idleAt * (1 + WORTH)));
}

export interface SizedArray {
  /** The most that may ever run at once: its elements, or its share of slurm.throttle. */
  readonly ceiling: number;
  /** The most that may run at once as things are. */
  readonly current: number;
  readonly running: number;
  /** Elements that have not started: only these are held back. */
  readonly waiting: number;
}

/** What each array is to be set to so that about `target` elements run: between 1 and its ceiling, `current` where a change is not worth it. */
export function sizeArrays(arrays: readonly SizedArray[], target: number): number[] {
  const open = arrays.filter(({ waiting }) => waiting > 0);
  const settled = arrays.filter(({ waiting }) => waiting === 0).reduce((sum, { running }) => sum + running, 0);
  const alive = open.reduce((sum, array) => sum + array.running + array.waiting, 0);
  const room = Math.max(0, target - settled);
  return arrays.map(({ ceiling, current, running, waiting }) => {
    if (waiting === 0) return current;
    const wanted = Math.min(ceiling, Math.max(1, Math.floor((room * (running + waiting)) / alive)));
    const isWorthIt = wanted === ceiling || Math.abs(wanted - current) > current * WORTH;
    return isWorthIt ? wanted : Math.min(current, ceiling);
  });
}
