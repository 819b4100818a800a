import { readEvents } from '../coordinator/job-events.ts';
import { readManifest } from '../coordinator/manifests.ts';
import { readHistory } from '../coordinator/read-history.ts';
import { readSubmissions, type Submission } from '../coordinator/submissions.ts';
import { createTroubleCounter } from '../coordinator/sum-trouble.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { Cause } from '../domain/causes.ts';
import { isCorruptRecord } from '../domain/history.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StatusDocument } from './documents.ts';
import { eventDocument } from './event-document.ts';
import { explanationOf, isoOrNull } from './explain-committed.ts';
import type { ExplainedJob } from './explain-documents.ts';
import type { Drivers } from './job-backends.ts';

const MOST_WORST = 10;

/** What was asked, sent and done, what failed and which rules decided; reads every task and every record of an attempt once. */
export async function explainJob(
  drivers: Drivers,
  job: JobId,
  { meta, status }: { readonly meta: JobMeta; readonly status: StatusDocument },
): Promise<ExplainedJob> {
  const { retries, heldBack, avoidedNodes, notes, keptResults, lateResults, items, tasks } = status;
  const events = await readEvents(drivers.state, job, meta);
  return {
    createdAt: status.job.createdAt,
    finishedAt: status.job.finishedAt,
    items,
    tasks,
    asked: await askedFor(drivers, job, meta),
    waves: wavesOf(await readSubmissions(drivers.state, job)),
    events: events.map(eventDocument),
    ...(await history(drivers, job)),
    ...(await taskFacts(drivers, job, meta)),
    standstill: status.standstill,
    retries,
    ...(status.queue === undefined ? {} : { queue: status.queue }),
    heldBack,
    avoidedNodes,
    notes,
    keptResults,
    lateResults,
  };
}

async function askedFor({ store }: Drivers, job: JobId, meta: JobMeta): Promise<ExplainedJob['asked']> {
  try {
    const { spec } = await readManifest(store, job, meta);
    const { cpus, memoryBytes, timeMs } = spec.resources;
    return { cpus, memoryBytes, timeMs, attempts: spec.retry.attempts, partition: spec.slurm.partition ?? null };
  } catch (error) {
    if (!isAppError(error, 'STORE_NOT_FOUND')) throw error;
    return null;
  }
}

/** One entry a wave and size, in order; pure. */
function wavesOf(rows: readonly Submission[]): ExplainedJob['waves'] {
  const waves = new Map<string, ExplainedJob['waves'][number]>();
  for (const row of rows) {
    if (row.kind !== 'array') continue;
    const { wave, memoryBytes = null, timeMs = null } = row;
    const key = `${wave} ${memoryBytes} ${timeMs}`;
    const known = waves.get(key);
    const isRefused = row.state === 'REJECTED';
    waves.set(key, {
      wave,
      memoryBytes,
      timeMs,
      submissions: (known?.submissions ?? 0) + 1,
      elements: (known?.elements ?? 0) + (isRefused ? 0 : row.elements),
      refused: (known?.refused ?? 0) + (isRefused ? 1 : 0),
      sentAt: known?.sentAt ?? isoOrNull(row.submittedMs),
    });
  }
  return [...waves.values()].toSorted((a, b) => a.wave - b.wave);
}

async function history(
  { state }: Drivers,
  job: JobId,
): Promise<Pick<ExplainedJob, 'failures' | 'corrupt' | 'rules' | 'nodes'>> {
  const failures = new Map<Cause, ExplainedJob['failures'][number]>();
  const rules = new Map<string, ExplainedJob['rules'][number]>();
  const nodes = new Map<string, number>();
  const corrupt = { results: 0, example: '' };
  for await (const { task, record } of readHistory(state, job)) {
    const example = `task ${task}: ${record.detail}`;
    if (isCorruptRecord(record)) {
      corrupt.results += 1;
      corrupt.example = example;
      continue;
    }
    const { cause, charged, rule, decision, node } = record;
    const failed = failures.get(cause);
    failures.set(cause, {
      cause,
      explanation: explanationOf(cause),
      attempts: (failed?.attempts ?? 0) + 1,
      charged: (failed?.charged ?? 0) + (charged ? 1 : 0),
      example,
    });
    const key = `${rule}\n${decision}`;
    rules.set(key, { rule, decision, attempts: (rules.get(key)?.attempts ?? 0) + 1 });
    if (node !== undefined) nodes.set(node, (nodes.get(node) ?? 0) + 1);
  }
  return {
    failures: mostFirst(failures.values()),
    corrupt: corrupt.results === 0 ? null : corrupt,
    rules: mostFirst(rules.values()),
    nodes: [...nodes]
      .map(([node, failedAttempts]) => ({ node, failedAttempts }))
      .toSorted((a, b) => b.failedAttempts - a.failedAttempts),
  };
}

const mostFirst = <T extends { readonly attempts: number }>(counted: Iterable<T>): T[] =>
  [...counted].toSorted((a, b) => b.attempts - a.attempts);

async function taskFacts(
  { state }: Drivers,
  job: JobId,
  { shards }: JobMeta,
): Promise<Pick<ExplainedJob, 'cost' | 'quarantinedItems' | 'worst'>> {
  const counter = createTroubleCounter();
  let worst: ExplainedJob['worst'] = [];
  for await (const task of readTasks(state, job, shards)) {
    counter.add(task);
    if (task.attempts < 2 || task.state === 'DONE') continue;
    worst = mostFirst([...worst, { task: task.id, attempts: task.attempts, state: task.state }]).slice(0, MOST_WORST);
  }
  const { cost, quarantinedItems } = counter.trouble();
  return { cost, quarantinedItems, worst };
}
