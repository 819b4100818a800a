import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createScratch, scratchOf } from '../../../../src/backends/scratch.ts';
import { fileSystemOf } from '../../../../src/backends/shared/fs-magic.ts';
import { createSeededIds } from '../../../support/seeded-random.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const NFS = 0x6969;
const EXT4 = 0xef53;

describe('scratch', () => {
  let dir: ReturnType<typeof makeTempDir>;
  beforeEach(() => {
    dir = makeTempDir('scratch');
  });
  afterEach(() => dir.remove());
  const scratch = (env: Record<string, string>, type = EXT4) =>
    createScratch({ env, ids: createSeededIds(1), statfs: () => ({ type, bavail: 10, bsize: 4_096 }) });

  it('takes the first place that is named', () => {
    const env = { SLURM_TMPDIR: dir.path, TMPDIR: '/nowhere' };
    expect(scratch(env).check()).toEqual({
      path: dir.path,
      source: 'SLURM_TMPDIR',
      fileSystem: 'ext4',
      network: false,
      freeBytes: 40_960,
    });
    expect(scratch({ ...env, SLURMCTL_SCRATCH: dir.path }).check().source).toBe('SLURMCTL_SCRATCH');
    expect(scratch({ TMPDIR: dir.path }).check().source).toBe('TMPDIR');
    expect(scratch({ SLURMCTL_SCRATCH: '' }).check().source).toBe('default');
  });

  it('finds what a process made for a purpose, and nobody else', async () => {
    const env = { TMPDIR: dir.path };
    const open = (owner: string, seed: number) =>
      createScratch({ env, ids: createSeededIds(seed), host: { processName: owner, mayBeAlive: () => true } });
    const mine = await open('n1:7:1-0-0', 1).open('beacon');
    await open('n1:7:1-0-0', 2).open('attempt');
    await open('n1:8:1-0-0', 3).open('beacon');
    expect(await scratchOf({ env }, 'beacon', 'n1:7:1-0-0')).toEqual([mine.path]);
    expect(await scratchOf({ env }, 'beacon', 'n1:9:1-0-0')).toEqual([]);
  });

  it('removes what dead processes left behind, and nothing else', async () => {
    const open = (processName: string, seed: number, dead: string[]) =>
      createScratch({
        env: { TMPDIR: dir.path },
        ids: createSeededIds(seed),
        host: { processName, mayBeAlive: (name) => !dead.includes(name) },
      }).open('task');
    const dead = await open('h:1:1', 1, []);
    const alive = await open('h:2:1', 2, []);
    const foreign = await createScratch({ env: { TMPDIR: dir.path }, ids: createSeededIds(3) }).open('task');
    const own = await open('h:3:1', 4, ['h:1:1']);
    expect([dead, alive, foreign, own].map(({ path }) => existsSync(path))).toEqual([false, true, true, true]);
  });

  it('makes private directories and removes them with what is in them', async () => {
    const one = await createScratch({ env: { TMPDIR: dir.path }, ids: createSeededIds(1) }).open('task/../000001');
    expect(one.path.startsWith(join(dir.path, 'slurmctl-task-..-000001-'))).toBe(true);
    expect(statSync(one.path).mode & 0o777).toBe(0o700);
    writeFileSync(join(one.path, 'results.sqlite'), 'x');
    await one.dispose();
    await one.dispose();
    expect(existsSync(one.path)).toBe(false);
  });

  it('refuses what is missing or no directory, naming where it came from (SCRATCH_UNFIT)', () => {
    const file = join(dir.path, 'file');
    writeFileSync(file, '');
    const unfit = (message: string) =>
      expect.objectContaining({ code: 'SCRATCH_UNFIT', message: expect.stringContaining(message) as string }) as Error;
    expect(() => scratch({ SLURMCTL_SCRATCH: '/no/such' }).check()).toThrow(
      unfit('/no/such (from SLURMCTL_SCRATCH) does not exist'),
    );
    expect(() => scratch({ TMPDIR: file }).check()).toThrow(unfit('is not a directory'));
  });

  it('refuses network file systems unless told to accept them', async () => {
    const env = { SLURM_TMPDIR: dir.path };
    expect(() => scratch(env, NFS).check()).toThrow('is on a network file system (nfs)');
    await expect(scratch(env, NFS).open('task')).rejects.toMatchObject({ code: 'SCRATCH_UNFIT' });
    const allowed = scratch({ ...env, SLURMCTL_SCRATCH_ALLOW_NETWORK: '1' }, NFS).check();
    expect(allowed).toMatchObject({ fileSystem: 'nfs', network: true });
    expect(scratch(env, 0x12345678).check()).toMatchObject({ fileSystem: '0x12345678', network: false });
  });

  it.each([
    [0x6969, 'nfs', 'network'],
    [0x0bd00bd0, 'lustre', 'network'],
    [0x47504653, 'gpfs', 'network'],
    [0x19830326, 'beegfs', 'network'],
    [0xff534d42, 'cifs', 'network'],
    [0xff534d42 | 0, 'cifs', 'network'],
    [0x65735546, 'fuse', 'network'],
    [0x01021994, 'tmpfs', 'local'],
    [0x58465342, 'xfs', 'local'],
    [0x9123683e, 'btrfs', 'local'],
    [0x794c7630, 'overlay', 'local'],
    [0x12345678, '0x12345678', 'unknown'],
  ])('names the file system with magic %d', (magic, name, kind) => {
    expect(fileSystemOf(magic)).toEqual({ name, kind });
  });
});
