/** Everything a dashboard shows, read from what is stored. */
import { requireMeta } from '../coordinator/job-meta.ts';
import { readHistory } from '../coordinator/read-history.ts';
import { finishedItems, readTasks } from '../coordinator/task-list.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { jobFileKey } from '../domain/keys.ts';
import { buildDashboard } from '../observe/dashboard/build.ts';
import type { Dashboard } from '../observe/dashboard/document.ts';
import { createRetryCounter } from '../observe/dashboard/retries.ts';
import { createFactCollector } from '../observe/dashboard/task-facts.ts';
import type { CarryDocument } from './documents.ts';
import { errorPanel } from './dashboard-errors.ts';
import { itemTimes } from './dashboard-item-times.ts';
import { limitPanel } from './dashboard-limits.ts';
import { dashboardVersions } from './dashboard-versions.ts';
import type { Drivers } from './job-backends.ts';
import { manifestOrNull } from './manifest-or-null.ts';
import { statusDocument } from './status-document.ts';

export interface DashboardRequest {
  readonly seenFrom?: CarryDocument['seenFrom'];
  /** Panels that read more than state, taken from an earlier reading: a page that lives is asked for every few seconds. */
  readonly kept?: Pick<Dashboard, 'itemTimes' | 'errors'>;
}

/** Reads every task and every record of an attempt once, and the published durations where they are near. @throws JOB_NOT_FOUND, STATE_*, STORE_* */
export async function readDashboard(
  drivers: Drivers,
  job: JobId,
  { seenFrom, kept }: DashboardRequest,
): Promise<Dashboard> {
  const meta = await requireMeta(drivers.state, job);
  const status = await statusDocument(drivers, job, seenFrom);
  const nowMs = drivers.clock.nowMs();
  const read = await readAttempts(drivers, job, meta, nowMs);
  const manifest = await manifestOrNull(drivers, job, meta);
  const { items, tasks, itemsPerSec, etaMs, notes, output } = status;
  return buildDashboard({
    nowMs,
    id: job,
    meta,
    status: { reason: status.job.reason, items, tasks, itemsPerSec, etaMs, notes, output },
    facts: read.facts,
    retries: read.retries,
    spec: manifest?.spec ?? null,
    itemTimes: kept?.itemTimes ?? (await itemTimes(drivers, job, meta)),
    errors: kept?.errors ?? (await errorPanel(drivers, job, seenFrom)),
    limits: await limitPanel(drivers, manifest?.spec ?? null, read.waiting),
    jobFile: await jobFileText(drivers, job),
    versions: await dashboardVersions(drivers, job, { meta, manifest }),
  });
}

async function readAttempts({ state }: Drivers, job: JobId, meta: JobMeta, nowMs: number) {
  const collector = createFactCollector({ nowMs, submittedWave: meta.submittedWave });
  const counter = createRetryCounter();
  const waiting = new Map<string, number>();
  for await (const item of readTasks(state, job, meta.shards)) {
    collector.task({ id: item.id, item, seen: finishedItems(item) });
    counter.task(item);
    if (item.state === 'RUNNING' && item.waiting?.kind === 'limit')
      waiting.set(item.waiting.name, (waiting.get(item.waiting.name) ?? 0) + 1);
  }
  for await (const { task, record } of readHistory(state, job)) {
    collector.record(task, record);
    counter.record(task, record);
  }
  return { facts: collector.facts(), retries: counter.retries(), waiting };
}

async function jobFileText({ store }: Drivers, job: JobId): Promise<string | null> {
  const bytes = await store.get(jobFileKey(job));
  return bytes === null ? null : new TextDecoder().decode(bytes);
}
