/** Which workers have turns of a limit or wait for it, as they said with their last heartbeats. */
import type { Task } from '../coordinator/task-list.ts';
import type { JobId } from '../domain/ids.ts';
import type { LimitDocument } from './limit-documents.ts';
import { isoTime } from './status-document.ts';

type Worker = LimitDocument['workers'][number];

/** Who has not been heard of for so long, four heartbeats, is shown for turns alone that can still be spent. */
const SILENT_MS = 120_000;
/** In a document; those that have the least are left out. */
const MOST_WORKERS = 500;

export interface LimitWorkers {
  see(job: JobId, task: Task): void;
  /** Those that hold the most first, then those with the most calls that wait. */
  workers(): { readonly workers: readonly Worker[]; readonly moreWorkers: number };
}

/** @param now epoch ms of the host, by which workers tell when they were heard of and expect turns; and of the table, by which turns are spent */
export function createLimitWorkers(
  name: string,
  now: { readonly hostMs: number; readonly tableMs: number },
): LimitWorkers {
  // A process that goes from one task to the next may be on both for a moment.
  const byProcess = new Map<string, Worker>();
  return {
    see(job, task) {
      const worker = workerOf(name, { job, task }, now);
      if (worker === null) return;
      const process = `${job} ${task.owner ?? task.id}`;
      const other = byProcess.get(process);
      if (other === undefined || other.silentMs > worker.silentMs) byProcess.set(process, worker);
    },
    workers() {
      const all = [...byProcess.values()].toSorted(
        (a, b) => (b.held?.units ?? 0) - (a.held?.units ?? 0) || b.waitingCalls - a.waitingCalls || b.had - a.had,
      );
      return { workers: all.slice(0, MOST_WORKERS), moreWorkers: Math.max(0, all.length - MOST_WORKERS) };
    },
  };
}

function workerOf(
  name: string,
  { job, task }: { readonly job: JobId; readonly task: Task },
  { hostMs, tableMs }: { readonly hostMs: number; readonly tableMs: number },
): Worker | null {
  const { id, node, waiting, holds = [], heartbeatMs = 0 } = task;
  const hold = holds.find(({ limit }) => limit === name);
  const waits = waiting?.kind === 'limit' && waiting.name === name ? waiting : null;
  if (hold === undefined && waits === null) return null;
  const held = hold?.left !== undefined && hold.untilMs !== undefined && hold.untilMs > tableMs ? hold : null;
  const silentMs = Math.max(0, hostMs - heartbeatMs);
  if (held === null && silentMs > SILENT_MS) return null;
  return {
    job,
    task: id,
    node: node ?? null,
    held:
      held === null
        ? null
        : { units: held.left as number, unit: held.unit ?? 'requests', until: isoTime(held.untilMs as number) },
    waitingCalls: waits === null ? 0 : (waits.calls ?? 1),
    nextAt: waits?.untilMs === undefined || waits.untilMs <= hostMs ? null : isoTime(waits.untilMs),
    had: hold?.had ?? 0,
    silentMs,
  };
}
