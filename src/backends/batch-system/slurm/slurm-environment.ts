export type Environment = Readonly<Record<string, string | undefined>>;

/** SLURM_* variables that say which Slurm to talk to; all others of that name describe a job this process may happen to run in. */
const KEPT = new Set(['SLURM_CONF', 'SLURM_CLUSTERS', 'SLURM_JWT', 'SLURM_SACK_KEY', 'SLURM_SACK_SOCKET']);

/** Options by environment that would change what the printing and cancelling commands do. */
const OPTION_PREFIXES = ['SQUEUE_', 'SACCT_', 'SCANCEL_', 'SINFO_', 'SCONTROL_', 'SPRIO_'];

/** sbatch options by environment that would make another submission of it, or keep sbatch from returning. */
const REFUSED_SBATCH = new Set([
  'SBATCH_ARRAY_INX',
  'SBATCH_WAIT',
  'SBATCH_TEST_ONLY',
  'SBATCH_HOLD',
  'SBATCH_DEPENDENCY',
]);

/**
 * The environment Slurm's commands run with. A submission made from inside a job (the finaliser does that) must not hand the
 * variables of that job on to the elements of the next. SBATCH_ACCOUNT and the like, a user's own defaults, stay.
 */
export function slurmEnvironment(env: Environment): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(([name]) => {
    if (name.startsWith('SLURM_')) return KEPT.has(name);
    if (name.startsWith('SLURMD_')) return false;
    return !REFUSED_SBATCH.has(name) && !OPTION_PREFIXES.some((prefix) => name.startsWith(prefix));
  });
  return Object.fromEntries(kept);
}

/** For commands that print: array expressions in full, and the cluster that sbatch submits to. */
export function queryEnvironment(env: Environment): Record<string, string | undefined> {
  const clusters = env['SBATCH_CLUSTERS'] ?? env['SLURM_CLUSTERS'];
  return {
    ...slurmEnvironment(env),
    SLURM_BITSTR_LEN: '0',
    ...(clusters === undefined ? {} : { SLURM_CLUSTERS: clusters }),
  };
}
