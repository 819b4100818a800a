/** Finds the processes of one chaos run by what their environment says, never by their names. */
import { readdirSync, readFileSync } from 'node:fs';

/** Set, with a value of its own, for every command of a run; Slurm hands it on to whatever those submit. */
export const CHAOS_MARK = 'SLURMCTL_CHAOS_RUN';

export interface ChaosProcess {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Attempt id of the array element it belongs to; null for commands and finalisers. */
  readonly attempt: string | null;
  readonly node: string | null;
  readonly isWorker: boolean;
}

/** Everything alive that belongs to this run. */
export function processesOf(run: string): ChaosProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const env = entriesOf(name);
      if (env.get(CHAOS_MARK) !== run) return [];
      const argv = wordsOf(`/proc/${name}/cmdline`);
      const index = env.get('SLURM_ARRAY_TASK_ID');
      return [
        {
          pid: Number(name),
          argv,
          attempt:
            index === undefined
              ? null
              : `${env.get('SLURM_ARRAY_JOB_ID')}_${index}.${env.get('SLURM_RESTART_COUNT') ?? '0'}`,
          node: env.get('SLURMD_NODENAME') ?? null,
          isWorker: argv.some((word) => word.endsWith('slurmctl-worker.js')) && argv[0]?.endsWith('node') === true,
        },
      ];
    });
}

function entriesOf(pid: string): ReadonlyMap<string, string> {
  return new Map(
    wordsOf(`/proc/${pid}/environ`).map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** Empty for a process that has ended meanwhile, and for a zombie. */
function wordsOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** False when it had ended already. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
