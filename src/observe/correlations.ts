/** What the failures of a group have in common more than the rest of the job has; pure. */
import type { Grouping } from '../domain/error-grouping.ts';
import type { ErrorCorrelation } from '../domain/error-groups.ts';
import { formatBytes } from '../domain/units.ts';
import type { Baseline } from './baseline.ts';
import type { Group } from './group.ts';
import { byMost, type Counted } from './tally.ts';
import { minuteOf, type TimeSpans } from './time-spans.ts';

/** Sizes of failed items of a group in the input, and of the other items of the same tasks, in bytes. */
export interface Sizes {
  readonly failed: readonly number[];
  readonly others: readonly number[];
}

/** Fewer failures or tasks than this have something in common by chance. */
const LEAST_FAILURES = 5;
const LEAST_TASKS = 3;
/** A share worth telling, how many times what was to be expected it is at least, and of sizes how far apart they are. */
const TOLD_SHARE = 0.5;
const TOLD_EXCESS = 1.5;
const TOLD_RATIO = 3;
const LEAST_SIZES = 3;

export interface Compared {
  readonly group: Group;
  readonly by: Grouping;
  readonly spans: TimeSpans;
  readonly baseline: Baseline;
  /** Null where they were not looked at. */
  readonly sizes: Sizes | null;
}

/** Clearest first within each kind: node, time, task, memory, size. */
export function correlationsOf(compared: Compared): readonly ErrorCorrelation[] {
  const { by } = compared;
  return [
    by === 'node' ? null : ofNode(compared),
    by === 'time' ? null : ofTime(compared),
    by === 'task' ? null : ofTask(compared),
    ofMemory(compared),
    ofSizes(compared.sizes),
  ].filter((one) => one !== null);
}

const weightOf = ({ items, attempts }: { readonly items: number; readonly attempts: number }): number =>
  items + attempts;
const percent = (share: number): string => `${share < 0.01 && share > 0 ? '< 1' : Math.floor(100 * share + 1e-9)} %`;

/** Is it worth telling that so large a share has something in common that so large a share of the job has? */
const isTold = (group: Group, share: number, expected: number): boolean =>
  weightOf(group) >= LEAST_FAILURES &&
  group.tasks.size >= LEAST_TASKS &&
  share >= TOLD_SHARE &&
  share >= TOLD_EXCESS * expected;

function ofNode({ group, baseline }: Compared): ErrorCorrelation | null {
  const [top] = group.nodes.entries();
  if (top === undefined) return null;
  const share = weightOf(top) / weightOf(group);
  const ran = baseline.byNode.get(top.key) ?? 0;
  const expected = baseline.total === 0 ? null : ran / baseline.total;
  if (!isTold(group, share, expected ?? 0)) return null;
  const rest = expected === null ? '' : `, which ran ${percent(expected)} of the ${baseline.of}`;
  return { kind: 'node', text: `${percent(share)} on node ${top.key}${rest}`, share, expected };
}

function ofTime({ group, baseline, spans }: Compared): ErrorCorrelation | null {
  const top = [...group.times]
    .map(([span, counts]): Counted & { readonly span: number } => ({ key: String(span), span, ...counts }))
    .toSorted(byMost)[0];
  if (top === undefined) return null;
  const share = weightOf(top) / weightOf(group);
  const expected = baseline.total === 0 ? null : (baseline.byTime.get(top.span) ?? 0) / baseline.total;
  if (!isTold(group, share, expected ?? 0)) return null;
  const rest = expected === null ? '' : `, as ${percent(expected)} of the ${baseline.of} did`;
  const text = `${percent(share)} in attempts that ended between ${minuteOf(top.span)} and ${minuteOf(top.span + spans.widthMs)} UTC${rest}`;
  return { kind: 'time', text, share, expected };
}

function ofTask({ group, baseline }: Compared): ErrorCorrelation | null {
  const [top] = group.byTask.entries();
  if (top === undefined || weightOf(group) < LEAST_FAILURES || group.tasks.size < 2) return null;
  const share = weightOf(top) / weightOf(group);
  const expected = 1 / baseline.tasks;
  if (share < TOLD_SHARE || share < TOLD_EXCESS * expected) return null;
  const others = group.tasks.size - 1;
  const text = `${percent(share)} in task ${top.key}; the rest in ${others} ${others === 1 ? 'other' : 'others'}`;
  return { kind: 'task', text, share, expected };
}

/** Only of what memory has to do with, and where it was not always the same. */
function ofMemory({ group }: Compared): ErrorCorrelation | null {
  const sizes = group.memory.entries();
  if (!group.causes.has('oom') || sizes.length < 2) return null;
  const told = sizes
    .toSorted((a, b) => Number(a.key) - Number(b.key))
    .map((size) => `${weightOf(size)} with ${formatBytes(Number(size.key))}`);
  return { kind: 'memory', text: `failed ${told.join(', ')}`, share: null, expected: null };
}

function ofSizes(sizes: Sizes | null): ErrorCorrelation | null {
  if (sizes === null || sizes.failed.length < LEAST_SIZES || sizes.others.length < LEAST_SIZES) return null;
  const [failed, others] = [medianOf(sizes.failed), medianOf(sizes.others)];
  const isLarger = failed >= TOLD_RATIO * others;
  if (!isLarger && others < TOLD_RATIO * failed) return null;
  const text = `their records are ${isLarger ? 'larger' : 'smaller'}: ${formatBytes(failed)} in the middle, against ${formatBytes(others)} of others in the same tasks`;
  return { kind: 'size', text, share: null, expected: null };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
