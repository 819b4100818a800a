/**
 * Makes the batch system hold what waits of a job while the job is PAUSED, and let go of it otherwise. It goes by what the batch system says,
 * not by what somebody remembers to have done, so it can be repeated, and whoever comes by completes what another process left half-done.
 */
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import { HELD, type BatchHandle, type ElementState } from '../ports/batch-system.ts';
import { observe, type Observed } from './element-states.ts';
import { requireMeta } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import { handleOf, readSubmissions, type Submission } from './submissions.ts';

export interface Holds {
  readonly meta: JobMeta;
  /** What the batch system said last. */
  readonly observed: Observed;
  /** Array elements that run, and elements that wait, as the batch system knew them. */
  readonly running: number;
  readonly waiting: number;
  /** Arrays with elements that run. */
  readonly runningIn: readonly BatchHandle[];
  /** One sentence an array that was held or released. */
  readonly steps: readonly string[];
}

/** A pause and a resume may follow each other while this goes on. */
const MOST_ROUNDS = 5;

/** @throws BATCH_UNREACHABLE, BATCH_BAD_ANSWER */
export async function settleHolds(deps: CoordinatorDeps, job: JobId): Promise<Holds> {
  const steps: string[] = [];
  let meta = await requireMeta(deps.state, job);
  for (let round = 1; ; round += 1) {
    const rows = await readSubmissions(deps.state, job);
    const observed = await observe(deps, rows);
    steps.push(...(await settleOnce(deps, meta, { rows, observed })));
    const seen = meta;
    meta = await requireMeta(deps.state, job);
    // Somebody paused or resumed meanwhile: what was done for the one may undo the other.
    if (isPaused(meta) === isPaused(seen) || round === MOST_ROUNDS)
      return { meta, steps, observed, ...countOf(rows, observed) };
  }
}

/** For a pass over a job that runs, with what that pass saw: lets go of what a pause that was overtaken still holds. */
export async function releaseHeld(
  deps: CoordinatorDeps,
  job: JobId,
  seen: { readonly meta: JobMeta; readonly observed: Observed },
): Promise<readonly string[]> {
  if ((seen.meta.pauses ?? 0) === 0 || ![...seen.observed.elements.values()].some(isHeld)) return [];
  return (await settleHolds(deps, job)).steps;
}

/**
 * For a job that is being cancelled: takes back what a pause holds. An element that somebody requeues while it ends would stay held, and so would never start
 * and find out that the job is over.
 */
export async function letGo(deps: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<void> {
  if ((meta.pauses ?? 0) === 0) return;
  const accepted = arraysOf(await readSubmissions(deps.state, job)).filter(({ state }) => state === 'SUBMITTED');
  for (const row of accepted) await deps.batch.release(handleOf(row));
}

const isPaused = ({ state }: JobMeta): boolean => state === 'PAUSED';
const isHeld = ({ phase, reason }: ElementState): boolean => phase === 'waiting' && reason === HELD;
/** Unknown: accepted a moment ago, perhaps. */
const mayStart = (element: ElementState): boolean =>
  element.phase === 'unknown' || (element.phase === 'waiting' && !isHeld(element));

interface Seen {
  readonly rows: readonly Submission[];
  readonly observed: Observed;
}

async function settleOnce(deps: CoordinatorDeps, meta: JobMeta, seen: Seen): Promise<string[]> {
  if (isPaused(meta)) return holdAll(deps, seen);
  if (isFinalJobState(meta.state) || (meta.pauses ?? 0) === 0) return [];
  const steps: string[] = [];
  for (const row of arraysOf(seen.observed.live)) {
    const held = elementsOf(seen.observed, row).filter(isHeld);
    if (held.length === 0) continue;
    await deps.batch.release(handleOf(row));
    steps.push(`released ${held.length} waiting elements of ${row.handle}`);
  }
  return steps;
}

async function holdAll(deps: CoordinatorDeps, { rows, observed }: Seen): Promise<string[]> {
  const steps: string[] = [];
  for (const row of arraysOf(observed.live)) {
    const waiting = elementsOf(observed, row).filter(mayStart);
    if (waiting.length === 0) continue;
    await deps.batch.hold(handleOf(row));
    steps.push(`held ${waiting.length} waiting elements of ${row.handle}`);
  }
  // Sent by a process that has had no answer yet, or has died since. It may be accepted later than this: then its elements see META and end.
  const sent = arraysOf(rows)
    .filter((row) => row.state === 'INTENT' && row.sentMs !== undefined)
    .map((row) => row.jobName);
  for (const handle of (sent.length === 0 ? new Map<string, BatchHandle>() : await deps.batch.find(sent)).values()) {
    await deps.batch.hold(handle);
    steps.push(`held ${handle.id}`);
  }
  return steps;
}

/** A finaliser is left alone: it finds the job paused and ends. */
const arraysOf = (rows: readonly Submission[]): Submission[] => rows.filter((row) => row.kind === 'array');

const elementsOf = ({ elements }: Observed, { handle }: Submission): ElementState[] =>
  [...elements.values()].filter(({ id }) => id === handle);

function countOf(rows: readonly Submission[], observed: Observed): Pick<Holds, 'running' | 'waiting' | 'runningIn'> {
  const arrays = arraysOf(rows).filter(({ state }) => state === 'SUBMITTED');
  const counted = arrays.map((row) => ({ row, elements: elementsOf(observed, row) }));
  const inPhase = (wanted: ElementState['phase']): number =>
    counted.reduce((sum, { elements }) => sum + elements.filter(({ phase }) => phase === wanted).length, 0);
  const isRunning = ({ phase }: ElementState): boolean => phase === 'running';
  return {
    running: inPhase('running'),
    waiting: inPhase('waiting'),
    runningIn: counted.filter(({ elements }) => elements.some(isRunning)).map(({ row }) => handleOf(row)),
  };
}
