/** The part of `status` that is seen while the tasks are read: pace, laggards, usage. */
import type { JobMeta } from '../domain/job-item.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import type { TaskCounts } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { estimateLeft } from '../observe/pace/estimate.ts';
import { createLaggardWatch } from '../observe/pace/laggards.ts';
import { createThroughputMeter } from '../observe/pace/throughput.ts';
import { createUsageCollector } from '../observe/report/collect-usage.ts';
import type { StatusDocument } from './documents.ts';

const HOUR_MS = 3_600_000;

export type PaceView = Pick<StatusDocument, 'pace' | 'laggards' | 'usage'>;

export interface PaceWatch {
  /** Before the first task; returns what takes each of them. Not called: no task was read. */
  begin(meta: JobMeta): (id: string, task: TaskItem) => void;
  view(seen: { readonly left: number; readonly tasks: TaskCounts; readonly spec: JobSpec | null }): PaceView;
}

export function createPaceWatch(nowMs: number): PaceWatch {
  let watched: ReturnType<typeof watching> | null = null;
  return {
    begin(meta) {
      watched = watching(meta, nowMs);
      return watched.add;
    },
    view: (seen) => watched?.view(seen) ?? { pace: null, laggards: null, usage: null },
  };
}

function watching(meta: JobMeta, nowMs: number) {
  const meter = createThroughputMeter({ sinceMs: meta.reopenedMs ?? meta.createdMs, nowMs });
  const laggards = createLaggardWatch(nowMs);
  const usage = createUsageCollector(nowMs);
  return {
    add(id: string, task: TaskItem): void {
      meter.add(task);
      laggards.add(id, task);
      usage.task(task);
    },
    view({ left, tasks, spec }: Parameters<PaceWatch['view']>[0]): PaceView {
      const isOver = isFinalJobState(meta.state);
      return {
        pace: isOver ? null : paceOf(meta, { left, running: tasks.running, ...meter.throughput() }),
        laggards: isOver ? null : laggards.laggards(),
        usage: usageOf(usage.usage(), spec),
      };
    },
  };
}

function paceOf(
  { state }: Pick<JobMeta, 'state'>,
  facts: Parameters<typeof estimateLeft>[0] & { readonly spanMs: number },
): StatusDocument['pace'] {
  const windowMs = Math.round(facts.spanMs * facts.rates.length);
  const none = { windowMs, itemsPerSec: null, leftAtLeastMs: null, leftAtMostMs: null };
  if (state === 'PAUSED') return { ...none, unknown: 'the job is paused' };
  if (facts.left === 0) return { ...none, unknown: 'every item has its outcome' };
  const estimate = estimateLeft(facts);
  if ('unknown' in estimate) return { ...none, unknown: estimate.unknown };
  const { fromMs, toMs, itemsPerSec } = estimate;
  return { windowMs, itemsPerSec, leftAtLeastMs: fromMs, leftAtMostMs: toMs, unknown: null };
}

function usageOf(
  usage: ReturnType<ReturnType<typeof createUsageCollector>['usage']>,
  spec: JobSpec | null,
): StatusDocument['usage'] {
  if (spec === null) return null;
  const { resources, handler } = spec;
  const { cpus, memoryBytes, timeMs } = resources;
  const isCommand = handler.kind === 'command';
  const rss = [...usage.elements.values()].reduce((most, { maxRssBytes }) => Math.max(most, maxRssBytes ?? 0), 0);
  return {
    asked: { cpus, memoryBytes, timeMs },
    cpuShare: isCommand || usage.measuredMs === 0 ? null : usage.cpuMs / (usage.measuredMs * cpus),
    mostMemoryBytes: isCommand || rss === 0 ? null : rss,
    longestTaskMs: usage.measured === 0 ? null : usage.longestTaskMs,
    cpuHours: (usage.allMs * cpus) / HOUR_MS,
  };
}
