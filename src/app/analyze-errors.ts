/** `analyze-errors`: what is known of the failures of a job, mid-run and afterwards, for `src/observe` to group. Reads only. */
import { publishedErrors } from '../aggregator/failures.ts';
import { sortTasks } from '../aggregator/final-tasks.ts';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { readBreakers } from '../coordinator/breakers.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import { readManifest } from '../coordinator/manifests.ts';
import { readHistory } from '../coordinator/read-history.ts';
import { requireReopenable } from '../coordinator/redo.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import type { ErrorGroups } from '../domain/error-groups.ts';
import { taskNumber, type JobId } from '../domain/ids.ts';
import { isBeingStored, type JobMeta } from '../domain/job-item.ts';
import { AppError } from '../errors/app-error.ts';
import { analyseErrors } from '../observe/analyse-errors.ts';
import type { ErrorSources, ObservedJob, ObservedTask } from '../observe/needs.ts';
import { copyNote } from './carry-view.ts';
import type { CarryDocument } from './documents.ts';
import { itemBytesOf } from './item-bytes.ts';
import type { Drivers } from './job-backends.ts';
import { openAggregator } from './open-aggregator.ts';
import { fromOutput, fromTasks } from './read-failures.ts';
import { requireSamePlace } from './same-place.ts';

export interface AnalyzeErrorsRequest {
  readonly job: JobId;
  readonly by: Grouping;
  /** For a job that lives in a spool. */
  readonly seenFrom?: CarryDocument['seenFrom'];
}

/** @throws JOB_NOT_FOUND, MANIFEST_CORRUPT, STORE_*, SCRATCH_* */
export async function analyzeErrors(drivers: Drivers, request: AnalyzeErrorsRequest): Promise<ErrorGroups> {
  const meta = await requireMeta(drivers.state, request.job);
  if (isBeingStored(meta)) return analyseErrors(withoutTasks(drivers, request.job, meta), request.by);
  const manifest = await readManifest(drivers.store, request.job, meta);
  const job: LoadedJob = { job: request.job, generation: meta.generation, manifest };
  const tasks: ObservedTask[] = [];
  for await (const { id, ...item } of readTasks(drivers.state, request.job, meta.shards))
    tasks.push({ task: id, item });
  const sorted = sortTasks(tasks);
  const aggregator = await openAggregator(drivers);
  const notes = request.seenFrom === 'copy' ? [await copyNote(drivers, request.job)] : [];
  try {
    const published = await publishedErrors(aggregator.deps, job, sorted);
    const reading = { deps: aggregator.deps, job, sorted, notes };
    return await analyseErrors(
      {
        job: observedJob(drivers, { job, meta, seenFrom: request.seenFrom }),
        nowMs: drivers.clock.nowMs(),
        source: published === null ? 'tasks' : 'output',
        tasks: tasks.toSorted((a, b) => taskNumber(a.task) - taskNumber(b.task)),
        records: readHistory(drivers.state, request.job),
        failures: published === null ? fromTasks(reading, tasks) : fromOutput(reading),
        breakers: (await readBreakers(drivers.state, request.job)).stored,
        itemBytes: (task) => itemBytesOf(drivers.store, job, task),
        notes,
      },
      request.by,
    );
  } finally {
    await aggregator.close();
  }
}

async function* nothing<T>(): AsyncGenerator<T> {}

/** While the input is being split nothing can have failed. */
const withoutTasks = ({ clock }: Drivers, job: JobId, meta: JobMeta): ErrorSources => ({
  job: {
    id: job,
    name: meta.name,
    state: meta.state,
    createdMs: meta.createdMs,
    items: meta.items,
    memoryBytes: 0,
    timeMs: 0,
    whyNoRetry: null,
  },
  nowMs: clock.nowMs(),
  source: 'tasks',
  tasks: [],
  records: nothing(),
  failures: nothing(),
  breakers: new Map(),
  itemBytes: async () => null,
  notes: [],
});

function observedJob(
  drivers: Drivers,
  {
    job,
    meta,
    seenFrom,
  }: {
    readonly job: LoadedJob;
    readonly meta: JobMeta;
    readonly seenFrom: AnalyzeErrorsRequest['seenFrom'] | undefined;
  },
): ObservedJob {
  const { resources } = job.manifest.spec;
  return {
    id: job.job,
    name: meta.name,
    state: meta.state,
    createdMs: meta.createdMs,
    ...(meta.finishedMs === undefined ? {} : { finishedMs: meta.finishedMs }),
    items: meta.items,
    memoryBytes: resources.memoryBytes,
    timeMs: resources.timeMs,
    whyNoRetry:
      seenFrom === 'copy' ? 'It can be retried where its spool is' : whyNot(() => requireRetriable(drivers, job, meta)),
  };
}

function requireRetriable(drivers: Drivers, job: LoadedJob, meta: JobMeta): void {
  requireReopenable(job.job, meta);
  requireSamePlace(drivers, job);
}

/** What an expected refusal says; null when there is none. */
function whyNot(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `It cannot be retried: ${error.message}`;
  }
}
