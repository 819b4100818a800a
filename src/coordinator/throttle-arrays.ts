/**
 * Right-sizing of arrays that are submitted already: elements that only wait for turns of a rate limit hold slots of the cluster that others could
 * use, so the array throttle follows what the limit can feed, down and up again. It keeps elements from starting; those that run go on.
 */
import type { LimitItem } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import { arrayLives, type ArrayLife } from './array-life.ts';
import { isLive, type Observed } from './element-states.ts';
import { latencyWords, leastFeed, type LimitFeed } from './limit-feed.ts';
import { chunkThrottle } from './plan-array.ts';
import type { Reconciled } from './reconcile.ts';
import { feedTarget, sizeArrays, type Queue, type SizedArray } from './right-size.ts';
import { waitedShare, type SeenTries } from './seen-tries.ts';
import type { SendContext } from './send.ts';
import { handleOf, moveSubmission, type Submission } from './submissions.ts';

export interface Throttled {
  readonly steps: readonly string[];
  /** For people: which limit holds elements back; null: none does. */
  readonly note: string | null;
  /** ms until another look is due, because nobody else would raise it again; null: nothing is held back or could be. */
  readonly againInMs: number | null;
}

export interface Seen {
  readonly reconciled: Pick<Reconciled, 'tasks' | 'tries' | 'demand'>;
  readonly observed: Observed;
  readonly rows: readonly Submission[];
}

/** A limit whose last slot lies so far ahead has calls in a queue. More than the error of a clock. */
const LONG_QUEUE_MS = 2_000;
/** Of the time of tries: a queue. An array that is as large as its limit feeds waits for a sixth of it. */
const WAITED_SHARE = 0.2;
/** Each look may be a job of its own. */
const AGAIN_MS = 10 * 60_000;

/** Sets the throttle of each array with elements that have not started. A job without limits whose turns its workers take is left alone. */
export async function throttleArrays(context: SendContext, seen: Seen): Promise<Throttled> {
  const { deps, manifest } = context;
  const nothing: Throttled = { steps: [], note: null, againInMs: null };
  const { spec } = manifest;
  if (spec.limits?.some(({ per }) => per === 'item') !== true) return nothing;
  const { done, dead, cancelled, total } = seen.reconciled.tasks;
  if (done + dead + cancelled === total) return nothing;
  const open = openArrays(context, seen);
  if (open.every(({ size }) => size.waiting === 0 || size.ceiling === 1)) return nothing;
  const feed = await leastFeed(deps.state, spec, seen.reconciled.tries);
  if (feed === null) return nothing;
  const changes = await setAll(context, open, aimOf(context, feed, seen.reconciled.tries, open));
  return { steps: changes.map(({ step }) => step), note: noteOf(open, changes), againInMs: AGAIN_MS };
}

/** The last word of what holds elements back. */
function noteOf(open: readonly OpenArray[], changes: readonly Change[]): string | null {
  if (changes.length > 0) return changes.at(-1)?.note ?? null;
  const held = open.filter(({ size }) => size.waiting > 0 && size.current < size.ceiling);
  return held.at(-1)?.row.throttle?.why ?? null;
}

interface OpenArray {
  readonly row: Submission;
  readonly size: SizedArray;
}

function openArrays({ manifest }: SendContext, { reconciled, observed, rows }: Seen): OpenArray[] {
  const { slurm, resources } = manifest.spec;
  const lives = arrayLives(rows, resources, { observed, busy: reconciled.demand.busy });
  const running = countRunning(observed);
  return lives
    .filter(({ alive }) => alive > 0)
    .map(({ row, alive }: ArrayLife) => {
      const ceiling = chunkThrottle(row, row.waveElements, slurm.throttle) ?? row.elements;
      const own = running.get(row.handle as string) ?? 0;
      const current = Math.min(row.throttle?.most ?? ceiling, ceiling);
      return { row, size: { ceiling, current, running: own, waiting: alive - own } };
    });
}

function countRunning({ elements }: Observed): Map<string, number> {
  const counts = new Map<string, number>();
  for (const state of elements.values())
    if (isLive(state) && state.phase === 'running') counts.set(state.id, (counts.get(state.id) ?? 0) + 1);
  return counts;
}

interface Aim {
  readonly feed: LimitFeed;
  readonly queue: Queue;
  readonly target: number;
  /** The most elements with which no calls queued; 0: never seen. */
  readonly idleAt: number;
}

function aimOf({ deps }: SendContext, feed: LimitFeed, tries: SeenTries, open: readonly OpenArray[]): Aim {
  const sum = (of: (size: SizedArray) => number): number => open.reduce((all, { size }) => all + of(size), 0);
  const running = sum((size) => size.running);
  const allowed = sum(({ current, waiting, ...size }) => (waiting === 0 ? size.running : current));
  const waiters = tries.waiting.get(feed.limit) ?? 0;
  const waited = waitedShare(tries);
  const queue = running === 0 ? 'unknown' : queueOf(feed.site, { waiters, waited }, deps.clock.nowMs());
  const seenIdle = Math.max(0, ...open.map(({ row }) => row.throttle?.idleAt ?? 0));
  const isHeldBack = open.some(({ size }) => size.current < size.ceiling);
  const idleAt = queue === 'none' && isHeldBack ? Math.max(seenIdle, allowed) : seenIdle;
  const waitingShare = tries.heard === 0 ? waited : waiters / tries.heard;
  const target = feedTarget({ fed: feed.workers, queue, allowed, running, waitingShare, idleAt });
  return { feed, queue, target, idleAt };
}

/**
 * Calls queue when workers say so, when the limit is sold far ahead, or a little while tries have waited so far; they do not when its last slot is over.
 */
function queueOf(
  site: LimitItem | null,
  { waiters, waited }: { readonly waiters: number; readonly waited: number | null },
  nowMs: number,
): Queue {
  if (waiters > 0) return 'long';
  if (site?.t === undefined) return 'unknown';
  const aheadMs = site.t / 1_000 - nowMs;
  if (aheadMs > LONG_QUEUE_MS) return 'long';
  if (aheadMs < 0) return 'none';
  return (waited ?? 0) > WAITED_SHARE ? 'long' : 'unknown';
}

async function setAll(context: SendContext, open: readonly OpenArray[], aim: Aim): Promise<Change[]> {
  const sizes = open.map(({ size }) => size);
  const wanted = sizeArrays(sizes, aim.target);
  const why = whyOf(open, wanted, aim);
  const changes: Change[] = [];
  for (const [at, { row, size }] of open.entries()) {
    const most = wanted[at] as number;
    if (most === size.current || size.waiting === 0) continue;
    const step = await setOne(context, row, { most, why, ...(aim.idleAt > 0 ? { idleAt: aim.idleAt } : {}) });
    if (step !== null) changes.push({ step: `${step}: ${why}`, note: most < size.ceiling ? why : null });
  }
  return changes;
}

interface Change {
  readonly step: string;
  readonly note: string | null;
}

function whyOf(open: readonly OpenArray[], wanted: readonly number[], { feed, target }: Aim): string {
  const alive = open.reduce((sum, { size }) => sum + size.running + size.waiting, 0);
  const throttles = open.flatMap(({ size }, at) => (size.waiting === 0 ? [] : [wanted[at]]));
  const isLifted = open.every(({ size }, at) => wanted[at] === size.ceiling || size.waiting === 0);
  if (isLifted) return `limit ${feed.limit} feeds all ${alive} elements, ${latencyWords(feed)}`;
  const shares = throttles.length === 1 ? 'array throttle' : 'array throttles';
  return `limit ${feed.limit} feeds ${Math.min(target, alive)} of ${alive} elements, ${latencyWords(feed)}; ${shares} ${throttles.join(' + ')}`;
}

/** The batch system first: a pass that dies in between does it again. Null: it could not be done, and the next pass tries again. */
async function setOne(
  { deps, job, lease }: SendContext,
  row: Submission,
  throttle: NonNullable<Submission['throttle']>,
): Promise<string | null> {
  lease.assertHeld();
  try {
    await deps.batch.setThrottle(handleOf(row), throttle.most);
  } catch (error) {
    if (!isAppError(error)) throw error;
    deps.log.warn('array throttle not set', { job, handle: row.handle, error: error.message });
    return null;
  }
  await moveSubmission(deps.state, job, row, {
    from: 'SUBMITTED',
    set: { throttle: { ...throttle, atMs: deps.clock.nowMs() } },
  });
  return `array ${row.handle}: at most ${throttle.most} elements at once`;
}
