import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFsObjectStore } from '../../../../src/backends/object-store/fs.ts';
import { createScratch } from '../../../../src/backends/scratch.ts';
import { createLocalSpillPlace, createSharedSpillPlace } from '../../../../src/backends/spill/places.ts';
import { createSeededIds } from '../../../support/seeded-random.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const ids = createSeededIds(1);
const open = (root: string) => createFsObjectStore({ root, ids });
const { uid } = userInfo();
const localIn = (scratch: string, owner = uid) =>
  createLocalSpillPlace({ env: { SLURMCTL_SCRATCH: scratch }, open, uid: owner });
const unfit = (message: string | RegExp): unknown =>
  expect.objectContaining({ code: 'SCRATCH_UNFIT', message: expect.stringMatching(message) as string });

describe('the place in the home directory', () => {
  it('begins to be there with the first thing that is kept, closed to others', () =>
    withTempDir(async (home) => {
      const place = createSharedSpillPlace(home, open);
      expect(place.isThere()).toBe(false);
      place.prepare();
      expect(existsSync(join(home, 'spill'))).toBe(false);
      await place.store.put('a/b', 'x');
      expect(place.isThere()).toBe(true);
      expect(statSync(join(home, 'spill')).mode & 0o777).toBe(0o700);
    }));

  it('is never made on a node that does not have the home directory: nobody else would see it', () =>
    withTempDir(async (root) => {
      const home = join(root, 'not-mounted');
      const place = createSharedSpillPlace(home, open);
      expect(() => place.prepare()).toThrow(unfit(`${home} does not exist on this node`));
      expect(place.isThere()).toBe(false);
    }));
});

describe('the place on the node', () => {
  it('is below the scratch directory that was chosen, else in /var/tmp, which outlives jobs', () => {
    expect(localIn('/scratch').path).toBe(`/scratch/slurmctl-spill.${uid}`);
    const env = { SLURMCTL_SCRATCH: '', SLURM_TMPDIR: '/job', TMPDIR: '/job' };
    expect(createLocalSpillPlace({ env, open, uid: 7 }).path).toBe('/var/tmp/slurmctl-spill.7');
  });

  it('is made once, for this user alone, and found again', () =>
    withTempDir(async (root) => {
      const place = localIn(root);
      expect(place.isThere()).toBe(false);
      place.prepare();
      expect(statSync(place.path).mode & 0o777).toBe(0o700);
      place.prepare();
      expect(localIn(root).isThere()).toBe(true);
    }));

  it.each<[string, (path: string) => void, string]>([
    ['others can enter', (path) => (mkdirSync(path), chmodSync(path, 0o770)), 'can be entered by other users'],
    [
      'is a link',
      (path) => (mkdirSync(`${path}-far`, { mode: 0o700 }), symlinkSync(`${path}-far`, path)),
      'is not a directory',
    ],
    ['is a file', (path) => writeFileSync(path, ''), 'is not a directory'],
  ])('is not trusted when it %s', (_name, make, why) =>
    withTempDir(async (root) => {
      const place = localIn(root);
      make(place.path);
      expect(place.isThere()).toBe(false);
      expect(() => place.prepare()).toThrow(unfit(why));
    }),
  );

  it('is not trusted when somebody else has made it', () =>
    withTempDir(async (root) => {
      const place = localIn(root, uid + 1);
      mkdirSync(place.path, { mode: 0o700 });
      expect(place.isThere()).toBe(false);
      expect(() => place.prepare()).toThrow(unfit(`belongs to user ${uid}`));
    }));

  it('cannot be where there is no directory', () =>
    withTempDir(async (root) => {
      expect(() => localIn(join(root, 'none')).prepare()).toThrow(unfit('none'));
    }));

  it('is left alone by the sweep of scratch directories, also where the number of the user is as long as a token', () =>
    withTempDir(async (root) => {
      const place = localIn(root, uid);
      place.prepare();
      const long = join(root, 'slurmctl-spill.4294967294');
      for (const path of [place.path, long]) {
        mkdirSync(path, { recursive: true });
        writeFileSync(join(path, '.owner'), 'host:1:1-0-0');
      }
      const host = { processName: 'host:2:1-0-0', mayBeAlive: () => false };
      const dir = await createScratch({ env: { SLURMCTL_SCRATCH: root }, ids, host }).open('attempt');
      await dir.dispose();
      for (const path of [place.path, long]) expect(existsSync(join(path, '.owner'))).toBe(true);
    }));
});
