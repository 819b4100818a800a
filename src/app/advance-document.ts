import { advanceJob, type AdvanceRequest } from '../coordinator/advance.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { AdvanceDocument } from './documents.ts';

/** Pause before a pass is tried again. */
const AGAIN_MS = 15_000;

/**
 * One reconcile pass, as the document that `advance` shows. Whoever has time to wait for a lease has it for an outside that does not answer too:
 * a finaliser that gave up at the first busy moment of a controller would leave its job to nobody. `onPassed` is told how the job was left.
 */
export async function advanceDocument(
  deps: CoordinatorDeps,
  request: AdvanceRequest,
  onPassed?: (meta: JobMeta) => void,
): Promise<AdvanceDocument> {
  const untilMs = deps.clock.monotonicMs() + request.waitLeaseMs;
  for (;;) {
    try {
      const { meta, steps, nextDueMs } = await advanceJob(deps, request);
      onPassed?.(meta);
      return { schema: 'slurmctl.advance/1', jobId: request.job, state: meta.state, steps, nextDueMs };
    } catch (error) {
      if (!isAppError(error) || !error.retryable || error.code === 'INTERRUPTED') throw error;
      if (deps.clock.monotonicMs() + AGAIN_MS > untilMs) throw error;
      await deps.clock.sleep(AGAIN_MS, request.signal);
    }
  }
}
