/**
 * Streams the items of a task through the handler with bounded concurrency. Each item ends as exactly one outcome, unless the work is stopped
 * first: then items that have none are simply not recorded. Never touches state or store.
 */
import type { RetrySpec } from '../domain/job-spec.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import type { Clock } from '../ports/clock.ts';
import type { HandlerContext, LoadedHandler } from '../ports/handler-host.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { badInput, contextOf, logFailure, outcomeOf, worthAnotherTry } from './item-outcome.ts';
import type { BackoffMs } from './needs.ts';
import type { OutputNormaliser } from './normalise-output.ts';
import type { TaskBatch, TaskItemInput } from '../domain/task-batch.ts';
import { createTrySlots, type TrySlots } from './try-slots.ts';
import { createWorkQueue, type Work } from './work-queue.ts';

export interface RunItemsOptions {
  readonly batch: TaskBatch;
  readonly isFinished: (item: number) => boolean;
  readonly handler: LoadedHandler;
  /** What the contexts of all items of the task share. */
  readonly shared: Pick<HandlerContext, 'job' | 'task' | 'scratch'>;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: Pick<RetrySpec, 'items' | 'backoff'>;
  readonly normaliser: OutputNormaliser;
  readonly log: Log;
  /** May throw (SCRATCH_FULL): the run then ends with that error. */
  readonly onOutcome: (outcome: ItemOutcome) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoffMs: BackoffMs;
}

export interface RunningItems {
  /** True when every item has its outcome. */
  readonly ended: Promise<boolean>;
  /** Starts nothing more; what is in flight may end. */
  stopTaking(): void;
  /** Aborts what is in flight. */
  abort(reason: string): void;
}

export function runItems(options: RunItemsOptions): RunningItems {
  const { batch, clock } = options;
  const queue = createWorkQueue(batch.items, options.isFinished);
  const slots = createTrySlots(clock, options.timeoutMs);
  const breathe = createBreather(clock);
  const stop = new AbortController();
  let left = countUnfinished(options);
  let failure: { readonly error: unknown } | null = null;

  /** True when the item has its outcome or waits for another try; false when it was dropped. */
  const runOne = async (lane: number, work: Work): Promise<boolean> => {
    const item = batch.item(work.item);
    const tries = work.triesDone + 1;
    const ended =
      item.problem === undefined ? await runTry(options, slots, { lane, item, tries }) : badInput(item, item.problem);
    if (ended === 'dropped') return false;
    if (!worthAnotherTry(ended, options.retry.items)) {
      options.onOutcome(ended);
      left -= 1;
      return true;
    }
    const pauseMs = options.backoffMs(tries, options.retry.backoff, options.random.next());
    queue.retryAt(work.item, tries, clock.monotonicMs() + pauseMs);
    return true;
  };
  const lane = async (number: number): Promise<void> => {
    while (!stop.signal.aborted) {
      const breath = breathe();
      if (breath !== null) {
        await breath;
        continue;
      }
      const nowMs = clock.monotonicMs();
      const work = queue.take(nowMs);
      if (work === null) return;
      if (work.dueMs > nowMs && !(await slept(clock.sleep(work.dueMs - nowMs, stop.signal)))) return;
      if (!(await runOne(number, work))) return;
    }
  };
  const guarded = async (number: number): Promise<void> => {
    try {
      await lane(number);
    } catch (error) {
      failure ??= { error };
      stop.abort(STOPPED);
      slots.abortAll('the task failed');
    }
  };
  const run = async (): Promise<boolean> => {
    const lanes = Math.min(options.concurrency, Math.max(left, 1));
    await Promise.all(Array.from({ length: lanes }, (_, number) => guarded(number)));
    slots.close();
    if (failure !== null) throw failure.error;
    return left === 0;
  };
  return { ended: run(), stopTaking: () => stop.abort(STOPPED), abort: (reason) => slots.abortAll(reason) };
}

const STOPPED = new Error('stopped');

/** Handlers that never wait for I/O would keep timers and signals from ever running, so the lanes pause together this often. */
const BREATHE_EVERY_MS = 50;

/** What every lane has to await before its next item; null: nothing. */
function createBreather(clock: Clock): () => Promise<void> | null {
  let breath: Promise<void> | null = null;
  let lastMs = clock.monotonicMs();
  const take = async (): Promise<void> => {
    await clock.sleep(0);
    breath = null;
    lastMs = clock.monotonicMs();
  };
  return () => {
    if (breath === null && clock.monotonicMs() - lastMs > BREATHE_EVERY_MS) breath = take();
    return breath;
  };
}

async function runTry(
  options: RunItemsOptions,
  slots: TrySlots,
  { lane, item, tries }: { readonly lane: number; readonly item: TaskItemInput; readonly tries: number },
): Promise<ItemOutcome | 'dropped'> {
  const { clock, handler, shared, log, normaliser } = options;
  const startedMs = clock.monotonicMs();
  const result = await slots.run(lane, (signal) =>
    handler.run(item.payload, contextOf(item, { shared, log, tries, signal }), item.json),
  );
  if (result === 'dropped') return result;
  const outcome = outcomeOf(item, { result, tries, durationMs: clock.monotonicMs() - startedMs, normaliser });
  if (outcome.status === 'failed') logFailure(log, outcome, result);
  return outcome;
}

/** False when the sleep was interrupted because the lanes stop. */
const slept = (sleep: Promise<void>): Promise<boolean> =>
  sleep.then(
    () => true,
    () => false,
  );

function countUnfinished({ batch, isFinished }: RunItemsOptions): number {
  let count = 0;
  for (let item = 0; item < batch.items; item += 1) if (!isFinished(item)) count += 1;
  return count;
}
