import { afterAll, beforeAll } from 'vitest';
import { describeBatchSystem } from '../contract/batch-system.contract.ts';
import { openSlurmBench } from '../support/slurm-bench.ts';
import { startSlurmCluster, type SlurmCluster } from '../support/slurm-cluster.ts';

let cluster: SlurmCluster;
beforeAll(async () => {
  cluster = await startSlurmCluster({ nodes: 2, cpus: 4 });
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
}, 60_000);

describeBatchSystem('slurm', async () => openSlurmBench(cluster), {
  unknownId: '999999',
  shortestTimeLimitMs: 60_000,
  patienceMs: 40_000,
  requeue: async (_bench, handle, index) => {
    await cluster.slurm('scontrol', 'requeue', `${handle.id}_${index}`);
  },
});
