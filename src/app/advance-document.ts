import { advanceJob, type AdvanceRequest } from '../coordinator/advance.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { AdvanceDocument } from './documents.ts';

/** One reconcile pass, as the document that `advance` shows. */
export async function advanceDocument(deps: CoordinatorDeps, request: AdvanceRequest): Promise<AdvanceDocument> {
  const { meta, steps, nextDueMs } = await advanceJob(deps, request);
  return { schema: 'slurmctl.advance/1', jobId: request.job, state: meta.state, steps, nextDueMs };
}
