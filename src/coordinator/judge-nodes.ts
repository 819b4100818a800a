/**
 * Which compute nodes a job had better avoid; pure. A broken node (a full disk, a missing mount, a dead GPU) fails whatever it is given within seconds,
 * so that the scheduler gives it ever more: it eats an array while the healthy nodes are still at their first elements. One node is judged against the others, because
 * a handler that crashes at once does so everywhere.
 */
import type { Cause } from '../domain/causes.ts';
import type { AvoidedNode, NodeTally } from '../domain/nodes.ts';
import type { ElementState } from '../ports/batch-system.ts';

/** An element that ends badly within this has done no work to speak of. */
export const QUICK_MS = 60_000;
/** Quick ends that make a node suspect, and the share of its elements they must be. */
const LEAST_QUICK = 3;
const SUSPECT_SHARE = 0.8;
/** The others must do better than this for the node to be to blame. */
const HEALTHY_SHARE = 0.2;
/** Nodes get repaired: a node is avoided so long. What is older than that is no evidence any more. */
export const AVOID_MS = 4 * 3_600_000;

/** Ends that a node can bring about. Memory, time limits, preemption and people are not its doing. */
const NODE_CAUSES: ReadonlySet<Cause> = new Set<Cause>([
  'worker-error',
  'launch-failed',
  'killed',
  'disk-full',
  'lost',
  'unknown',
]);

/** What elements tell about their nodes. Those that nobody can say of how long they ran tell nothing. */
export function tallyNodes(elements: readonly ElementState[]): Map<string, NodeTally> {
  const tallies = new Map<string, NodeTally>();
  for (const { node, ranMs, phase, cause } of elements) {
    if (node === undefined || ranMs === undefined) continue;
    const isQuick = phase === 'ended' && cause !== null && NODE_CAUSES.has(cause) && ranMs <= QUICK_MS;
    // Also one that ended badly later on: its node let it work.
    const isGood = phase === 'ended' ? cause === null || ranMs > QUICK_MS : phase === 'running' && ranMs > QUICK_MS;
    if (!isQuick && !isGood) continue;
    addTally(tallies, node, isQuick ? { good: 0, quick: 1, slowestMs: ranMs } : { good: 1, quick: 0, slowestMs: 0 });
  }
  return tallies;
}

export function addTally(tallies: Map<string, NodeTally>, node: string, more: NodeTally): void {
  const { good, quick, slowestMs } = tallies.get(node) ?? { good: 0, quick: 0, slowestMs: 0 };
  tallies.set(node, {
    good: good + more.good,
    quick: quick + more.quick,
    slowestMs: Math.max(slowestMs, more.slowestMs),
  });
}

const isSuspect = ({ good, quick }: NodeTally): boolean =>
  quick >= LEAST_QUICK && quick >= SUSPECT_SHARE * (quick + good);

export const hasSuspects = (tallies: ReadonlyMap<string, NodeTally>): boolean => [...tallies.values()].some(isSuspect);

/**
 * The nodes to avoid from here on: known ones until their time is over, then the worst suspects, a quarter of all nodes seen at most, but one where there are
 * two. Nothing while the rest of the nodes is no better.
 */
export function judgeNodes(
  tallies: ReadonlyMap<string, NodeTally>,
  known: readonly AvoidedNode[],
  nowMs: number,
): AvoidedNode[] {
  const kept = known.filter(({ untilMs }) => untilMs > nowMs);
  const seen = new Set([...tallies.keys(), ...kept.map(({ node }) => node)]);
  const most = seen.size < 2 ? 0 : Math.max(1, Math.floor(seen.size / 4));
  const rest = [...tallies].filter(([, tally]) => !isSuspect(tally)).map(([, tally]) => tally);
  const good = sum(rest.map((tally) => tally.good));
  const quick = sum(rest.map((tally) => tally.quick));
  if (good === 0 || quick > HEALTHY_SHARE * (good + quick)) return kept;
  const fresh = [...tallies]
    .filter(([node, tally]) => isSuspect(tally) && !kept.some((one) => one.node === node))
    .toSorted(([a, one], [b, other]) => other.quick - one.quick || (a < b ? -1 : 1))
    .slice(0, Math.max(0, most - kept.length))
    .map(([node, tally]) => {
      const within = Math.max(1, Math.ceil(tally.slowestMs / 1_000));
      const elsewhere = quick === 0 ? 'none elsewhere' : `${quick} of ${good + quick} elsewhere`;
      const why = `${tally.quick} elements died there within ${within} s, ${elsewhere}`;
      return { node, sinceMs: nowMs, untilMs: nowMs + AVOID_MS, why };
    });
  return [...kept, ...fresh];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
