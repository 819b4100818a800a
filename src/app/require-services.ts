/** Before a job is stored: the bucket, the table and the queue are there, answer, and know who asks. */
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import { JOBS_PREFIX } from '../domain/keys.ts';
import { knownBackend, serverOf, shortBackendUrl } from '../domain/backend-url.ts';
import { JOBS_PARTITION } from '../domain/state-keys.ts';
import { AppError, isAppError, remedyOf } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';

/** A person waits for this. A server that keeps silent is otherwise listened to for as long as a worker with finished results would. */
const ANSWER_WITHIN_MS = 10_000;

/**
 * One small read of each service. Without it a job would be stored in one and fail in the next; and of the queue, which holds only hints, nobody
 * would miss anything. Directories are not asked: they are made when they are written to.
 * @throws AppError of the first that refuses or keeps silent, in the order of store, state and queue; nothing is stored
 */
export async function requireServices(
  { store, state, queue, clock }: Pick<CoordinatorDeps, 'store' | 'state' | 'queue' | 'clock'>,
  urls: Pick<BackendUrls, 'store' | 'state' | 'queue'>,
): Promise<void> {
  const answered = new AbortController();
  const ask = async (url: string, silence: ErrorCode, read: () => Promise<unknown>): Promise<void> => {
    const backend = knownBackend(url);
    if (backend.service === 'file') return;
    const tooLate = clock.sleep(ANSWER_WITHIN_MS, answered.signal).then(() => {
      throw new AppError(silence, {
        message: `${shortBackendUrl(url)} at ${serverOf(backend.aws)} did not answer within ${ANSWER_WITHIN_MS / 1_000} s`,
        hint: 'Check the endpoint and that this host has a route to it; slurmctl doctor looks closer',
      });
    });
    await Promise.race([read(), tooLate]);
  };
  const answers = await Promise.allSettled([
    ask(urls.store, 'STORE_UNAVAILABLE', () => firstOf(store.list(`${JOBS_PREFIX}none/`))),
    ask(urls.state, 'STATE_UNAVAILABLE', () => state.get({ partition: JOBS_PARTITION, sort: 'none' })),
    ask(urls.queue, 'QUEUE_UNAVAILABLE', () => queue.depth()),
  ]);
  answered.abort();
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
