/** How many items had their outcome when, lately: what an estimate of the rest goes by. Constant memory; pure. */
import type { TaskItem } from '../../domain/task-item.ts';

const BINS = 10;
/** The look back: a fifth of the life of the job, between these. */
const LEAST_MS = 60_000;
const MOST_MS = 3_600_000;
const SHARE = 0.2;
/** A worker that was heard of this long ago is taken to have gone on at its pace. */
const HEARD_MS = 180_000;

export interface Throughput {
  /** Items a second in each of the equal spans of the look back that the job was alive in, oldest first. */
  readonly rates: readonly number[];
  readonly spanMs: number;
  /** Running tasks that have finished an item, and the longest that one of them needs for the rest at its own pace; null: none has. */
  readonly paced: number;
  readonly slowestLeftMs: number | null;
}

export interface ThroughputMeter {
  add(task: TaskItem): void;
  throughput(): Throughput;
}

/** `sinceMs`: epoch ms at which the job was created, or opened again. */
export function createThroughputMeter({
  sinceMs,
  nowMs,
}: {
  readonly sinceMs: number;
  readonly nowMs: number;
}): ThroughputMeter {
  const lifeMs = Math.max(1, nowMs - sinceMs);
  const windowMs = Math.min(lifeMs, Math.max(LEAST_MS, Math.min(MOST_MS, lifeMs * SHARE)));
  const fromMs = nowMs - windowMs;
  const spanMs = windowMs / BINS;
  const items = Array.from<number>({ length: BINS }).fill(0);
  let paced = 0;
  let slowestLeftMs: number | null = null;
  // Items of a task are spread evenly over the time it took.
  const spread = (count: number, startMs: number, endMs: number): void => {
    if (endMs <= fromMs || count <= 0) return;
    const lengthMs = Math.max(1, endMs - startMs);
    const last = Math.min(BINS - 1, Math.floor((Math.min(endMs, nowMs) - fromMs) / spanMs));
    for (let bin = Math.max(0, Math.floor((startMs - fromMs) / spanMs)); bin <= last; bin += 1) {
      const overlap = Math.min(endMs, fromMs + (bin + 1) * spanMs) - Math.max(startMs, fromMs + bin * spanMs);
      items[bin] = (items[bin] ?? 0) + (count * Math.max(0, overlap)) / lengthMs;
    }
  };
  const running = ({ startedMs, heartbeatMs, progress = 0, checkpointSeen = 0, items: all }: TaskItem): void => {
    if (startedMs === undefined || heartbeatMs === undefined || heartbeatMs <= startedMs) return;
    const own = progress - checkpointSeen;
    if (own <= 0) return;
    const perMs = own / (heartbeatMs - startedMs);
    const goneOn = nowMs > heartbeatMs && nowMs - heartbeatMs <= HEARD_MS ? nowMs - heartbeatMs : 0;
    const more = Math.min(all - progress, perMs * goneOn);
    spread(own + more, startedMs, heartbeatMs + goneOn);
    paced += 1;
    slowestLeftMs = Math.max(slowestLeftMs ?? 0, (all - progress - more) / perMs);
  };
  return {
    add(task) {
      const ran = task.win?.ran;
      if (ran !== undefined) spread(task.items, Math.min(ran.startedMs, ran.finishedMs), ran.finishedMs);
      else if (task.state === 'RUNNING') running(task);
    },
    throughput: () => ({ rates: items.map((count) => (count * 1_000) / spanMs), spanMs, paced, slowestLeftMs }),
  };
}
