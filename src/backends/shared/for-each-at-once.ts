/** Runs `work` for each, `atOnce` at a time; stops starting more after a failure and throws it. Holds no more of the source than that. */
export async function forEachAtOnce<T>(
  source: AsyncIterable<T> | Iterable<T>,
  atOnce: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const value of source) {
      const task: Promise<void> = work(value)
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= atOnce) await Promise.race(running);
      if (failures.length > 0) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
