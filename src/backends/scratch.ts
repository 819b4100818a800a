import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { AppError, messageOf } from '../errors/app-error.ts';
import type { Host } from '../ports/host.ts';
import type { Ids } from '../ports/random.ts';
import type { Scratch, ScratchVerdict } from '../ports/scratch.ts';
import { errnoOf } from './shared/fs-errno.ts';
import { fileSystemOf } from './shared/fs-magic.ts';

interface ScratchOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ids: Ids;
  /** Tells whose directories may be removed; without it nothing is swept. */
  readonly host?: Pick<Host, 'processName' | 'mayBeAlive'>;
  /** The file system of a path; replaced in tests. */
  readonly statfs?: (path: string) => { readonly type: number; readonly bavail: number; readonly bsize: number };
}

/**
 * Node-local disk: the first of SLURMCTL_SCRATCH, SLURM_TMPDIR, TMPDIR and the system's temporary directory that is set; a set one
 * that is unfit is refused rather than passed over, because the site or user meant it. Network file systems are refused: SQLite's locks
 * and write ordering do not hold there. SLURMCTL_SCRATCH_ALLOW_NETWORK=1 lifts that for diskless nodes, at the owner's risk.
 *
 * A process that is killed leaves its directories behind; the next one on the same disk removes those whose owner is certainly dead.
 */
export function createScratch(options: ScratchOptions): Scratch {
  const statfs = options.statfs ?? ((path: string) => statfsSync(path));
  const allowNetwork = options.env['SLURMCTL_SCRATCH_ALLOW_NETWORK'] === '1';

  const check = (): ScratchVerdict => {
    const { path, source } = choose(options.env);
    requireWritableDirectory(path, source);
    const stats = statfs(path);
    const { name, kind } = fileSystemOf(stats.type);
    // An unknown one passes: new local file systems are commoner than new network ones, and refusing would stop work.
    const network = kind === 'network';
    if (network && !allowNetwork)
      throw unfit(`scratch directory ${path} (from ${source}) is on a network file system (${name})`);
    return { path, source, fileSystem: name, network, freeBytes: stats.bavail * stats.bsize };
  };

  let swept = false;
  return {
    check,
    async open(purpose) {
      const root = check().path;
      if (!swept && options.host !== undefined) await sweep(root, options.host);
      swept = true;
      const own = join(root, `slurmctl-${purpose.replaceAll(/[^A-Za-z0-9._-]/g, '-')}-${options.ids.token(10)}`);
      try {
        await mkdir(own, { mode: 0o700 });
        if (options.host !== undefined) await writeFile(join(own, OWNER_FILE), options.host.processName);
        await mkdir(join(own, 'work'), { mode: 0o700 });
      } catch (error) {
        await rm(own, { recursive: true, force: true }).catch(() => undefined);
        throw openFailure(own, error);
      }
      // What is handed out is empty: the owner's name lies beside it.
      return { path: join(own, 'work'), dispose: () => rm(own, { recursive: true, force: true, maxRetries: 3 }) };
    },
  };
}

/** Directories made for this purpose that belong to `owner` (`Host.processName`); their paths, as `open` handed them out. */
export async function scratchOf(
  options: Pick<ScratchOptions, 'env'>,
  purpose: string,
  owner: string,
): Promise<string[]> {
  const { path: root } = choose(options.env);
  const names = (await readdir(root)).filter(
    (name) => SCRATCH_NAME.test(name) && name.startsWith(`slurmctl-${purpose}-`),
  );
  const owners = await Promise.all(names.map((name) => readFile(join(root, name, OWNER_FILE), 'utf8').catch(() => '')));
  return names.filter((_name, at) => owners[at] === owner).map((name) => join(root, name, 'work'));
}

/** Names the process a directory belongs to. */
const OWNER_FILE = '.owner';
const SCRATCH_NAME = /^slurmctl-[A-Za-z0-9._-]+-[0-9a-hjkmnp-tv-z]{10}$/;

/** Best effort: another user's directory, or one that goes away meanwhile, is left alone. */
async function sweep(root: string, host: Pick<Host, 'mayBeAlive'>): Promise<void> {
  const names = await readdir(root).catch(() => []);
  for (const name of names.filter((one) => SCRATCH_NAME.test(one))) {
    const path = join(root, name);
    const owner = await readFile(join(path, OWNER_FILE), 'utf8').catch(() => '');
    if (owner !== '' && !host.mayBeAlive(owner))
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function choose(env: ScratchOptions['env']): { path: string; source: string } {
  for (const source of ['SLURMCTL_SCRATCH', 'SLURM_TMPDIR', 'TMPDIR']) {
    const path = env[source];
    if (path !== undefined && path !== '') return { path: resolve(path), source };
  }
  return { path: tmpdir(), source: 'default' };
}

function requireWritableDirectory(path: string, source: string): void {
  try {
    if (!statSync(path).isDirectory()) throw unfit(`scratch path ${path} (from ${source}) is not a directory`);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = errnoOf(error) === 'ENOENT' ? 'does not exist' : `cannot be used: ${messageOf(error)}`;
    throw unfit(`scratch directory ${path} (from ${source}) ${why}`, error);
  }
}

const unfit = (message: string, cause?: unknown): AppError => new AppError('SCRATCH_UNFIT', { message, cause });

function openFailure(path: string, error: unknown): AppError {
  const full = ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
  if (full) return new AppError('SCRATCH_FULL', { message: `no space left for ${path}`, cause: error });
  return unfit(`cannot create ${path}: ${messageOf(error)}`, error);
}
