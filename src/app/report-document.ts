/** `report`: reads every task and every record of an attempt once. */
import { requireMeta } from '../coordinator/job-meta.ts';
import { readHistory } from '../coordinator/read-history.ts';
import { readSubmissions } from '../coordinator/submissions.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { EfficiencyReport } from '../domain/efficiency-report.ts';
import type { JobId } from '../domain/ids.ts';
import { askedOf, type JobAsked, type JobMeta } from '../domain/job-item.ts';
import { buildReport } from '../observe/report/build-report.ts';
import { createUsageCollector } from '../observe/report/collect-usage.ts';
import { copyNote } from './carry-view.ts';
import type { CarryDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { manifestOrNull } from './manifest-or-null.ts';

/** @throws JOB_NOT_FOUND, STATE_*, STORE_* */
export async function reportDocument(
  drivers: Pick<Drivers, 'state' | 'store' | 'clock'>,
  job: JobId,
  seenFrom?: CarryDocument['seenFrom'],
): Promise<EfficiencyReport> {
  const { state, clock } = drivers;
  const meta = await requireMeta(state, job);
  const nowMs = clock.nowMs();
  const collector = createUsageCollector(nowMs);
  for await (const task of readTasks(state, job, meta.shards)) collector.task(task);
  for await (const { record } of readHistory(state, job)) collector.record(record);
  const submittedMs = new Map<string, number>();
  for (const row of await readSubmissions(state, job))
    if (row.kind === 'array' && row.handle !== undefined && row.submittedMs !== undefined)
      submittedMs.set(row.handle, row.submittedMs);
  const asked = meta.asked ?? (await askedByManifest(drivers, job, meta));
  const notes = seenFrom === 'copy' ? [await copyNote(drivers, job)] : [];
  return buildReport({ nowMs, id: job, meta, asked, usage: collector.usage(), submittedMs, notes });
}

/** Of a job whose version did not write it into its state. */
async function askedByManifest(drivers: Pick<Drivers, 'store'>, job: JobId, meta: JobMeta): Promise<JobAsked | null> {
  const manifest = await manifestOrNull(drivers, job, meta);
  return manifest === null ? null : askedOf(manifest.spec);
}
