import type { Pools } from '../ports/limiter.ts';
import { createPoolLine, type PoolLine } from './pool-line.ts';
import type { PoolDeps } from './pool-needs.ts';

/**
 * The pools of one process. Never more holders than slots: a slot changes hands by one conditional write, from a holder that gave it back or was silent for
 * a whole lease, and a holder that hears nothing gives up before that. Waiting and cost: `pool-line.ts`; slots that became fewer: `pool-turn.ts`.
 */
export function createPools(deps: PoolDeps): Pools {
  const lines = new Map<string, PoolLine>();
  const lineOf = (name: string): PoolLine => {
    const line = lines.get(name) ?? createPoolLine(name, deps);
    lines.set(name, line);
    return line;
  };
  return {
    acquire: (name, signal) => lineOf(name).acquire(signal),
    waiting() {
      const waits = [...lines].map(([name, line]) => ({ name, calls: line.waiting() }));
      return waits.filter(({ calls }) => calls > 0).toSorted((a, b) => b.calls - a.calls)[0] ?? null;
    },
    async close() {
      await Promise.all([...lines.values()].map((line) => line.close()));
    },
  };
}
