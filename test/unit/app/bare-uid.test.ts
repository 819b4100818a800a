import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { cacheDirectory } from '../../../src/app/cache-directory.ts';
import { createSurroundings, openDrivers } from '../../../src/app/job-backends.ts';
import { openQueueView } from '../../../src/app/open-queue-view.ts';
import { openSpaceMemory } from '../../../src/app/open-space-memory.ts';
import { withTempDir } from '../../support/temp-dir.ts';

/** What Node does in a container that runs under a number of which no user is known. */
vi.mock('node:os', async (original) => {
  const noEntry = (syscall: string) => () => {
    throw Object.assign(new Error(`A system error occurred: ${syscall} returned ENOENT`), { code: 'ERR_SYSTEM_ERROR' });
  };
  const os = await original<typeof import('node:os')>();
  return { ...os, userInfo: noEntry('uv_os_get_passwd'), homedir: noEntry('uv_os_homedir') };
});

it('a user without a name or a home sees its queue, and has places for what it keeps', () =>
  withTempDir(async (root) => {
    vi.stubEnv('TMPDIR', root);
    try {
      const env = { PATH: root };
      const surroundings = createSurroundings(env);
      const queue = openQueueView(surroundings);
      expect(await queue.look()).toMatchObject({ picture: null, problem: expect.stringContaining('squeue') });
      const directory = join(root, `slurmctl-cache.${process.getuid?.()}`);
      expect(cacheDirectory(env)).toBe(directory);
      expect((await stat(directory)).mode & 0o777).toBe(0o700);
      expect(openSpaceMemory(surroundings)).toBeDefined();
      const at = `file://${root}`;
      const urls = { home: root, store: `${at}/store`, state: `${at}/state`, queue: `${at}/queue` };
      const drivers = await openDrivers(surroundings, urls);
      expect((await drivers.spills()).local.path).toMatch(new RegExp(`slurmctl-spill\\.${process.getuid?.()}$`));
    } finally {
      vi.unstubAllEnvs();
    }
  }));
