/** The part of `status` that is seen while the tasks are read: pace, laggards, usage. */
import type { JobAsked, JobMeta, TaskCounts } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { estimateLeft } from '../observe/pace/estimate.ts';
import { createLaggardWatch } from '../observe/pace/laggards.ts';
import { createThroughputMeter } from '../observe/pace/throughput.ts';
import { createUsageCollector } from '../observe/report/collect-usage.ts';
import type { StatusDocument } from './documents.ts';
import type { PaceDocument, UsageDocument } from './pace-documents.ts';

const HOUR_MS = 3_600_000;

type PaceView = Pick<StatusDocument, 'pace' | 'laggards' | 'usage'>;

interface PaceWatch {
  /** Before the first task; returns what takes each of them. Not called: no task was read. */
  readonly begin: (meta: JobMeta) => (id: string, task: TaskItem) => void;
  view(seen: { readonly left: number; readonly tasks: TaskCounts }): PaceView;
}

export function createPaceWatch(nowMs: number): PaceWatch {
  let watched: ReturnType<typeof watching> | null = null;
  return {
    begin: (meta) => {
      const made = watching(meta, nowMs);
      watched = made;
      return (id, task) => made.add(id, task);
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
    view({ left, tasks }: Parameters<PaceWatch['view']>[0]): PaceView {
      const isOver = isFinalJobState(meta.state);
      return {
        pace: isOver ? null : paceOf(meta, { left, running: tasks.running, ...meter.throughput() }),
        laggards: isOver ? null : laggards.laggards(),
        usage: meta.asked === undefined ? null : usageOf(usage.usage(), meta.asked),
      };
    },
  };
}

function paceOf(
  { state }: Pick<JobMeta, 'state'>,
  facts: Parameters<typeof estimateLeft>[0] & { readonly spanMs: number },
): PaceDocument | null {
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
  { handler, ...asked }: JobAsked,
): UsageDocument {
  const { cpus } = asked;
  const isCommand = handler === 'command';
  const rss = [...usage.elements.values()].reduce((most, { maxRssBytes }) => Math.max(most, maxRssBytes ?? 0), 0);
  return {
    asked,
    cpuShare: isCommand || usage.measuredMs === 0 ? null : usage.cpuMs / (usage.measuredMs * cpus),
    mostMemoryBytes: isCommand || rss === 0 ? null : rss,
    longestTaskMs: usage.measured === 0 ? null : usage.longestTaskMs,
    cpuHours: (usage.allMs * cpus) / HOUR_MS,
  };
}
