import type { PoolDeps } from '../limiter/pool-needs.ts';
import type { Pools } from '../ports/limiter.ts';

/** The pools of a worker, loaded at the first call: most jobs name none. */
export function createLatePools(deps: PoolDeps): Pools {
  let opened: Pools | null = null;
  let opening: Promise<Pools> | null = null;
  const load = async (): Promise<Pools> => {
    const { createPools } = await import('../limiter/pools.ts');
    return (opened = createPools(deps));
  };
  return {
    acquire: async (...call) => (await (opening ??= load())).acquire(...call),
    waiting: () => opened?.waiting() ?? null,
    async close() {
      await (await opening)?.close();
    },
  };
}
