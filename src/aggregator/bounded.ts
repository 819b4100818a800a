/** `fn` of every item, in their order, with at most `limit` under way. The first failure ends it; what is under way is awaited. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  fn: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = Array.from<R>({ length: items.length });
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        results[index] = await fn(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane));
  const broken = lanes.find((outcome) => outcome.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
  return results;
}

/**
 * `fn` of every item, in their order, with at most `limit` under way or waiting to be taken: memory does not grow with the items. Whoever stops taking
 * waits for what is under way.
 */
export async function* streamBounded<T, R>(
  items: Iterable<T>,
  limit: number,
  fn: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  try {
    for (const item of items) {
      if (underWay.length === limit) yield await (underWay.shift() as Promise<R>);
      const begun = fn(item);
      // It may fail before its turn comes, and is heard then.
      begun.catch(() => undefined);
      underWay.push(begun);
    }
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) yield await next;
  } finally {
    await Promise.allSettled(underWay);
  }
}
