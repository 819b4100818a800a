import { sizeFor } from '../domain/element-size.ts';
import type { ResourceSpec } from '../domain/job-spec.ts';
import type { TaskNeeds } from '../domain/task-item.ts';

/** What an attempt with a result took. */
export interface MeasuredRun {
  readonly startedMs: number;
  readonly finishedMs: number;
  readonly cpuMs: number;
  /** Null: it did not say. */
  readonly maxRssBytes: number | null;
  /** What the task asked for where a failure had raised it. */
  readonly needs: TaskNeeds | undefined;
}

/** Shares (1 is all) of what was asked for. */
export interface UsedShare {
  readonly cpu: number;
  readonly time: number;
  readonly memory: number | null;
}

/** Null for an attempt without a length. Pure. */
export function shareUsed(run: MeasuredRun, resources: ResourceSpec): UsedShare | null {
  const ms = run.finishedMs - run.startedMs;
  if (ms <= 0) return null;
  const asked = sizeFor(resources, run.needs);
  return {
    cpu: run.cpuMs / (ms * resources.cpus),
    time: ms / asked.timeMs,
    memory: run.maxRssBytes === null ? null : run.maxRssBytes / asked.memoryBytes,
  };
}
