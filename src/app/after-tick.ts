/** What a tick does when every live job had its pass: messages to people, and pages of jobs that ended. */
import type { Alerting } from '../domain/alert-rule.ts';
import { asJobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { TickDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { hasJustEnded } from './just-ended.ts';
import { storeDashboard } from './store-dashboard.ts';
import { lookAfterPass, sendWaiting } from './tell-pass.ts';

/** `owns`: the drivers of the jobs whose turn it was; `metas`: how a pass left them, where there was one. The document, with what was told among its notes. */
export async function afterTick(
  side: Drivers,
  document: TickDocument,
  {
    owns,
    metas,
    alerting,
  }: {
    readonly owns: ReadonlyMap<string, Drivers>;
    readonly metas: ReadonlyMap<string, JobMeta>;
    readonly alerting: Alerting;
  },
): Promise<TickDocument> {
  const told: string[] = [];
  for (const row of document.jobs) {
    const own = owns.get(row.jobId);
    if (own === undefined) continue;
    const job = asJobId(row.jobId);
    const meta = metas.get(job);
    told.push(...((await lookAfterPass(own, alerting, { job, ...(meta === undefined ? {} : { meta }) })) ?? []));
  }
  // Also of jobs that have ended: nobody passes over them any more.
  told.push(...(await sendWaiting(side, alerting)));
  // Last, because of a million failures it takes seconds.
  for (const row of document.jobs) {
    const own = owns.get(row.jobId);
    if (own !== undefined && hasJustEnded(row)) await storeDashboard(own, asJobId(row.jobId), undefined);
  }
  const notes = [...(document.notes ?? []), ...told];
  return { ...document, ...(notes.length === 0 ? {} : { notes }) };
}
