/** Puts the items of an attempt to work: all of them together, or, when some are suspected of killing their workers, one group after the other. */
import type { JobManifest } from '../domain/manifest.ts';
import type { TaskBatch } from '../domain/task-batch.ts';
import type { LoadedHandler } from '../ports/handler-host.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { Checkpointer } from './checkpointer.ts';
import { createItemLimits } from './item-limits.ts';
import { createItemPools } from './item-pools.ts';
import { planPhases, type Phase } from './isolation.ts';
import { tryPolicyOf } from './judge-try.ts';
import type { ElementContext } from './needs.ts';
import type { OutputNormaliser } from './normalise-output.ts';
import type { OutcomeBuffer } from './outcome-buffer.ts';
import { isTransient } from './patience.ts';
import { runItems, type RunItemsOptions, type RunningItems } from './run-items.ts';
import { runPhases, type RunningPhases } from './run-phases.ts';
import { acquitSuspects, announceSuspects, type ClaimedTask } from './task-writes.ts';
import { watchedHandler } from './watched-handler.ts';

export interface ItemsOfAttempt {
  readonly claimed: ClaimedTask;
  readonly handlerPath: string;
  readonly manifest: { readonly firstItem: number };
  readonly batch: TaskBatch;
  readonly buffer: OutcomeBuffer;
  readonly normaliser: OutputNormaliser;
  readonly attemptLog: AttemptLog;
  readonly checkpointer: Checkpointer;
  /** 1 for items that need not be run, by number in the task. */
  readonly finished: Uint8Array;
  readonly tries: Map<number, number>;
}

export function startItems(
  context: ElementContext,
  job: { readonly manifest: JobManifest; readonly handler: LoadedHandler },
  attempt: ItemsOfAttempt,
): RunningPhases {
  const options = optionsOf(context, job, attempt);
  const isFinished = (item: number): boolean => attempt.finished[item] === 1;
  const { suspects } = attempt.claimed.item;
  const phases = planPhases({ items: attempt.batch.items, isFinished, suspects });
  if (phases === null) return { ...runItems(options), isFenced: () => false };
  attempt.attemptLog.log.warn('items that may have ended earlier workers run last, in groups', { suspects });
  return runPhases({
    phases,
    start: (phase) => startPhase(options, phase),
    announce: ({ suspected }) => announceSuspects(context, attempt.claimed.key, suspected ?? ''),
    save: () => saveBetween(context, attempt),
    acquit: () => acquit(context, attempt),
  });
}

function startPhase(options: RunItemsOptions, phase: Phase): RunningItems {
  const mine = new Set(phase.items);
  return runItems({ ...options, isFinished: (item) => !mine.has(item) });
}

/** A store that is unwell costs the saving and not the work: the next save takes along what this one could not. */
async function saveBetween({ deps }: ElementContext, { checkpointer, claimed }: ItemsOfAttempt): Promise<boolean> {
  try {
    return (await checkpointer.save()) !== 'fenced';
  } catch (error) {
    if (!isTransient(error)) throw error;
    deps.log.warn('checkpoint failed, going on', { task: claimed.task, error: String(error) });
    return true;
  }
}

/** All items are finished, so that nothing of this is worth failing for. */
async function acquit(context: ElementContext, { claimed }: ItemsOfAttempt): Promise<void> {
  try {
    await acquitSuspects(context, claimed.key);
  } catch (error) {
    if (!isTransient(error)) throw error;
    context.deps.log.warn('suspects are not acquitted, going on', { task: claimed.task, error: String(error) });
  }
}

function optionsOf(
  { deps, pools }: ElementContext,
  { manifest, handler }: { readonly manifest: JobManifest; readonly handler: LoadedHandler },
  attempt: ItemsOfAttempt,
): RunItemsOptions {
  const { spec } = manifest;
  const { beacon, clock, random, backoffMs, limiter } = deps;
  return {
    batch: attempt.batch,
    isFinished: (item) => attempt.finished[item] === 1,
    handler: beacon === undefined ? handler : watchedHandler(handler, beacon, attempt.manifest.firstItem),
    shared: {
      job: { id: manifest.job, name: spec.name },
      task: { id: attempt.claimed.task },
      scratch: attempt.handlerPath,
    },
    concurrency: spec.handler.concurrency,
    timeoutMs: spec.handler.timeoutMs,
    policy: tryPolicyOf(spec.retry, attempt.claimed.item),
    tries: attempt.tries,
    normaliser: attempt.normaliser,
    log: attempt.attemptLog.log,
    onOutcome: (outcome) => attempt.buffer.add(outcome),
    onWaited: (ms) => attempt.buffer.waited(ms),
    ...(spec.limits === undefined ? {} : { limits: createItemLimits({ limits: spec.limits, limiter, clock }) }),
    ...(spec.pools === undefined
      ? {}
      : { pools: createItemPools({ listed: spec.pools, pools, log: attempt.attemptLog.log, clock }) }),
    clock,
    random,
    backoffMs,
  };
}
