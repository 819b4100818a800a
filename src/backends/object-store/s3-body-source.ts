/** What is to be stored, on its way to the service. */

type Chunks = AsyncIterable<Uint8Array>;

/** The chunks of `source` until `signal` aborts, also while the source keeps everybody waiting; its own errors pass through. */
export async function* untilAborted(source: Chunks, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = iterator.next();
      // A source that fails is over; one that was given up on is not.
      step.catch(() => (isOver = true));
      const next = await orAborted(step, signal);
      isOver = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // A source in the middle of a step ends after it, and nobody waits for that.
    if (!isOver) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

/** Listens for each step anew: a promise that lives as long as the stream would hold every chunk of it. */
function orAborted<T>(step: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    step.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

export interface Peeked {
  /** The first chunks. */
  readonly head: readonly Uint8Array[];
  /** What follows them; null when they are all there is. */
  readonly rest: AsyncIterator<Uint8Array> | null;
}

/** Reads until `bytes` are there or the source ends. */
export async function peek(source: Chunks, bytes: number): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let headBytes = 0; headBytes < bytes;) {
    const next = await iterator.next();
    if (next.done === true) return { head, rest: null };
    head.push(next.value);
    headBytes += next.value.byteLength;
  }
  return { head, rest: iterator };
}

/** `head`, then `rest`. */
export async function* chained(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
