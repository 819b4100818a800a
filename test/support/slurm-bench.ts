import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSlurmBatchSystem } from '../../src/backends/batch-system/slurm/index.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import type { BatchSystem, SubmitRequest } from '../../src/ports/batch-system.ts';
import type { SlurmCluster } from './slurm-cluster.ts';
import { makeTempDir } from './temp-dir.ts';

export const slurmTemplate = readFileSync(new URL('../../templates/sbatch/worker.sh', import.meta.url), 'utf8');

export interface SlurmBench {
  readonly system: BatchSystem;
  requestFor(command: readonly string[], extra?: Partial<SubmitRequest>): SubmitRequest;
  makeLogDir(): string;
  close(): Promise<void>;
}

/** The Slurm driver on a running cluster, with requests that fit it. */
export function openSlurmBench(cluster: SlurmCluster): SlurmBench {
  const temp = makeTempDir('slurm');
  const root = temp.path;
  const makeLogDir = () => mkdtempSync(join(root, 'd '));
  return {
    system: createSlurmBatchSystem({ env: cluster.env, clock: createSystemClock(), template: slurmTemplate }),
    makeLogDir,
    requestFor: (command, extra = {}) => ({
      name: `test-job.${randomBytes(13).toString('hex')}`,
      command,
      environment: {},
      cwd: root,
      logDir: extra.logDir ?? makeLogDir(),
      resources: { cpus: 1, memoryBytes: 100 * 1024 ** 2, timeMs: 10 * 60_000 },
      slurm: { extra: [] },
      warnBeforeEndSec: 0,
      requeue: true,
      ...extra,
    }),
    async close() {
      temp.remove();
    },
  };
}
