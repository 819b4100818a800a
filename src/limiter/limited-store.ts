import type { ObjectStore } from '../ports/object-store.ts';

/** Waits for the turn of one request; the reason of `signal` ends it. */
export type TakeTurn = (signal?: AbortSignal) => Promise<void>;

/** A page of a listing: what S3 returns with one request. */
const PAGE = 1_000;

/**
 * The store with a turn before each read, and before each page of a listing; many reads may wait at once. What is written, and what is asked without
 * a request, goes straight through: nobody who finishes work waits for those who collect it.
 */
export function createLimitedStore(store: ObjectStore, turn: TakeTurn): ObjectStore {
  return {
    ...store,
    async get(key, options) {
      await turn(options?.signal);
      return store.get(key, options);
    },
    async *stream(key, options) {
      await turn(options?.signal);
      yield* store.stream(key, options);
    },
    async getRange(key, start, end) {
      await turn();
      return store.getRange(key, start, end);
    },
    async getFile(key, path, options) {
      await turn(options?.signal);
      await store.getFile(key, path, options);
    },
    async head(key) {
      await turn();
      return store.head(key);
    },
    async *list(prefix) {
      let listed = 0;
      await turn();
      for await (const object of store.list(prefix)) {
        if (listed > 0 && listed % PAGE === 0) await turn();
        listed += 1;
        yield object;
      }
    },
  };
}
