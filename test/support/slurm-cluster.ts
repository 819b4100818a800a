import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../scripts/slurm-cluster', import.meta.url));
const execute = promisify(execFile);

export interface SlurmClusterOptions {
  readonly nodes?: number;
  /** CPUs and megabytes a node claims to have. */
  readonly cpus?: number;
  readonly memoryMb?: number;
  readonly accounting?: boolean;
  readonly maxArraySize?: number;
  /** Scheduling without Slurm's 3 s grid, requeue after 5 s, dead nodes noticed after 10 s. Default true. */
  readonly fast?: boolean;
  /** Further partitions, `name Key=value …`. */
  readonly partitions?: readonly string[];
  /** Further lines of slurm.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface SlurmCluster {
  readonly dir: string;
  /** Environment for whatever shall talk to this cluster: that of this process without a Slurm of its own, plus SLURM_CONF. */
  readonly env: Record<string, string>;
  /** Runs one of Slurm's commands; its standard output. */
  slurm(...argv: string[]): Promise<string>;
  killNode(node: string): Promise<void>;
  startNode(node: string): Promise<void>;
  stopController(): Promise<void>;
  startController(): Promise<void>;
  stop(): Promise<void>;
}

/** A real Slurm for a test file. Needs the packages of `scripts/slurm-cluster install`, and fails saying so without them. */
export async function startSlurmCluster(options: SlurmClusterOptions = {}): Promise<SlurmCluster> {
  // mkdtemp under a short root: the paths of Slurm's sockets have to stay below 108 characters.
  const dir = mkdtempSync(join(tmpdir().length <= 40 ? tmpdir() : '/tmp', 'slurmctl-cluster-'));
  const run = async (...argv: string[]) => execute(script, argv, { timeout: 120_000 });
  await run('up', dir, ...upArguments(options)).catch((error: unknown) => {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  });
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(?:SLURM|SBATCH|SQUEUE|SACCT|SINFO|SCANCEL)/.test(name)) env[name] = value;
  }
  const { stdout } = await run('env', dir);
  const config = /^export SLURM_CONF='(.*)'$/m.exec(stdout)?.[1];
  if (config === undefined) throw new Error(`scripts/slurm-cluster env printed ${JSON.stringify(stdout)}`);
  env['SLURM_CONF'] = config;
  const say = async (...argv: string[]) => {
    await run(...argv);
  };
  return {
    dir,
    env,
    async slurm(...argv) {
      const [program = '', ...args] = argv;
      return (await execute(program, args, { env, timeout: 60_000 })).stdout;
    },
    killNode: (node) => say('kill-node', dir, node),
    startNode: (node) => say('start-node', dir, node),
    stopController: () => say('stop-controller', dir),
    startController: () => say('start-controller', dir),
    async stop() {
      if (existsSync(dir)) await say('down', dir);
    },
  };
}

function upArguments(options: SlurmClusterOptions): string[] {
  const { nodes, cpus, memoryMb, accounting, maxArraySize, fast, partitions, settings } = options;
  return [
    ...(nodes === undefined ? [] : ['--nodes', String(nodes)]),
    ...(cpus === undefined ? [] : ['--cpus', String(cpus)]),
    ...(memoryMb === undefined ? [] : ['--memory', String(memoryMb)]),
    ...(accounting === true ? ['--accounting'] : []),
    ...(maxArraySize === undefined ? [] : ['--max-array-size', String(maxArraySize)]),
    ...(fast === false ? [] : ['--fast']),
    ...(partitions ?? []).flatMap((line) => ['--partition', line]),
    ...Object.entries(settings ?? {}).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ];
}
