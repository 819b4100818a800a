/** `retry`: what was asked for → a selection of items → the next generation of the job. A dry run ends after the selection. */
import { resolve } from 'node:path';
import type { AggregatorDeps } from '../aggregator/deps.ts';
import { loadJob } from '../aggregator/load-job.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import { fedNow } from '../coordinator/limit-feed.ts';
import { planElements } from '../coordinator/plan-array.ts';
import { limitsOf, redoJob, requireReopenable, type RedoChoice } from '../coordinator/redo.ts';
import { readSubmissions } from '../coordinator/submissions.ts';
import { counted } from '../domain/counted.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { TaskNeeds } from '../domain/task-item.ts';
import { formatBytes, formatDuration } from '../domain/units.ts';
import type { OnProgress } from './api.ts';
import type { RetryDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { openAggregator } from './open-aggregator.ts';
import { publishedPath } from './published-path.ts';
import { criteriaOf, type RetryCriteria, type RetryWishes } from './retry-criteria.ts';
import { readNamedItems, type NamedItems } from './retry-items.ts';
import { selectItems, type Selection } from './retry-selection.ts';
import { prepareTasks } from './retry-tasks.ts';
import { requireSamePlace } from './same-place.ts';

/** How long another process that advances the job is waited for. */
const LEASE_PATIENCE_MS = 60_000;

export interface RetryJobRequest extends RetryWishes {
  readonly job: JobId;
  readonly memoryBytes?: number;
  readonly timeMs?: number;
  readonly dryRun: boolean;
  /** What a relative path of `items` is relative to, and what `-` reads. */
  readonly cwd: string;
  readonly stdin: () => NodeJS.ReadableStream;
  /** How long submit limits are waited out. */
  readonly patienceMs: number;
  readonly onProgress?: OnProgress;
  /** The job is open again; what fails from here on leaves it so. */
  readonly onReopened?: (job: string) => void;
  readonly signal?: AbortSignal;
}

interface Wanted {
  readonly criteria: RetryCriteria;
  readonly named: NamedItems | null;
  readonly needs: TaskNeeds;
}

/** @throws USAGE, JOB_BAD_STATE, LEASE_HELD, BATCH_*, and what reading the results throws */
export async function retryJob(
  drivers: Drivers,
  deps: CoordinatorDeps,
  request: RetryJobRequest,
): Promise<RetryDocument> {
  const criteria = criteriaOf(request);
  const { job, items, memoryBytes, timeMs } = request;
  const needs: TaskNeeds = {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(timeMs === undefined ? {} : { timeMs }),
  };
  requireReopenable(job, await requireMeta(drivers.state, job));
  const path = items === undefined || items === '-' ? items : resolve(request.cwd, items);
  const named = path === undefined || items === undefined ? null : await readNamedItems(path, items, request.stdin);
  const wanted: Wanted = { criteria, named, needs };
  const aggregator = await openAggregator(drivers);
  try {
    return request.dryRun
      ? await rehearse(drivers, deps, { ...wanted, job, aggregator: aggregator.deps })
      : await run(drivers, deps, { ...wanted, request, aggregator: aggregator.deps });
  } finally {
    await aggregator.close();
  }
}

async function rehearse(
  drivers: Drivers,
  deps: CoordinatorDeps,
  wanted: Wanted & { readonly job: JobId; readonly aggregator: AggregatorDeps },
): Promise<RetryDocument> {
  const { job, criteria, named, needs, aggregator } = wanted;
  const loaded = await loadJob(aggregator, job);
  requireSamePlace(drivers, loaded);
  const selection = await selectItems(aggregator, loaded, criteria, named);
  const meta = await requireMeta(drivers.state, job);
  if (selection.items === 0) return documentOf(drivers, meta, { job, selection, needs, dryRun: true });
  const limits = await limitsOf(deps, loaded.manifest.spec, needs);
  const { spec } = loaded.manifest;
  const fed = await fedNow(drivers.state, spec, { nowMs: deps.clock.nowMs() });
  const { elements } = planElements(spec.slurm, selection.tasks.length, limits.slots, fed);
  const next = { ...meta, generation: meta.generation + 1 };
  return { ...documentOf(drivers, next, { job, selection, needs, dryRun: true }), elements };
}

async function run(
  drivers: Drivers,
  deps: CoordinatorDeps,
  wanted: Wanted & { readonly request: RetryJobRequest; readonly aggregator: AggregatorDeps },
): Promise<RetryDocument> {
  const { request, criteria, named, needs, aggregator } = wanted;
  const { job, onProgress, onReopened, signal, patienceMs } = request;
  let selection: Selection | null = null;
  const { reopened, advanced } = await redoJob(deps, {
    job,
    waitLeaseMs: LEASE_PATIENCE_MS,
    patienceMs,
    async choose({ plan, assertHeld }): Promise<RedoChoice | null> {
      const loaded = await loadJob(aggregator, job);
      requireSamePlace(drivers, loaded);
      selection = await selectItems(aggregator, loaded, criteria, named);
      signal?.throwIfAborted();
      if (selection.items === 0) return null;
      const tasks = await prepareTasks({ deps: aggregator, job: loaded, plan, needs, assertHeld }, selection.tasks);
      const opened = selection.tasks.reduce((sum, { task }) => sum + task.item.items, 0);
      const carriedItems = loaded.manifest.counts.items - opened;
      return { tasks, carriedItems, text: eventText(selection, criteria, needs) };
    },
    onReopened: () => onReopened?.(job),
    onWait: (note) => onProgress?.({ phase: 'submitting', done: 0, total: null, unit: 'elements', note }),
    ...(signal === undefined ? {} : { signal }),
  });
  const meta = advanced?.meta ?? reopened ?? (await requireMeta(drivers.state, job));
  const document = documentOf(drivers, meta, { job, selection: selection ?? NOTHING, needs, dryRun: false });
  if (reopened === null) return document;
  const sent = (await readSubmissions(drivers.state, job)).flatMap((row) =>
    row.kind === 'array' && row.handle !== undefined && (row.generation ?? 0) === meta.generation
      ? [{ handle: row.handle, elements: row.elements }]
      : [],
  );
  return {
    ...document,
    submissions: sent,
    elements: sent.reduce((sum, { elements }) => sum + elements, 0),
    waitingFor: meta.waitingFor ?? null,
  };
}

const NOTHING: Selection = { tasks: [], items: 0, succeeded: 0, causes: [], errors: [], unfinished: 0 };

/** What the story of the job says of it. */
export function eventText(
  { items, tasks }: Selection,
  { text }: RetryCriteria,
  { memoryBytes, timeMs }: TaskNeeds,
): string {
  const raised = [
    ...(memoryBytes === undefined ? [] : [`memory ${formatBytes(memoryBytes)}`]),
    ...(timeMs === undefined ? [] : [`time ${formatDuration(timeMs)}`]),
  ];
  const how = [...(text === '' ? [] : [text]), ...raised].join(', ');
  const what = `${counted(items, 'item')} of ${counted(tasks.length, 'task')}`;
  return `${what} ${items === 1 ? 'runs' : 'run'} again${how === '' ? '' : ` (${how})`}`;
}

interface Told {
  readonly job: JobId;
  readonly selection: Selection;
  readonly needs: TaskNeeds;
  readonly dryRun: boolean;
}

function documentOf({ store }: Drivers, meta: JobMeta, { job, selection, needs, dryRun }: Told): RetryDocument {
  const { items, tasks, succeeded, causes, errors, unfinished } = selection;
  return {
    schema: 'slurmctl.retry/1',
    jobId: job,
    dryRun,
    state: meta.state,
    generation: meta.generation,
    items,
    tasks: tasks.length,
    succeeded,
    causes,
    errors,
    unfinished,
    memoryBytes: needs.memoryBytes ?? null,
    timeMs: needs.timeMs ?? null,
    elements: 0,
    submissions: [],
    waitingFor: null,
    output: publishedPath(store, job, meta),
  };
}
