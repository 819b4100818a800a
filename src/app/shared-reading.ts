import type { Clock } from '../ports/clock.ts';

/** What was read, and how long nobody needs it anew. */
export interface Reading<T> {
  readonly value: T;
  readonly freshMs: number;
}

/** One reading at a time, shared by all who ask while it is made and as long as it is fresh. */
export function shareReading<T>(clock: Pick<Clock, 'monotonicMs'>, read: () => Promise<Reading<T>>): () => Promise<T> {
  let last: { readonly value: T; readonly untilMs: number } | null = null;
  let reading: Promise<T> | null = null;
  const readAnew = async (): Promise<T> => {
    const { value, freshMs } = await read();
    last = { value, untilMs: clock.monotonicMs() + freshMs };
    return value;
  };
  return async () => {
    if (last !== null && clock.monotonicMs() < last.untilMs) return last.value;
    reading ??= readAnew().finally(() => {
      reading = null;
    });
    return reading;
  };
}
