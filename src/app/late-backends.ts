/**
 * A store and a queue that are opened at their first use. Each SDK client takes some hundred milliseconds to load; `status` and `list` need the
 * table alone, and workers no queue.
 */
import { shortBackendUrl } from '../domain/backend-url.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { RetryQueue } from '../ports/retry-queue.ts';

/** The result of the first call, for all calls. */
export function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}

/** For stores without local files. `url` is their address. */
export function createLateStore(url: string, store: () => Promise<ObjectStore>): ObjectStore {
  return {
    rootUrl: url,
    put: async (...request) => (await store()).put(...request),
    putFile: async (...request) => (await store()).putFile(...request),
    get: async (...request) => (await store()).get(...request),
    async *stream(...request) {
      yield* (await store()).stream(...request);
    },
    getRange: async (...request) => (await store()).getRange(...request),
    getFile: async (...request) => (await store()).getFile(...request),
    head: async (...request) => (await store()).head(...request),
    async *list(...request) {
      yield* (await store()).list(...request);
    },
    delete: async (...request) => (await store()).delete(...request),
    deletePrefix: async (...request) => (await store()).deletePrefix(...request),
    url: (key) => `${shortBackendUrl(url)}/${key}`,
    localPath: () => null,
  };
}

export function createLateQueue(url: string, queue: () => Promise<RetryQueue>): RetryQueue {
  return {
    rootUrl: url,
    send: async (...request) => (await queue()).send(...request),
    receive: async (...request) => (await queue()).receive(...request),
    ack: async (...request) => (await queue()).ack(...request),
    extend: async (...request) => (await queue()).extend(...request),
    depth: async () => (await queue()).depth(),
    async *deadLetters() {
      yield* (await queue()).deadLetters();
    },
    purge: async (...request) => (await queue()).purge(...request),
  };
}
