/** Calls under way at once: enough to hide the latency of a state table, few enough to be welcome. */
const AT_ONCE = 16;

/** Results in the order of the items. When one fails, those already begun are waited for, no more are begun, and the first failure is thrown. */
export async function inWindows<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const ended = await Promise.allSettled(items.slice(at, at + AT_ONCE).map((item) => run(item)));
    for (const one of ended) {
      if (one.status === 'rejected') throw one.reason;
      results.push(one.value);
    }
  }
  return results;
}

/** The same for a stream: those with a `quick` answer need no call and do not wait for a window to fill. */
export async function* streamInWindows<T, R>(
  items: AsyncIterable<T>,
  run: (item: T) => Promise<R>,
  quick: (item: T) => R | null,
): AsyncGenerator<R> {
  let window: T[] = [];
  for await (const item of items) {
    const result = quick(item);
    if (result !== null) yield result;
    else window.push(item);
    if (window.length < AT_ONCE) continue;
    yield* await inWindows(window, run);
    window = [];
  }
  yield* await inWindows(window, run);
}
