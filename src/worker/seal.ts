import { join } from 'node:path';
import { createOutcomeSum, type FailureSum } from '../domain/failure-sum.ts';
import type { AttemptId } from '../domain/ids.ts';
import { attemptLogKey, doneKey, partKey, resultsKey, segmentKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type FileDigest, type TaskManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import type { OutputSpec } from '../domain/output-columns.ts';
import type { AttemptRun, BusyTries, Win } from '../domain/task-item.ts';
import type { StoredObject } from '../ports/object-store.ts';
import type { ResultFile } from '../ports/result-file.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { ElementContext } from './needs.ts';
import type { OutputNormaliser } from './normalise-output.ts';
import { patiently } from './patience.ts';
import type { ClaimedTask } from './task-writes.ts';

export interface SealOptions {
  readonly claimed: ClaimedTask;
  readonly manifest: TaskManifest;
  readonly output: OutputSpec;
  readonly results: ResultFile;
  /** Local paths of the result file and of the part to write. */
  readonly resultsPath: string;
  readonly scratchPath: string;
  readonly attemptLog: AttemptLog;
  readonly normaliser: OutputNormaliser;
  readonly startedMs: number;
  readonly startedCpuMs: number;
  readonly resumedItems: number;
  /** What the tries took; for the commit. */
  readonly busy?: BusyTries;
}

/** An attempt whose files will not change any more. They lie in its scratch directory. */
export interface SealedAttempt {
  readonly claimed: ClaimedTask;
  readonly resultsPath: string;
  readonly partPath: string;
  /** Null: nothing was logged. */
  readonly logText: string | null;
  readonly counts: ReturnType<ResultFile['count']>;
  readonly ran: AttemptRun;
  readonly busy?: BusyTries;
  /** The largest groups of its failed items, those that it took over included. */
  readonly failures: readonly FailureSum[];
  /** The text of done.json, the same whenever it is asked for: a commit of unknown outcome may have named its hash. */
  doneText(files: DoneManifest['files']): string;
}

/** Makes the files that a commit refers to. @throws SCRATCH_FULL */
export async function sealLocally(context: ElementContext, options: SealOptions): Promise<SealedAttempt> {
  const { deps, input, attempt } = context;
  const { claimed, manifest, results, resultsPath, attemptLog } = options;
  const counts = results.count();
  if (counts.rows !== manifest.items)
    throw new Error(`task ${claimed.task} has ${counts.rows} outcomes for ${manifest.items} items`);
  const partPath = join(options.scratchPath, 'part.parquet');
  const failures = createOutcomeSum();
  const outcomes = counts.failed === 0 ? results.byIndex() : seenBy((one) => failures.add(one), results.byIndex());
  await deps.leafParts.write(partPath, outcomes, options.output);
  results.seal();
  const observed = options.normaliser.observed();
  const timings = {
    startedMs: options.startedMs,
    finishedMs: deps.clock.nowMs(),
    cpuMs: Math.max(0, deps.host.cpuMs() - options.startedCpuMs),
    maxRssBytes: deps.host.maxRssBytes(),
    resumedItems: options.resumedItems,
  };
  return {
    claimed,
    resultsPath,
    partPath,
    logText: attemptLog.text(),
    counts,
    ran: ranOf(input.node, timings),
    ...(options.busy === undefined ? {} : { busy: options.busy }),
    failures: failures.largest(),
    doneText(files) {
      const done: DoneManifest = {
        schema: MANIFEST_SCHEMAS.done,
        job: input.assignment.job,
        task: claimed.task,
        attempt,
        generation: claimed.item.generation,
        batchSha256: manifest.batch.sha256,
        ...counts,
        firstItem: manifest.firstItem,
        files,
        ...(observed === null ? {} : { observed }),
        timings,
        node: input.node,
        version: deps.version,
      };
      return `${JSON.stringify(done)}\n`;
    },
  };
}

/**
 * Stores everything a commit refers to under the attempt's own keys, and returns what to commit. Nobody reads these keys before the commit, so
 * dying anywhere in here costs only bytes.
 */
export async function storeSealed(context: ElementContext, sealed: SealedAttempt): Promise<Win> {
  const { deps, input, attempt } = context;
  const { claimed, logText } = sealed;
  const { job } = input.assignment;
  const [results, part, log] = await Promise.all([
    patiently(context, () => deps.store.putFile(resultsKey(job, claimed.task, attempt), sealed.resultsPath)),
    patiently(context, () => deps.store.putFile(partKey(job, claimed.task, attempt), sealed.partPath)),
    logText === null
      ? null
      : patiently(context, () => deps.store.put(attemptLogKey(job, claimed.task, attempt), logText)),
  ]);
  const files = { results: digestOf(results), part: digestOf(part), log: log === null ? null : digestOf(log) };
  const key = doneKey(job, claimed.task, attempt);
  const stored = await patiently(context, () => deps.store.put(key, sealed.doneText(files)));
  return winOf(sealed, attempt, stored.sha256);
}

/** What a commit writes of a sealed attempt. @param sha256 of its done.json */
export function winOf({ counts, ran, busy, failures }: SealedAttempt, attempt: AttemptId, sha256: string): Win {
  return {
    attempt,
    sha256,
    ...counts,
    ran,
    ...(busy === undefined ? {} : { busy }),
    ...(failures.length === 0 ? {} : { failures }),
  };
}

/** The outcomes are read once, for everything that is made of them. */
function* seenBy(see: (outcome: ItemOutcome) => void, outcomes: Iterable<ItemOutcome>): Generator<ItemOutcome> {
  for (const outcome of outcomes) {
    see(outcome);
    yield outcome;
  }
}

/** Whole milliseconds: it is stored with each task. */
const ranOf = (node: string, timings: Required<DoneManifest['timings']>): AttemptRun => ({
  node,
  startedMs: Math.round(timings.startedMs),
  finishedMs: Math.round(timings.finishedMs),
  cpuMs: Math.round(timings.cpuMs),
  maxRssBytes: timings.maxRssBytes,
});

const digestOf = ({ key, sha256, bytes }: StoredObject): FileDigest => ({ key, sha256, bytes });

/** Removes the attempt's checkpoint segments after its commit: nothing points at them any more. Failing to is only untidy. */
export async function removeSegments(context: ElementContext, claimed: ClaimedTask, segments: number): Promise<void> {
  if (segments === 0) return;
  const { store, log } = context.deps;
  const { job } = context.input.assignment;
  const keys = Array.from({ length: segments }, (_, at) => segmentKey(job, claimed.task, context.attempt, at + 1));
  try {
    await store.delete(keys);
  } catch (error) {
    log.warn('checkpoint segments not removed', { task: claimed.task, error: String(error) });
  }
}
