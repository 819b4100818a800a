import { ENDINGS, type NodeBar, type NodeChart, type NodeRow, type Panel } from './document.ts';
import type { AttemptFacts, Facts } from './task-facts.ts';

const MOST_ROWS = 40;
/** Up to so many attempts are drawn one by one, on at most so many lanes. */
const MOST_BARS = 600;
const MOST_LANES = 80;
export const LOAD_STEPS = 160;

/** Which node worked when; pure. */
export function nodeChartOf({ attempts, left }: Pick<Facts, 'attempts' | 'left'>): Panel<NodeChart> {
  if (attempts.length === 0) return { missing: 'No attempt is known with its node and its beginning.' };
  const fromMs = attempts.reduce((least, attempt) => Math.min(least, attempt.fromMs), Infinity);
  const toMs = attempts.reduce((most, attempt) => Math.max(most, attempt.toMs), fromMs + 1);
  const byNode = [...groupByNode(attempts)].toSorted(([, a], [, b]) => busyOf(b) - busyOf(a));
  // A row for "1 other node" would say less than its name.
  const own = byNode.length <= MOST_ROWS ? byNode.length : MOST_ROWS - 1;
  const rest = byNode.slice(own).flatMap(([, those]) => those);
  const groups: [string | null, AttemptFacts[]][] = byNode.slice(0, own);
  if (rest.length > 0) groups.push([null, rest]);
  const span = { fromMs, toMs };
  const sharing = byNode.length - own;
  const rows = groups.map(([node, those]) => rowOf(node, those, { ...span, nodes: node === null ? sharing : 1 }));
  const lanes = rows.reduce((sum, row) => sum + row.lanes, 0);
  const single = attempts.length <= MOST_BARS && lanes <= MOST_LANES;
  return {
    ...span,
    attempts: attempts.length + left,
    left,
    rows: single ? rows : rows.map((row) => ({ ...row, bars: null, lanes: 1 })),
    sharing,
  };
}

function groupByNode(attempts: readonly AttemptFacts[]): Map<string, AttemptFacts[]> {
  const groups = new Map<string, AttemptFacts[]>();
  for (const attempt of attempts) {
    const group = groups.get(attempt.node);
    if (group === undefined) groups.set(attempt.node, [attempt]);
    else group.push(attempt);
  }
  return groups;
}

const busyOf = (attempts: readonly AttemptFacts[]): number =>
  attempts.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);

function rowOf(
  node: string | null,
  attempts: readonly AttemptFacts[],
  span: { readonly fromMs: number; readonly toMs: number; readonly nodes: number },
): NodeRow {
  const bars = attempts.length <= MOST_BARS ? barsOf(attempts) : null;
  return {
    node,
    attempts: attempts.length,
    failed: attempts.filter(({ ending }) => ending === 'failed').length,
    busyMs: busyOf(attempts),
    bars,
    lanes: bars === null ? MOST_LANES + 1 : 1 + Math.max(...bars.map(({ lane }) => lane)),
    ...loadOf(attempts, span),
  };
}

/** Each attempt in the first lane that is free when it begins. */
function barsOf(attempts: readonly AttemptFacts[]): NodeBar[] {
  const freeMs: number[] = [];
  return attempts
    .toSorted((a, b) => a.fromMs - b.fromMs)
    .map(({ task, fromMs, toMs, ending }) => {
      const found = freeMs.findIndex((ms) => ms <= fromMs);
      const lane = found < 0 ? freeMs.length : found;
      freeMs[lane] = toMs;
      return { task, fromMs, toMs, ending: ENDINGS.indexOf(ending), lane };
    });
}

function loadOf(
  attempts: readonly AttemptFacts[],
  { fromMs, toMs, nodes }: { readonly fromMs: number; readonly toMs: number; readonly nodes: number },
): Pick<NodeRow, 'load' | 'failures'> {
  const stepMs = (toMs - fromMs) / LOAD_STEPS;
  const load = Array.from<number>({ length: LOAD_STEPS }).fill(0);
  const failures = Array.from<number>({ length: LOAD_STEPS }).fill(0);
  const stepAt = (ms: number): number => Math.min(LOAD_STEPS - 1, Math.max(0, Math.floor((ms - fromMs) / stepMs)));
  for (const attempt of attempts) {
    const last = stepAt(attempt.toMs);
    for (let step = stepAt(attempt.fromMs); step <= last; step += 1) {
      const begin = fromMs + step * stepMs;
      const overlapMs = Math.min(attempt.toMs, begin + stepMs) - Math.max(attempt.fromMs, begin);
      load[step] = (load[step] ?? 0) + Math.max(0, overlapMs) / stepMs;
    }
    if (attempt.ending === 'failed') failures[last] = (failures[last] ?? 0) + 1;
  }
  return { load: load.map((value) => value / nodes), failures };
}
