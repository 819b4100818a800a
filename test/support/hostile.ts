import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/catalogue.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Random } from '../../src/ports/random.ts';
import type { RetryQueue } from '../../src/ports/retry-queue.ts';
import type { StateTable } from '../../src/ports/state-table.ts';

/** Probabilities from 0 to 1, each drawn once a call. */
export interface HostileRates {
  /** Refuses before anything is done: *_UNAVAILABLE. */
  readonly throttle?: number;
  /** Does it, then fails: STATE_UNCERTAIN for state writes, *_UNAVAILABLE for the rest. */
  readonly loseAnswer?: number;
  /** Sends or receives a queue message twice. */
  readonly duplicate?: number;
  /** Applies a repeatable state write twice. */
  readonly repeat?: number;
  /** Lets others go first: waits some turns of the event loop. */
  readonly delay?: number;
}

interface HostileOptions {
  readonly random: Random;
  readonly rates: HostileRates;
}

/** A state table that behaves as badly as its contract allows. */
export function hostileStateTable(table: StateTable, options: HostileOptions): StateTable {
  const call = createCall(options, 'STATE_UNAVAILABLE', 'STATE_UNCERTAIN');
  return {
    ...table,
    get: (key) => call.read(() => table.get(key)),
    query: (partition, prefix) => call.stream(() => table.query(partition, prefix)),
    write: (key, change, when, writeOptions) =>
      call.write(async () => {
        const twice = writeOptions?.repeatable === true && options.random.next() < (options.rates.repeat ?? 0);
        const first = await table.write(key, change, when, writeOptions);
        return twice ? await table.write(key, change, when, writeOptions) : first;
      }),
    createMany: (items) => call.write(() => table.createMany(items)),
    deletePartition: (partition) => call.write(() => table.deletePartition(partition)),
    deleteItem: (key) => call.write(() => table.deleteItem(key)),
  };
}

/** An object store that throttles and loses answers. */
export function hostileObjectStore(store: ObjectStore, options: HostileOptions): ObjectStore {
  const call = createCall(options, 'STORE_UNAVAILABLE', 'STORE_UNAVAILABLE');
  return {
    ...store,
    put: (key, body, signal) => call.write(() => store.put(key, body, signal)),
    putFile: (key, path, signal) => call.write(() => store.putFile(key, path, signal)),
    get: (key, readOptions) => call.read(() => store.get(key, readOptions)),
    stream: (key, readOptions) => call.stream(() => store.stream(key, readOptions)),
    getRange: (key, start, end) => call.read(() => store.getRange(key, start, end)),
    getFile: (key, path, readOptions) => call.read(() => store.getFile(key, path, readOptions)),
    head: (key) => call.read(() => store.head(key)),
    list: (prefix) => call.stream(() => store.list(prefix)),
    delete: (keys) => call.write(() => store.delete(keys)),
    deletePrefix: (prefix) => call.write(() => store.deletePrefix(prefix)),
  };
}

/** A queue that also duplicates: what it sends, and what it hands out. */
export function hostileRetryQueue(queue: RetryQueue, options: HostileOptions): RetryQueue {
  const call = createCall(options, 'QUEUE_UNAVAILABLE', 'QUEUE_UNAVAILABLE');
  const twice = (): boolean => options.random.next() < (options.rates.duplicate ?? 0);
  return {
    ...queue,
    send: (messages, delayMs) =>
      call.write(() =>
        queue.send(
          messages.flatMap((m) => (twice() ? [m, m] : [m])),
          delayMs,
        ),
      ),
    receive: (request) =>
      call.write(async () =>
        (await queue.receive(request)).flatMap((message) => (twice() ? [message, message] : [message])),
      ),
    ack: (receipts) => call.write(() => queue.ack(receipts)),
    extend: (receipt, visibilityMs) => call.write(() => queue.extend(receipt, visibilityMs)),
    depth: () => call.read(() => queue.depth()),
    deadLetters: () => call.stream(() => queue.deadLetters()),
    purge: (job) => call.write(() => queue.purge(job)),
  };
}

function createCall({ random, rates }: HostileOptions, refusal: ErrorCode, lost: ErrorCode) {
  const chance = (rate: number | undefined): boolean => random.next() < (rate ?? 0);
  const before = async (): Promise<void> => {
    if (chance(rates.delay)) for (let turns = Math.ceil(random.next() * 20); turns > 0; turns -= 1) await nextTurn();
    if (chance(rates.throttle)) throw new AppError(refusal, { message: 'hostile: throttled' });
  };
  return {
    async read<T>(run: () => Promise<T>): Promise<T> {
      await before();
      return await run();
    },
    async write<T>(run: () => Promise<T>): Promise<T> {
      await before();
      const answer = await run();
      if (chance(rates.loseAnswer)) throw new AppError(lost, { message: 'hostile: answer lost' });
      return answer;
    },
    async *stream<T>(run: () => AsyncIterable<T>): AsyncGenerator<T> {
      await before();
      yield* run();
    },
  };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
