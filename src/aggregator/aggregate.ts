/**
 * VERIFY + MERGE + PUBLISH: turns the results of a job whose tasks are all final into one Parquet table with exactly one row an item.
 *
 * What it does: reads the winners from the state table, verifies manifest, hash, length and rows of every file, gives the items of tasks
 * without a result their failed rows, merges in item order, stores the output under a name of its own, and moves the pointer last.
 * What it never does: run items, write state, trust a file it has not hashed, publish a part of the output, or touch an earlier one.
 * Until the pointer moves nothing is visible; running it twice, at once, or killing it anywhere is harmless.
 * Fails with: JOB_NOT_FOUND, JOB_BAD_STATE (tasks not final), MANIFEST_CORRUPT, RESULT_CORRUPT, RESULT_INCOMPLETE, SCRATCH_FULL,
 * STORE_*, STATE_*, and whatever `fenced` throws.
 */
import { createHash } from 'node:crypto';
import type { JobId } from '../domain/ids.ts';
import type { FileDigest, PublicationManifest } from '../domain/manifest.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ScratchDir } from '../ports/scratch.ts';
import type { AggregatorDeps } from './deps.ts';
import { readFinalTasks } from './final-tasks.ts';
import { inputDigest } from './input-digest.ts';
import { loadJob, requireGeneration } from './load-job.ts';
import { verifyResultFiles, type MergeContext } from './gather-parts.ts';
import { mergeParts, type MergedOutput } from './merge-parts.ts';
import { outputColumns, planParts, type PlannedPart } from './plan-merge.ts';
import { readPublication } from './publication.ts';
import { publish } from './publish.ts';

export interface AggregateRequest {
  readonly job: JobId;
  /** Awaited right before the pointer moves; throws when the right to publish is gone. */
  readonly fenced?: () => Promise<void>;
}

export interface Aggregated {
  readonly publication: string;
  readonly manifest: PublicationManifest;
  /** False when this very output was published already. */
  readonly published: boolean;
}

/** Aggregates the job, unless its current publication is already made of the same winners. */
export async function aggregate(deps: AggregatorDeps, { job, fenced }: AggregateRequest): Promise<Aggregated> {
  const loaded = await loadJob(deps, job);
  const tasks = await readFinalTasks(deps.state, loaded);
  const digest = inputDigest(loaded, tasks);
  const current = await currentPublication(deps, job);
  if (current?.inputDigest === digest) return { publication: current.publication, manifest: current, published: false };
  const parts = await planParts(deps, loaded, tasks);
  const columns = outputColumns(loaded.manifest.spec.output, parts);
  const scratch = await deps.scratch.open('aggregate');
  try {
    const output = await mergeVerified({ deps, job: loaded, columns }, parts, scratch);
    deps.onProgress?.({ phase: 'publish', done: parts.length, total: parts.length });
    const manifest = await publish(deps, {
      job: loaded,
      inputDigest: digest,
      columns,
      tasks,
      output,
      fenced: async () => {
        await fenced?.();
        await requireGeneration(deps, loaded);
      },
    });
    deps.log.info('published', {
      job,
      publication: manifest.publication,
      rows: manifest.rows,
      failed: manifest.failed,
    });
    return { publication: manifest.publication, manifest, published: true };
  } finally {
    await scratch.dispose();
  }
}

/**
 * A part is verified before anything reads it; the SQLite files, which only have to be right, are hashed while DuckDB merges on a thread of its own. Both
 * have ended when this does, so that nothing is read from a scratch directory that is gone.
 */
async function mergeVerified(
  context: MergeContext,
  parts: readonly PlannedPart[],
  scratch: ScratchDir,
): Promise<MergedOutput> {
  const [merged, verified] = await Promise.allSettled([
    mergeParts(context, parts, scratch),
    verifyResultFiles(context.deps, parts),
  ]);
  if (merged.status === 'rejected') throw merged.reason;
  if (verified.status === 'rejected') throw verified.reason;
  return merged.value;
}

/** Null also when the publication is damaged: the winners are still there, so it is made anew. */
async function currentPublication({ store, log }: AggregatorDeps, job: JobId): Promise<PublicationManifest | null> {
  try {
    const manifest = await readPublication(store, job);
    if (manifest === null) return null;
    for (const file of [manifest.files.results, manifest.files.errors])
      if (!(await isIntact(store, file))) {
        log.warn('a published file is missing or has other bytes; publishing anew', { job, key: file.key });
        return null;
      }
    return manifest;
  } catch (error) {
    if (!isAppError(error, 'MANIFEST_CORRUPT')) throw error;
    log.warn('the publication is damaged; publishing anew', { job, problem: error.message });
    return null;
  }
}

/** Read to its end: whoever asks for the output again may do so because it cannot be read. */
async function isIntact(store: ObjectStore, { key, bytes, sha256 }: FileDigest): Promise<boolean> {
  if ((await store.head(key))?.bytes !== bytes) return false;
  const hash = createHash('sha256');
  for await (const chunk of store.stream(key)) hash.update(chunk);
  return hash.digest('hex') === sha256;
}
