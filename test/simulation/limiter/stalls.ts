/** Nodes that do nothing for a while: what was due meanwhile, timers and answers alike, comes when they go on, all at once. */
import type { Chance } from '../core/chance.ts';
import type { VirtualTime } from '../core/virtual-time.ts';

/** Time as one process meets it. */
export type ProcessTime = Pick<VirtualTime, 'nowMs' | 'after'>;

export interface StallPlan {
  /** Processes are spread over so many; a node stalls with all of its processes. */
  readonly nodes: number;
  /** From the beginning of one to that of the next, in the mean. */
  readonly everyMs: number;
  readonly lastMs: readonly [number, number];
}

/** How long a process still stands still at a moment; 0: it runs. */
type StallsOfNode = (atMs: number) => number;

/** The stalls of every node until `untilMs`; by node, whatever the processes do. */
export function createStalls(plan: StallPlan, chance: Chance, untilMs: number): (worker: number) => StallsOfNode {
  const nodes = Array.from({ length: plan.nodes }, (_, node) => {
    const own = chance.fork(`node ${node}`);
    const stalls: { readonly fromMs: number; readonly toMs: number }[] = [];
    for (let fromMs = own.between(0, 2 * plan.everyMs); fromMs < untilMs; fromMs += own.between(0, 2 * plan.everyMs)) {
      const toMs = fromMs + own.between(...plan.lastMs);
      stalls.push({ fromMs, toMs });
      fromMs = toMs;
    }
    return (atMs: number): number => {
      const stall = stalls.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
      return stall === undefined ? 0 : stall.toMs - atMs;
    };
  });
  return (worker) => nodes[worker % plan.nodes] as StallsOfNode;
}

/** Time as a process of a node that stalls meets it. */
export function stalledTime(time: ProcessTime, stalls: StallsOfNode): ProcessTime {
  return {
    nowMs: time.nowMs,
    after(ms, wakes, fn) {
      let late: { cancel(): void } | null = null;
      const whenItRuns = (): void => {
        const leftMs = stalls(time.nowMs());
        if (leftMs === 0) fn();
        else late = time.after(leftMs, wakes, whenItRuns);
      };
      const scheduled = time.after(ms, wakes, whenItRuns);
      return {
        atMs: scheduled.atMs,
        cancel() {
          scheduled.cancel();
          late?.cancel();
        },
      };
    },
  };
}
