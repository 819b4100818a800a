/** Before a job is stored: the bucket, the table and the queue are there, answer, and know who asks. */
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import { JOBS_PREFIX } from '../domain/keys.ts';
import { AppError, isAppError, remedyOf } from '../errors/app-error.ts';
import { JOBS_PARTITION } from '../domain/state-keys.ts';

/**
 * One small read of each service. Without it a job would be stored in one and fail in the next; and of the queue, which holds only hints, nobody
 * would miss anything. Directories are not asked: they are made when they are written to.
 * @throws AppError of the first that refuses, in the order of store, state and queue; nothing is stored
 */
export async function requireServices(
  { store, state, queue }: Pick<CoordinatorDeps, 'store' | 'state' | 'queue'>,
  urls: Pick<BackendUrls, 'store' | 'state' | 'queue'>,
): Promise<void> {
  const isService = (url: string): boolean => !url.startsWith('file:');
  const answers = await Promise.allSettled([
    isService(urls.store) && firstOf(store.list(`${JOBS_PREFIX}none/`)),
    isService(urls.state) && state.get({ partition: JOBS_PARTITION, sort: 'none' }),
    isService(urls.queue) && queue.depth(),
  ]);
  for (const answer of answers) if (answer.status === 'rejected') throw withoutJob(answer.reason);
}

/** There is no job that could go on. */
function withoutJob(error: unknown): unknown {
  if (!isAppError(error)) return error;
  return new AppError(error.code, {
    message: error.message,
    hint: `${remedyOf(error)}; nothing was stored`,
    details: error.details,
    cause: error,
  });
}

async function firstOf(objects: AsyncIterable<unknown>): Promise<void> {
  // oxlint-disable-next-line no-unreachable-loop -- asking for the first is what asks the service
  for await (const _ of objects) return;
}
