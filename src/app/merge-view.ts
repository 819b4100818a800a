import type { AggregateProgress } from '../aggregator/deps.ts';
import type { Clock } from '../ports/clock.ts';
import type { LimitWait } from '../ports/limiter.ts';
import type { OnProgress } from './api.ts';

export interface MergeView {
  readonly progress: (progress: Pick<AggregateProgress, 'done' | 'total'>) => void;
  readonly close: () => void;
}

/** How often it is looked what a merge waits for. */
const LOOK_MS = 5_000;
/** A wait with the same words is not told again, and times within it change all the while. */
const TELL_EVERY_MS = 30_000;

/** Tells how far a merge is, and what it waits for: also while nothing moves. */
export function createMergeView(
  { clock, waiting }: { readonly clock: Clock; readonly waiting: () => LimitWait | null },
  tell: { readonly onProgress?: OnProgress | undefined; readonly onWait?: (what: string | null) => void },
): MergeView {
  let last = { done: 0, total: 0 };
  let told: { readonly what: string | null; readonly atMs: number } = { what: null, atMs: Number.NEGATIVE_INFINITY };
  const show = (note: string | null): void =>
    tell.onProgress?.({ phase: 'merging', ...last, unit: 'parts', ...(note === null ? {} : { note }) });
  const look = (): void => {
    const wait = waiting();
    const what = wait === null ? null : waitWords(wait);
    if (what !== null) show(what);
    const nowMs = clock.monotonicMs();
    const isNews = what === null ? told.what !== null : nowMs - told.atMs >= TELL_EVERY_MS && what !== told.what;
    if (!isNews) return;
    told = { what, atMs: nowMs };
    tell.onWait?.(what);
  };
  const cancel = clock.every(LOOK_MS, look);
  return {
    progress({ done, total }) {
      last = { done, total };
      show(null);
    },
    close: cancel,
  };
}

/** `8 reads wait for limit store, the next until about 14:02:11 UTC`. */
function waitWords({ name, calls, untilMs }: LimitWait): string {
  const until = untilMs === null ? '' : `, the next until about ${new Date(untilMs).toISOString().slice(11, 19)} UTC`;
  return `${calls} ${calls === 1 ? 'read waits' : 'reads wait'} for limit ${name}${until}`;
}
