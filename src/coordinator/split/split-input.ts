/**
 * SPLIT: reads the input once and stores it as batches of items with their task manifests.
 * Streams in constant memory; the same input and spec give the same objects byte for byte, so a split that died is simply done again.
 * Never deletes: after a failure the caller removes the job's prefix, and no write is under way any more when the failure is thrown.
 * Fails with INPUT_*, STORE_*, SCRATCH_* (more ids than fit in memory).
 */
import { MAX_TASKS, type JobId } from '../../domain/ids.ts';
import type { JobSpec } from '../../domain/job-spec.ts';
import type { JobManifest } from '../../domain/manifest.ts';
import { AppError } from '../../errors/app-error.ts';
import type { IdLedger, IdLedgers } from '../../ports/id-ledger.ts';
import type { InputChunk, InputSources } from '../../ports/input-source.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { createProblemCollector, duplicateIds, MAX_DUPLICATES } from './bad-records.ts';
import { createBatchWriter, type BatchWriter } from './batch-writer.ts';
import { describeInput, emptyReason } from './describe-input.ts';
import { createBatchPlanner, type Batch, type BatchPlanner } from './plan-batches.ts';

export interface SplitDeps {
  readonly inputs: InputSources;
  readonly ledgers: IdLedgers;
  readonly store: ObjectStore;
}

export interface SplitProgress {
  readonly items: number;
  /** Of the batches, which is close to the bytes of a `.jsonl` input. */
  readonly bytes: number;
  readonly tasks: number;
}

export interface SplitOptions {
  readonly job: JobId;
  readonly spec: Pick<JobSpec, 'input' | 'batch'>;
  /** Called for each chunk of the input; what it throws ends the split. */
  readonly onProgress?: (progress: SplitProgress) => void;
  readonly signal?: AbortSignal;
  /** Replaces the limit of tasks in tests. */
  readonly maxTasks?: number;
}

export interface SplitResult {
  readonly counts: JobManifest['counts'];
  readonly inputDigest: string;
  /** Number of items of each task, by task number. */
  readonly itemsOfTasks: readonly number[];
}

interface Tally {
  items: number;
  bytes: number;
  badRecords: number;
  readonly itemsOfTasks: number[];
}

/** @throws INPUT_MALFORMED (bad records, unless `onBadRecord: fail-item`), INPUT_DUPLICATE_ID, INPUT_EMPTY and what reading and storing throw */
export async function splitInput(deps: SplitDeps, options: SplitOptions): Promise<SplitResult> {
  const { job, spec, signal } = options;
  const writer = createBatchWriter({ store: deps.store, job, signal });
  const ledger = spec.input.id === undefined ? null : deps.ledgers.open();
  try {
    const tally = await writeAll(deps.inputs.open(spec.input, signal), { options, writer, ledger });
    if (tally.items === 0) throw new AppError('INPUT_EMPTY', { message: emptyReason(spec.input) });
    const inputDigest = await writer.finish();
    const duplicates = (await ledger?.duplicates(MAX_DUPLICATES)) ?? [];
    if (duplicates.length > 0) throw duplicateIds(spec.input, duplicates);
    const { items, bytes, badRecords, itemsOfTasks } = tally;
    return { counts: { items, tasks: writer.tasks(), bytes, badRecords }, inputDigest, itemsOfTasks };
  } finally {
    await writer.settle();
    await ledger?.dispose();
  }
}

interface Sinks {
  readonly options: SplitOptions;
  readonly writer: BatchWriter;
  readonly ledger: IdLedger | null;
}

async function writeAll(chunks: AsyncIterable<InputChunk>, sinks: Sinks): Promise<Tally> {
  const { options, ledger, writer } = sinks;
  const { input, batch } = options.spec;
  const planner = createBatchPlanner(batch);
  const problems = createProblemCollector(input);
  const tally: Tally = { items: 0, bytes: 0, badRecords: 0, itemsOfTasks: [] };
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted();
    const firstItem = tally.items;
    tally.items += chunk.ends.length;
    tally.bytes += chunk.bytes.length;
    tally.badRecords += chunk.bad.length;
    if (input.onBadRecord === 'stop') {
      if (problems.add(chunk, firstItem)) break;
      // Nothing more is written for an input that is going to be refused; reading on only finds its other problems.
      if (problems.any()) continue;
    }
    if (ledger !== null && chunk.ids !== undefined) await ledger.add(chunk.ids, firstItem, chunk.lines);
    await writeBatches(planner.add(chunk), sinks, tally);
    options.onProgress?.({ items: tally.items, bytes: tally.bytes, tasks: writer.tasks() });
  }
  options.signal?.throwIfAborted();
  if (problems.any()) throw problems.error();
  await writeLast(planner, sinks, tally);
  return tally;
}

async function writeLast(planner: BatchPlanner, sinks: Sinks, tally: Tally): Promise<void> {
  const last = planner.finish();
  if (last !== null) await writeBatches([last], sinks, tally);
}

async function writeBatches(batches: readonly Batch[], { options, writer }: Sinks, tally: Tally): Promise<void> {
  const maxTasks = options.maxTasks ?? MAX_TASKS;
  for (const batch of batches) {
    if (writer.tasks() === maxTasks)
      throw new AppError('INPUT_TOO_MANY_TASKS', {
        message: `${describeInput(options.spec.input)} makes more than ${maxTasks} tasks with batch.items ${options.spec.batch.items} and batch.bytes ${options.spec.batch.bytes}`,
      });
    await writer.write(batch);
    tally.itemsOfTasks.push(batch.items);
  }
}
