/** Everything a dashboard shows, as plain data of bounded size: what the page is made of, and nothing else. Times are epoch ms. */
import type { Cause } from '../../domain/causes.ts';
import type { ErrorGroups } from '../../domain/error-groups.ts';
import type { AttemptDecision } from '../../domain/history.ts';
import type { ItemCounts, TaskCounts } from '../../domain/job-item.ts';
import type { JobState } from '../../domain/states.ts';

/** A panel, or why there is none, in one sentence. */
export type Panel<T> = T | { readonly missing: string };
export const isMissing = <T extends object>(panel: Panel<T>): panel is { readonly missing: string } =>
  'missing' in panel;

export interface Dashboard {
  readonly madeMs: number;
  readonly job: DashboardJob;
  /** As in `status`. */
  readonly items: ItemCounts;
  readonly tasks: TaskCounts;
  readonly itemsPerSec: number | null;
  readonly etaMs: number | null;
  readonly notes: readonly string[];
  readonly output: string | null;
  readonly progress: Panel<Progress>;
  readonly heatMap: Panel<HeatMap>;
  readonly taskTimes: Panel<Distribution>;
  readonly itemTimes: Panel<Distribution>;
  readonly retries: Retries;
  readonly errors: Panel<ErrorGroups>;
  readonly nodes: Panel<NodeChart>;
  readonly efficiency: Efficiency;
  readonly limits: Panel<{ readonly limits: readonly LimitUse[] }>;
  /** Text of the job file. */
  readonly jobFile: string | null;
  /** Exact versions and digests: label and value. */
  readonly versions: readonly (readonly [label: string, value: string])[];
}

export interface DashboardJob {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly isOver: boolean;
  readonly reason: string | null;
  readonly createdMs: number;
  readonly finishedMs: number | null;
  readonly scheduler: 'slurm' | 'local';
  readonly generation: number;
}

/** Outcomes over time, in `at.length` steps of equal length; sums up to each step. */
export interface Progress {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
  /** Items of the job. */
  readonly total: number;
  /** Outcomes of which nobody knows when they came about: they count in the last step. */
  readonly undated: number;
}

/** What a cell of the heat map can be; the order is that of how much attention it wants. */
export const CELL_STATES = ['done', 'submitted', 'pending', 'cancelled', 'running', 'wait', 'partly', 'dead'] as const;
/** `partly`: done, with items that failed. */
export type CellState = (typeof CELL_STATES)[number];

/** One cell a task in order, or one for `tasksPerCell` tasks: then its state is the one that wants most attention, its time the longest. */
export interface HeatMap {
  readonly tasksPerCell: number;
  readonly columns: number;
  readonly cells: number;
  /** Index into CELL_STATES, one a cell. */
  readonly state: readonly number[];
  /** Length of its last or present attempt; −1: not known. */
  readonly ms: readonly number[];
  /** Index into `nodeNames`; −1: not known. */
  readonly node: readonly number[];
  readonly attempts: readonly number[];
  /** Most used first. */
  readonly nodeNames: readonly string[];
  /** Tasks, not cells. */
  readonly counts: Readonly<Record<CellState, number>>;
  /** The longest attempts, longest first. */
  readonly slowest: readonly NamedTask[];
  /** Tasks that took more than one attempt, most first. */
  readonly mostTried: readonly NamedTask[];
}

export interface NamedTask {
  readonly task: string;
  readonly state: CellState;
  readonly ms: number;
  readonly attempts: number;
  readonly node: string | null;
}

export interface Distribution {
  readonly count: number;
  /** Times as they are read off: median and the slow end. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly most: number;
  /** Of growing length, next to each other. */
  readonly buckets: readonly { readonly fromMs: number; readonly toMs: number; readonly count: number }[];
}

export interface Retries {
  readonly attempts: number;
  readonly escalations: number;
  /** Attempts that ended without a result, most frequent first. */
  readonly causes: readonly {
    readonly cause: Cause;
    readonly explanation: string;
    readonly attempts: number;
    readonly charged: number;
    readonly example: string;
  }[];
  readonly decisions: readonly {
    readonly decision: AttemptDecision;
    readonly rule: string;
    readonly attempts: number;
  }[];
  /** How many tasks took 1, 2, 3 … attempts; the last entry stands for that many and more. */
  readonly perTask: readonly number[];
  /** Tasks that wait for their retry at this moment, by cause. */
  readonly waiting: readonly { readonly cause: Cause; readonly tasks: number }[];
}

/** How an attempt ended. */
export const ENDINGS = ['committed', 'failed', 'running'] as const;

/** Attempts over time, node by node. */
export interface NodeChart {
  readonly fromMs: number;
  readonly toMs: number;
  /** Attempts that have a node and a beginning; `left`: of these, not drawn because there are too many. */
  readonly attempts: number;
  readonly left: number;
  /** Busiest first. */
  readonly rows: readonly NodeRow[];
  /** So many nodes share the last row; 0: each has its own. */
  readonly sharing: number;
}

export interface NodeRow {
  /** Null: the row that the other nodes share. */
  readonly node: string | null;
  readonly attempts: number;
  readonly failed: number;
  readonly busyMs: number;
  /** Each attempt, in lanes, where there are few enough of them; else null. */
  readonly bars: readonly NodeBar[] | null;
  readonly lanes: number;
  /** Attempts at once on one node, averaged over each of equal steps; and attempts that failed in it. */
  readonly load: readonly number[];
  readonly failures: readonly number[];
}

export interface NodeBar {
  readonly task: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Index into ENDINGS. */
  readonly ending: number;
  readonly lane: number;
}

export interface Efficiency {
  /** Requested for each element. */
  readonly asked: { readonly cpus: number; readonly memoryBytes: number; readonly timeMs: number } | null;
  /** CPU time over (length × CPUs). */
  readonly cpu: Panel<Shares>;
  /** Length over the time limit. */
  readonly time: Panel<Shares>;
  readonly memory: Panel<Shares>;
}

/** Attempts by which share they used of what was requested, in tenths; the last counts 100 % and more. */
export interface Shares {
  readonly tenths: readonly number[];
  readonly mean: number;
  readonly most: number;
}

export interface LimitUse {
  readonly name: string;
  readonly words: string;
  /** Share of the rate that is sold: 1 unless the provider refused calls. */
  readonly share: number;
  readonly refusals: number;
  /** How far ahead calls are sold: how long a call that asks now would wait. */
  readonly soldAheadMs: number;
  readonly sold: readonly { readonly unit: string; readonly units: number }[];
  readonly windows: readonly {
    readonly unit: string;
    readonly used: number;
    readonly amount: number;
    readonly every: string;
  }[];
  /** Tasks of this job that wait for it. */
  readonly waitingTasks: number;
}
