import { readFileSync } from 'node:fs';
import type { SubmitRequest } from '../../../../src/ports/batch-system.ts';

export const workerTemplate = readFileSync(new URL('../../../../templates/sbatch/worker.sh', import.meta.url), 'utf8');

/** A request with every common field set; tests override what they are about. */
export const submitRequest: SubmitRequest = {
  name: 'licences-7k3f9q2m.01j9z3k5v7w8x9y0a1b2c3d4e5',
  command: ['/usr/bin/node', '/opt/slurmctl/bin/slurmctl-worker.js', "--label=it's"],
  afterCrash: ['/usr/bin/node', '/opt/slurmctl/bin/slurmctl-worker.js', "--label=it's", '--report-end'],
  environment: { SLURMCTL_JOB: 'licences-7k3f9q2m', SLURMCTL_HOME: '/home/user/my data/.slurmctl' },
  cwd: '/home/user/my data',
  logDir: '/home/user/my data/.slurmctl/logs/licences-7k3f9q2m',
  array: { count: 100, throttle: 20 },
  resources: { cpus: 2, memoryBytes: 2 * 1024 ** 3, timeMs: 30 * 60_000 },
  slurm: { partition: 'main', account: 'abc123', qos: 'normal', extra: ['--constraint=ib'] },
  warnBeforeEndSec: 120,
  requeue: true,
};
