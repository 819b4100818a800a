import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { readManifest } from './manifests.ts';
import type { CoordinatorDeps } from './needs.ts';
import { reconcileTasks } from './reconcile.ts';
import { settleHolds } from './settle-holds.ts';
import { FORGIVEN, moveSubmission } from './submissions.ts';
import { isOneOf } from './watch-nodes.ts';

/**
 * A pass over a paused job: nothing is sent and nothing merged. What waits in the batch system is held, should the pause not have come that far, and
 * what became of running elements is written down, so that `status` is true however long the pause lasts.
 */
export async function passPaused(
  deps: CoordinatorDeps,
  job: JobId,
  meta: JobMeta,
): Promise<{ readonly meta: JobMeta; readonly steps: readonly string[]; readonly nextDueMs: null }> {
  const { observed, steps } = await settleHolds(deps, job);
  if (meta.stage === 'splitting' || meta.stage === 'storing-tasks') return { meta, steps, nextDueMs: null };
  const manifest = await readManifest(deps.store, job, meta);
  const reconciled = await reconcileTasks(deps, {
    job,
    manifest,
    meta,
    elements: observed.elements,
    rows: [...observed.live, ...observed.over],
  });
  for (const row of observed.over.filter((one) => !isOneOf(one, reconciled.undecided)))
    await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set: { state: 'ENDED', ...FORGIVEN } });
  return { meta, steps: [...steps, ...reconciled.steps], nextDueMs: null };
}
