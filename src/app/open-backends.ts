/** From a backend's URL to the driver that reaches it. What needs an SDK is imported when something is asked of it, and only then. */
import { fileURLToPath } from 'node:url';
import { createFsObjectStore } from '../backends/object-store/fs.ts';
import { createFsRetryQueue } from '../backends/retry-queue/fs.ts';
import type { AwsContext } from '../backends/shared/aws/client-config.ts';
import { createFsStateTable } from '../backends/state-table/fs.ts';
import { knownBackend, type BackendUrl } from '../domain/backend-url.ts';
import { JOBS_PREFIX } from '../domain/keys.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { RetryQueue } from '../ports/retry-queue.ts';
import type { StateTable } from '../ports/state-table.ts';
import { createLateQueue, createLateStore, once } from './late-backends.ts';

export interface OpenedStore {
  readonly store: ObjectStore;
  /** Removes what killed writers left half-written before this moment (epoch ms); how many objects. */
  readonly removeHalfWritten: (beforeMs: number) => Promise<number>;
}

export async function openStore(url: string, context: AwsContext): Promise<OpenedStore> {
  const backend = knownBackend(url);
  if (backend.service === 's3') {
    const open = once(async () => {
      const { createS3ObjectStore } = await import('../backends/object-store/s3.ts');
      return createS3ObjectStore({ backend, context });
    });
    return {
      store: createLateStore(url, open),
      removeHalfWritten: async (beforeMs) => (await open()).abortStaleUploads(JOBS_PREFIX, beforeMs),
    };
  }
  if (backend.service !== 'file') throw misplaced('a store', backend);
  const store = createFsObjectStore({ root: fileURLToPath(url), ids: context.ids });
  return { store, removeHalfWritten: (beforeMs) => store.removeStaleTemp(JOBS_PREFIX, beforeMs) };
}

export async function openState(url: string, context: AwsContext): Promise<StateTable> {
  const backend = knownBackend(url);
  if (backend.service === 'dynamodb') {
    const { createDynamoStateTable } = await import('../backends/state-table/dynamodb.ts');
    return createDynamoStateTable({ backend, context });
  }
  if (backend.service !== 'file') throw misplaced('a state table', backend);
  return createFsStateTable({ root: fileURLToPath(url), ids: context.ids, clock: context.clock });
}

export async function openQueue(url: string, context: AwsContext): Promise<RetryQueue> {
  const backend = knownBackend(url);
  if (backend.service === 'sqs') {
    const open = once(async () => {
      const { createSqsRetryQueue } = await import('../backends/retry-queue/sqs.ts');
      return createSqsRetryQueue({ backend, context });
    });
    return createLateQueue(url, open);
  }
  if (backend.service !== 'file') throw misplaced('a retry queue', backend);
  return createFsRetryQueue({ root: fileURLToPath(url), ids: context.ids, clock: context.clock });
}

/** The settings and the requests of jobs were checked before they were stored. */
const misplaced = (what: string, { service }: BackendUrl): Error => new Error(`${service}:// cannot be ${what}`);
