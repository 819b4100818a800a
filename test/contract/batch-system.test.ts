import { afterAll } from 'vitest';
import { compileSupervisor, openLocalBench, type LocalBench } from '../support/local-batch.ts';
import { describeBatchSystem } from './batch-system.contract.ts';

const compiled = compileSupervisor();
afterAll(compiled.remove);

describeBatchSystem('local', async () => openLocalBench(compiled.entry), {
  unknownId: 'local-00000-999',
  shortestTimeLimitMs: 1_500,
  patienceMs: 15_000,
  requeue: (bench, handle, index) => (bench as LocalBench).system.requeue(handle, index),
});
