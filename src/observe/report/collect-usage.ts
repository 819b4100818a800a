/** What a report needs of a job's tasks and attempts, added up while both are read once; a few numbers for each element. */
import type { Cause } from '../../domain/causes.ts';
import { isCorruptRecord, type AttemptRecord, type CorruptRecord } from '../../domain/history.ts';
import { elementOf, type AttemptId } from '../../domain/ids.ts';
import type { TaskItem, TaskNeeds } from '../../domain/task-item.ts';

/** What is known of one array element from the attempts that ran in it. */
export interface ElementUse {
  readonly firstMs: number;
  readonly lastMs: number;
  /** Null: none of its attempts said. */
  readonly maxRssBytes: number | null;
  /** The most that a task asked for that it ran, where a failure had raised it; 0: as the job asks. */
  readonly memoryBytes: number;
  readonly timeMs: number;
}

export interface Usage {
  readonly withResult: number;
  readonly measured: number;
  readonly failed: number;
  readonly running: number;
  /** Of measured attempts: their CPU time, and their length. */
  readonly cpuMs: number;
  readonly measuredMs: number;
  /** CPUs that each measured attempt kept busy, in order of the tasks. */
  readonly busyCpus: readonly number[];
  readonly longestTaskMs: number;
  /** Time of all attempts, and how much memory they held for how long where that was raised: ms, and bytes × ms. */
  readonly allMs: number;
  readonly raisedByteMs: number;
  readonly raisedMs: number;
  /** By why they ended, of attempts without a result. */
  readonly wasted: ReadonlyMap<Cause, { readonly attempts: number; readonly ms: number }>;
  /** By element. */
  readonly elements: ReadonlyMap<string, ElementUse>;
  /** Tasks with a result whose memory or time had been raised, and the most that any of them had. */
  readonly raised: { readonly tasks: number; readonly memoryBytes: number; readonly timeMs: number };
}

/** Elements that are kept apart; those beyond count in the sums alone. */
const MOST_ELEMENTS = 200_000;

export interface UsageCollector {
  task(item: TaskItem): void;
  record(record: AttemptRecord | CorruptRecord): void;
  usage(): Usage;
}

interface Attempt {
  readonly attempt: AttemptId | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly maxRssBytes: number | null;
  readonly memoryBytes: number | undefined;
  readonly timeMs: number | undefined;
}

type Wasted = Map<Cause, { readonly attempts: number; readonly ms: number }>;

function addWasted(wasted: Wasted, cause: Cause, ms: number): void {
  const known = wasted.get(cause);
  wasted.set(cause, { attempts: (known?.attempts ?? 0) + 1, ms: (known?.ms ?? 0) + ms });
}

function addRaised(raised: { tasks: number; memoryBytes: number; timeMs: number }, needs: TaskNeeds): void {
  raised.tasks += 1;
  raised.memoryBytes = Math.max(raised.memoryBytes, needs.memoryBytes ?? 0);
  raised.timeMs = Math.max(raised.timeMs, needs.timeMs ?? 0);
}

export function createUsageCollector(nowMs: number): UsageCollector {
  const counts = { withResult: 0, measured: 0, failed: 0, running: 0, cpuMs: 0, measuredMs: 0, longestTaskMs: 0 };
  const held = { allMs: 0, raisedByteMs: 0, raisedMs: 0 };
  const raised = { tasks: 0, memoryBytes: 0, timeMs: 0 };
  const busyCpus: number[] = [];
  const wasted: Wasted = new Map();
  const elements = new Map<string, ElementUse>();
  const hold = (attempt: Attempt): void => {
    const ms = attempt.toMs - attempt.fromMs;
    held.allMs += ms;
    if (attempt.memoryBytes !== undefined) {
      held.raisedByteMs += attempt.memoryBytes * ms;
      held.raisedMs += ms;
    }
    addToElement(elements, attempt);
  };
  const committed = (win: NonNullable<TaskItem['win']>, { needs }: TaskItem): void => {
    counts.withResult += 1;
    if (needs !== undefined) addRaised(raised, needs);
    const { ran } = win;
    if (ran === undefined || ran.finishedMs <= ran.startedMs) return;
    const ms = ran.finishedMs - ran.startedMs;
    counts.measured += 1;
    counts.cpuMs += ran.cpuMs;
    counts.measuredMs += ms;
    counts.longestTaskMs = Math.max(counts.longestTaskMs, ms);
    busyCpus.push(ran.cpuMs / ms);
    const { maxRssBytes = null } = ran;
    hold({ attempt: win.attempt, fromMs: ran.startedMs, toMs: ran.finishedMs, maxRssBytes, ...sizeOf(needs) });
  };
  const fruitless = (cause: Cause, ms: number): void => {
    counts.failed += 1;
    addWasted(wasted, cause, ms);
  };
  return {
    task(item) {
      if (item.win !== undefined) return committed(item.win, item);
      const { state, owner, startedMs, heartbeatMs = 0, needs } = item;
      // A cancel writes no record of the attempt it ends; until when that worked is known to a heartbeat.
      const wasCut = state === 'CANCELLED' && owner !== undefined;
      if (startedMs === undefined || !(wasCut || state === 'RUNNING')) return;
      const toMs = Math.max(startedMs, wasCut ? heartbeatMs : nowMs);
      if (wasCut) fruitless(item.cause ?? 'cancelled-by-user', toMs - startedMs);
      else counts.running += 1;
      hold({ attempt: owner, fromMs: startedMs, toMs, maxRssBytes: null, ...sizeOf(needs) });
    },
    record(record) {
      if (isCorruptRecord(record)) return;
      const { cause, startedMs, endedMs, attempt } = record;
      // A task that no element came to ended without an attempt.
      if (attempt === undefined) return;
      const ms = startedMs === undefined ? 0 : Math.max(0, endedMs - startedMs);
      fruitless(cause, ms);
      if (startedMs !== undefined)
        hold({ attempt, fromMs: startedMs, toMs: startedMs + ms, maxRssBytes: null, ...sizeOf(record) });
    },
    usage: () => ({ ...counts, ...held, busyCpus, wasted, elements, raised: { ...raised } }),
  };
}

const sizeOf = (asked: { readonly memoryBytes?: number; readonly timeMs?: number } | undefined) => ({
  memoryBytes: asked?.memoryBytes,
  timeMs: asked?.timeMs,
});

function addToElement(elements: Map<string, ElementUse>, attempt: Attempt): void {
  if (attempt.attempt === undefined) return;
  const element = elementOf(attempt.attempt);
  const known = elements.get(element);
  if (known === undefined && elements.size >= MOST_ELEMENTS) return;
  const rss = Math.max(known?.maxRssBytes ?? -1, attempt.maxRssBytes ?? -1);
  elements.set(element, {
    firstMs: Math.min(known?.firstMs ?? Infinity, attempt.fromMs),
    lastMs: Math.max(known?.lastMs ?? 0, attempt.toMs),
    maxRssBytes: rss < 0 ? null : rss,
    memoryBytes: Math.max(known?.memoryBytes ?? 0, attempt.memoryBytes ?? 0),
    timeMs: Math.max(known?.timeMs ?? 0, attempt.timeMs ?? 0),
  });
}
