import { AppError, isAppError } from '../../../errors/app-error.ts';
import type { BatchHandle, RenderedSubmission, SubmitRequest } from '../../../ports/batch-system.ts';
import { renderScript } from '../shared/render-script.ts';
import type { LocalContext } from './context.ts';
import { withoutBatchVariables } from './element-environment.ts';
import { submissionId } from './layout.ts';
import { prepareHost, storeSubmission } from './store-submission.ts';
import { storedRequest } from './stored-request.ts';

/** Elements are counted one by one by the supervisor; more than this in one array costs more memory than it is worth. */
export const MAX_ARRAY_SIZE = 100_000;

/** A description in the shape of a command line: nothing is executed to submit locally. */
export function renderLocally(template: string, request: SubmitRequest): RenderedSubmission {
  const { array, resources, after = [], beginAfterSec } = request;
  const throttle = array?.throttle === undefined ? '' : `%${array.throttle}`;
  const argv = [
    'slurmctl-local',
    `--job-name=${request.name}`,
    ...(array === undefined ? [] : [`--array=0-${array.count - 1}${throttle}`]),
    `--cpus-per-task=${resources.cpus}`,
    `--time-limit-ms=${resources.timeMs}`,
    `--signal=USR2@${request.warnBeforeEndSec}`,
    `--output=${request.logDir}/<id>_<index>.out`,
    request.requeue ? '--requeue' : '--no-requeue',
    ...(after.length === 0 ? [] : [`--dependency=afterany:${after.map(({ id }) => id).join(':')}`]),
    ...(beginAfterSec === undefined ? [] : [`--begin=now+${beginAfterSec}`]),
  ];
  return { argv, script: renderScript(template, request) };
}

export async function submitLocally(context: LocalContext, request: SubmitRequest): Promise<BatchHandle> {
  const count = request.array?.count ?? 1;
  if (!Number.isInteger(count) || count < 1) throw new Error(`an array of ${count} elements`);
  if (count > MAX_ARRAY_SIZE) {
    throw new AppError('BATCH_REFUSED', {
      message: `an array of ${count} elements; the local scheduler takes ${MAX_ARRAY_SIZE}`,
      hint: 'Use bigger batches or fewer elements',
    });
  }
  const script = renderScript(context.template, request);
  const stored = storedRequest(request, context.clock.nowMs());
  const environment = withoutBatchVariables(context.env);
  const { layout, ids } = context;
  const token = prepareHost(layout, () => ids.token(5));
  // First of all, so that a supervisor that cannot run is reported before anything is accepted.
  await context.ensureSupervisor();
  const number = storeSubmission(layout, { request: stored, script, environment }, ids.ulid());
  try {
    await context.ensureSupervisor();
  } catch (error) {
    throw isAppError(error) ? uncertain(request, error) : error;
  }
  return { id: submissionId(token, number), cluster: layout.hostname };
}

const uncertain = (request: SubmitRequest, cause: AppError): AppError =>
  new AppError('BATCH_UNCERTAIN', {
    message: `${request.name} was stored, but nobody runs it: ${cause.message}`,
    hint: cause.hint,
    cause,
  });
