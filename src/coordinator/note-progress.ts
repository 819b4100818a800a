/** What the last pass found out that `status` cannot see in the tasks, stored in META as sentences for people. */
import type { JobMeta } from '../domain/job-item.ts';
import { isBeyond } from './finish-job.ts';
import { stamp, updateMeta } from './job-meta.ts';
import type { Reconciled } from './reconcile.ts';
import type { SendContext } from './send.ts';

/** META with the notes of this pass, and `more` of them; written only when they changed. */
export async function noteProgress(
  context: SendContext,
  meta: JobMeta,
  { reconciled, more }: { readonly reconciled: Reconciled; readonly more: readonly string[] },
): Promise<JobMeta> {
  const notes = [...notesOf(context, reconciled), ...more];
  if (JSON.stringify(meta.notes ?? []) === JSON.stringify(notes)) return meta;
  return updateMeta(context.deps.state, context.job, [meta.state], {
    ...stamp(context),
    ...(notes.length === 0 ? { remove: ['notes'] } : { set: { notes } }),
  });
}

function notesOf({ manifest }: SendContext, { held, items, lost }: Reconciled): string[] {
  const notes = held === null ? [] : [held.why];
  // Nothing stops because of that: the output is wanted all the same.
  if (isBeyond({ total: items.total, failed: lost }, manifest.spec.retry.tolerate))
    notes.push(
      `${lost} of ${items.total} items have failed for good, more than retry.tolerate allows: the job will end as FAILED`,
    );
  return notes;
}
