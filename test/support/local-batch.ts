import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createLocalBatchSystem,
  type LocalBatchOptions,
  type LocalBatchSystem,
} from '../../src/backends/batch-system/local/index.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createHost } from '../../src/backends/host.ts';
import { createSystemIds } from '../../src/backends/random.ts';
import type { SubmitRequest } from '../../src/ports/batch-system.ts';
import { until, type BatchBench } from '../contract/batch-system.contract.ts';
import { makeTempDir } from './temp-dir.ts';

const repo = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles the local scheduler to a temporary directory: its supervisor is a process of its own and needs JavaScript. */
export function compileSupervisor(): { readonly dir: string; readonly entry: string; readonly remove: () => void } {
  const { path: dir, remove } = makeTempDir('local-js');
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const source = join(repo, 'src/backends/batch-system/local');
  const flags = '--noEmit false --allowImportingTsExtensions false --sourceMap false --noCheck --ignoreConfig';
  const settings = '--target es2023 --module nodenext --rewriteRelativeImportExtensions --skipLibCheck --types node';
  const tsc = join(repo, 'node_modules/typescript/bin/tsc');
  const files = [join(source, 'supervisor-main.ts'), join(source, 'index.ts')];
  const argv = [
    tsc,
    ...flags.split(' '),
    ...settings.split(' '),
    '--rootDir',
    join(repo, 'src'),
    '--outDir',
    dir,
    ...files,
  ];
  execFileSync(process.execPath, argv, { stdio: 'inherit', cwd: repo });
  return { dir, entry: join(dir, 'backends/batch-system/local/supervisor-main.js'), remove };
}

export interface LocalBench extends BatchBench {
  readonly system: LocalBatchSystem;
  readonly root: string;
  /** Directory of this host's files. */
  readonly hostDir: string;
  /** Another client of the same root. */
  client(overrides?: Partial<LocalBatchOptions>): LocalBatchSystem;
  /** Pid of the supervisor that holds the lock; null when it stepped down. Says nothing about whether it lives. */
  supervisorPid(): number | null;
}

export const workerTemplate = (): string => readFileSync(join(repo, 'templates/sbatch/worker.sh'), 'utf8');

export function openLocalBench(entry: string, overrides: Partial<LocalBatchOptions> = {}): LocalBench {
  const temp = makeTempDir('local');
  const root = overrides.root ?? join(temp.path, 'home/local');
  const clock = createSystemClock();
  const host = overrides.host ?? createHost();
  const client = (more: Partial<LocalBatchOptions> = {}): LocalBatchSystem =>
    createLocalBatchSystem({
      root,
      slots: 3,
      clock,
      host,
      ids: createSystemIds(clock),
      env: process.env,
      template: workerTemplate(),
      supervisorEntry: entry,
      idleMs: 400,
      ...overrides,
      ...more,
    });
  const hostDir = join(root, host.hostname);
  const supervisorPid = (): number | null => {
    const lock = join(hostDir, 'lock');
    const highest = Math.max(0, ...(existsSync(lock) ? readdirSync(lock).map(Number) : []).filter(Number.isInteger));
    if (highest === 0) return null;
    const { process: name } = JSON.parse(readFileSync(join(lock, String(highest)), 'utf8')) as {
      process: string | null;
    };
    return name === null ? null : Number(name.split(':')[1]);
  };
  let logs = 0;
  const makeLogDir = (): string => {
    const dir = join(temp.path, `logs-${(logs += 1)}`);
    mkdirSync(dir);
    return dir;
  };
  return {
    system: client(),
    root,
    hostDir,
    client,
    supervisorPid,
    makeLogDir,
    requestFor: (command, extra = {}) => ({ ...smallRequest(command, temp.path), logDir: makeLogDir(), ...extra }),
    async close() {
      const pid = supervisorPid();
      // The supervisor ends everything, and itself, once its lock is gone.
      temp.remove();
      if (pid !== null) await until('the supervisor ends', 10_000, async () => (isAlive(pid) ? undefined : true));
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return !/\) [ZX] /.test(stat);
}

export const smallRequest = (command: readonly string[], cwd: string): Omit<SubmitRequest, 'logDir'> => ({
  name: `contract-${randomUUID()}`,
  command,
  environment: {},
  cwd,
  resources: { cpus: 1, memoryBytes: 64 * 1024 ** 2, timeMs: 600_000 },
  slurm: { extra: [] },
  warnBeforeEndSec: 5,
  requeue: false,
});
