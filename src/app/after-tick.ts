/** What a tick does when every live job had its pass: messages to people, and pages of jobs. */
import type { Alerting } from '../domain/alert-rule.ts';
import { asJobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { TickDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { keepPage, pageDueMs, type PassedOver } from './store-dashboard.ts';
import { lookAfterPass, sendWaiting } from './tell-pass.ts';

/** Ticks come every few minutes: pages of jobs that live are begun in so much of that; what was not reached is first at the next tick. */
const PAGES_MS = 15_000;

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
  const passed: (PassedOver & { readonly own: Drivers })[] = [];
  for (const { jobId, steps } of document.jobs) {
    const own = owns.get(jobId);
    if (own === undefined) continue;
    const job = asJobId(jobId);
    const meta = metas.get(job);
    told.push(...((await lookAfterPass(own, alerting, { job, ...(meta === undefined ? {} : { meta }) })) ?? []));
    if (meta !== undefined) passed.push({ own, job, meta, steps });
  }
  // Also of jobs that have ended: nobody passes over them any more.
  told.push(...(await sendWaiting(side, alerting)));
  // Last, because of a million failures it takes seconds.
  const pages = await keepPages(side, passed);
  const notes = [...(document.notes ?? []), ...told, ...pages];
  return { ...document, ...(notes.length === 0 ? {} : { notes }) };
}

/** Those of jobs that have ended, then the ones that are due for longest. */
async function keepPages(
  { clock }: Drivers,
  passed: readonly (PassedOver & { readonly own: Drivers })[],
): Promise<string[]> {
  const notes: string[] = [];
  const endMs = clock.monotonicMs() + PAGES_MS;
  for (const { own, ...pass } of passed.toSorted((a, b) => pageDueMs(a) - pageDueMs(b))) {
    const hasEnded = pageDueMs(pass) === Number.NEGATIVE_INFINITY;
    if (!hasEnded && clock.monotonicMs() >= endMs) break;
    for (const words of await keepPage(own, pass)) notes.push(`job ${pass.job}: ${words}`);
  }
  return notes;
}
