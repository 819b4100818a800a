/** What the panels need of a job's tasks and attempts, gathered while both are read once; a few words for each of them. */
import { isCorruptRecord, type AttemptRecord, type CorruptRecord } from '../../domain/history.ts';
import type { TaskItem, TaskNeeds } from '../../domain/task-item.ts';
import type { CellState } from './document.ts';
import { clipLine } from './plain-text.ts';

export interface TaskFacts {
  readonly task: string;
  readonly state: CellState;
  readonly attempts: number;
  readonly node: string | null;
  /** Of the attempt that won, or of the one that runs. */
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly cpuMs: number | null;
  readonly maxRssBytes: number | null;
  /** What it asked for where a failure had raised it. */
  readonly needs?: TaskNeeds;
  /** Items with an outcome, as `status` counts them. */
  readonly succeeded: number;
  readonly failed: number;
}

/** An attempt with a place and a time. */
export interface AttemptFacts {
  readonly task: string;
  readonly node: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly ending: 'committed' | 'failed' | 'running';
}

/** Attempts that are kept one by one; those beyond are only counted. */
const MOST_ATTEMPTS = 200_000;

export interface Facts {
  /** In order of their numbers. */
  readonly tasks: readonly TaskFacts[];
  readonly attempts: readonly AttemptFacts[];
  /** Attempts that were not kept. */
  readonly left: number;
  /** End of the last attempt of a task that failed. */
  readonly lastFailureMs: ReadonlyMap<string, number>;
}

/** A task as it is read; `seen`: its items as `status` counts them. */
export interface ReadTask {
  readonly id: string;
  readonly item: TaskItem;
  readonly seen: { readonly succeeded: number; readonly failed: number };
}

export interface FactCollector {
  task(read: ReadTask): void;
  record(task: string, record: AttemptRecord | CorruptRecord): void;
  facts(): Facts;
}

/** `submittedWave`: PENDING tasks of waves up to this one are shown as submitted. */
export function createFactCollector({
  nowMs,
  submittedWave,
}: {
  readonly nowMs: number;
  readonly submittedWave: number;
}): FactCollector {
  const tasks: TaskFacts[] = [];
  const attempts: AttemptFacts[] = [];
  const lastFailureMs = new Map<string, number>();
  let left = 0;
  const keep = (attempt: AttemptFacts): void => {
    if (attempts.length < MOST_ATTEMPTS) attempts.push(attempt);
    else left += 1;
  };
  return {
    task({ id, item, seen }) {
      const facts = factsOf({ id, item, seen }, submittedWave);
      tasks.push(facts);
      const { node, startedMs, finishedMs } = facts;
      if (node === null || startedMs === null) return;
      const ending = item.win === undefined ? 'running' : 'committed';
      keep({ task: id, node, fromMs: startedMs, toMs: Math.max(startedMs, finishedMs ?? nowMs), ending });
    },
    record(task, record) {
      if (isCorruptRecord(record)) return;
      lastFailureMs.set(task, Math.max(lastFailureMs.get(task) ?? 0, record.endedMs));
      const { node, startedMs, endedMs } = record;
      if (node === undefined || startedMs === undefined) return;
      keep({ task, node: nodeName(node), fromMs: startedMs, toMs: Math.max(startedMs, endedMs), ending: 'failed' });
    },
    facts: () => ({ tasks: tasks.toSorted((a, b) => (a.task < b.task ? -1 : 1)), attempts, left, lastFailureMs }),
  };
}

function factsOf({ id, item, seen }: ReadTask, submittedWave: number): TaskFacts {
  const { win, attempts } = item;
  const state = cellState(item, submittedWave);
  const base = { task: id, state, attempts, ...seen, ...(item.needs === undefined ? {} : { needs: item.needs }) };
  if (win?.ran !== undefined)
    return { ...base, ...win.ran, maxRssBytes: win.ran.maxRssBytes ?? null, node: nodeName(win.ran.node) };
  const runs: Pick<TaskItem, 'node' | 'startedMs'> = item.state === 'RUNNING' ? item : {};
  return {
    ...base,
    node: runs.node === undefined ? null : nodeName(runs.node),
    startedMs: runs.startedMs ?? null,
    finishedMs: null,
    cpuMs: null,
    maxRssBytes: null,
  };
}

/** Names of hosts are short. */
const nodeName = (name: string): string => clipLine(name, 100);

/** What its cell shows; pure. */
export function cellState(
  { state, wave, win }: Pick<TaskItem, 'state' | 'wave' | 'win'>,
  submittedWave: number,
): CellState {
  switch (state) {
    case 'PENDING':
      return wave <= submittedWave ? 'submitted' : 'pending';
    case 'RUNNING':
      return 'running';
    case 'WAIT':
      return 'wait';
    case 'DONE':
      return (win?.failed ?? 0) > 0 ? 'partly' : 'done';
    case 'DEAD':
      return 'dead';
    case 'CANCELLED':
      return 'cancelled';
  }
}
