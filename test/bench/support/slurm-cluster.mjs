import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../scripts/slurm-cluster', import.meta.url));

/** Starts a Slurm with these options of `scripts/slurm-cluster up`. `env`: for whatever shall talk to it, without a Slurm of this process's own. */
export function startSlurmCluster(options) {
  // A short root: the paths of Slurm's sockets have to stay below 108 characters.
  const dir = mkdtempSync(join(tmpdir().length <= 40 ? tmpdir() : '/tmp', 'slurmctl-cluster-'));
  const stop = () => {
    execFileSync(SCRIPT, ['down', dir], { stdio: ['ignore', 2, 2] });
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    execFileSync(SCRIPT, ['up', dir, ...options], { stdio: ['ignore', 2, 2] });
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  try {
    const text = execFileSync(SCRIPT, ['env', dir], { encoding: 'utf8' });
    const config = /^export SLURM_CONF='(.*)'$/m.exec(text)?.[1];
    if (config === undefined) throw new Error(`no SLURM_CONF in ${text}`);
    const isOwn = (name) => !/^(?:SLURM|SBATCH|SQUEUE|SACCT|SINFO|SCANCEL)/.test(name);
    const own = Object.entries(process.env).filter(([name]) => isOwn(name));
    return { env: { ...Object.fromEntries(own), SLURM_CONF: config }, stop };
  } catch (error) {
    stop();
    throw error;
  }
}
