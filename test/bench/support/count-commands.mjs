import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PROGRAMS = ['sbatch', 'squeue', 'sacct', 'scontrol', 'sinfo', 'scancel', 'sacctmgr'];

/**
 * Programs of Slurm's names, first in PATH, that note each call and become the real one. `where`: on the login side, in an element of an array, or in a
 * finaliser, by the environment of who called.
 */
export function countingCommands(dir, env) {
  const shims = join(dir, 'shims');
  const log = join(dir, 'commands');
  mkdirSync(shims);
  for (const program of PROGRAMS) {
    const real = execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' }).trim();
    const shim = join(shims, program);
    writeFileSync(
      shim,
      `#!/bin/sh
caller=$(tr '\\0' '\\n' <"/proc/$PPID/environ" 2>/dev/null)
case $caller in
  *SLURM_ARRAY_TASK_ID=*) where=element ;;
  *SLURM_JOB_ID=*) where=finaliser ;;
  *) where=login ;;
esac
printf '%s %s %s\\n' "$where" '${program}' "$*" >>'${log}'
exec '${real}' "$@"
`,
    );
    chmodSync(shim, 0o755);
  }
  const calls = () =>
    (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []).map((line) => {
      const [where, program, ...args] = line.split(' ');
      return { where, program, args: args.join(' ') };
    });
  return {
    env: { ...env, PATH: `${shims}:${env.PATH}` },
    calls,
    counts: () => {
      const each = {};
      for (const { program } of calls()) each[program] = (each[program] ?? 0) + 1;
      return { commands: calls().length, each };
    },
  };
}
