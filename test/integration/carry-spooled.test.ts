import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { carryLeaseName, carrySpooled, isCarried, type SpoolSides } from '../../src/app/carry-spooled.ts';
import { viewCarry } from '../../src/app/carry-view.ts';
import { collectGarbage } from '../../src/app/collect-garbage.ts';
import { createSurroundings, openDrivers, type Drivers } from '../../src/app/job-backends.ts';
import { collectBothSides, removeLostCopy } from '../../src/app/spool-gc.ts';
import { requireChangeable, spoolUrls } from '../../src/app/spool-places.ts';
import { tickBothSides } from '../../src/app/spool-tick.ts';
import { acquireLease, createLeaseWatch } from '../../src/coordinator/lease.ts';
import { breakerKey, historyKey, jobEventKey, jobIndexKey, nodesKey } from '../../src/domain/state-keys.ts';
import type { KnownJob } from '../../src/app/find-job.ts';
import { taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { createSkippingClock } from '../support/coordinator-rig.ts';
import { createSpoolJob, untruths } from '../support/spool-job.ts';
import { withTempDir } from '../support/temp-dir.ts';

const NO_TICK = async () => ({ schema: 'slurmctl.tick/1', jobs: [] }) as const;

/** Two directories; `as` makes the same spool be seen by a process of another host. */
async function openSides(root: string) {
  const surroundings = { ...createSurroundings({}), clock: createSkippingClock(Date.UTC(2030, 0)) };
  const directory = join(root, 'spool');
  const spool = await openDrivers(surroundings, spoolUrls(root, directory));
  const far = await openDrivers(surroundings, spoolUrls(root, join(root, 'far')));
  const sides: SpoolSides = { directory, spool, far: async () => far };
  const as = (processName: string): Drivers => ({
    ...spool,
    host: { ...spool.host, processName, hostname: processName.split(':')[0] as string, mayBeAlive: () => true },
  });
  return { sides, far, as, clock: surroundings.clock };
}

describe('the carry at the end of a command', () => {
  it('only reports what hinders it, remembers it for status, and forgets it when it is over', () =>
    withTempDir(async (root) => {
      const { sides, far } = await openSides(root);
      const { job } = await createSpoolJob(sides.spool);
      mkdirSync(join(root, 'far'), { recursive: true });
      const broken = { ...sides, far: () => openDrivers(far, { ...spoolUrls(root, join(root, 'file')) }) };
      writeFileSync(join(root, 'file'), 'no directory');
      const hindered = await carrySpooled(broken, job);
      expect(hindered).toMatchObject({ upTo: null, complete: false });
      expect(hindered?.problem).toMatch(/\[(STATE|STORE)_\w+\]$/);
      expect(await carrySpooled(sides, job)).toMatchObject({ problem: null, total: 4 });
      expect((await carrySpooled(broken, job))?.upTo).not.toBeNull();
      expect((await sides.spool.state.get({ partition: `J#${job}`, sort: 'CARRY' }))?.['problem']).toBeTruthy();
      await carrySpooled(sides, job);
      expect(await sides.spool.state.get({ partition: `J#${job}`, sort: 'CARRY' })).not.toHaveProperty('problem');
    }));

  it('ends when the person who waits for it has had enough, and says so', () =>
    withTempDir(async (root) => {
      const { sides, far } = await openSides(root);
      const { job } = await createSpoolJob(sides.spool);
      const enough = new AbortController();
      const slow = {
        ...sides,
        far: async () => ({
          ...far,
          store: {
            ...far.store,
            put: (...args: Parameters<typeof far.store.put>) => {
              enough.abort(new Error('Ctrl-C'));
              return far.store.put(...args);
            },
          },
        }),
      };
      const { signal } = enough;
      expect(await carrySpooled(slow, job, { signal })).toMatchObject({ upTo: null, problem: 'it was interrupted' });
      expect(await far.state.get(jobIndexKey(job))).toBeNull();
      expect(await carrySpooled(sides, job)).toMatchObject({ problem: null, total: 4 });
    }));

  it('says what the copy lacks of a task, for as long as the spool knows the job', () =>
    withTempDir(async (root) => {
      const { sides } = await openSides(root);
      const spooled = await createSpoolJob(sides.spool);
      await spooled.setTask(1, { state: 'DEAD', generation: 1, redo: true });
      const expected = {
        problem: null,
        notes: [expect.stringMatching(/^task 000001: what a retry left alone .*missing/)],
      };
      expect(await carrySpooled(sides, spooled.job)).toMatchObject(expected);
      expect(await carrySpooled(sides, spooled.job)).toMatchObject(expected);
      expect(await viewCarry(sides.spool, spooled.job, 'spool')).toMatchObject(expected);
    }));

  it('carries nothing of a job that is still being stored', () =>
    withTempDir(async (root) => {
      const { sides, far } = await openSides(root);
      const spooled = await createSpoolJob(sides.spool);
      const { job } = spooled;
      await spooled.setMeta({ state: 'SUBMITTING', stage: 'storing-tasks' });
      expect(await carrySpooled(sides, job)).toBeNull();
      expect(await far.state.get(jobIndexKey(job))).toBeNull();
      await spooled.setMeta({ state: 'FAILED' });
      expect(await carrySpooled(sides, job)).toMatchObject({ problem: null });
    }));

  it('leaves the work to a carrier that is alive, and replaces one that is dead', () =>
    withTempDir(async (root) => {
      const { sides, as, clock } = await openSides(root);
      const { job } = await createSpoolJob(sides.spool);
      const other = await acquireLease(as('login2:7:1'), { name: carryLeaseName(job), waitMs: 0 });
      const here = { ...sides, spool: as('login1:8:1') };
      const busy = await carrySpooled(here, job, { leaseWatch: createLeaseWatch() });
      expect(busy).toMatchObject({ upTo: null, problem: 'another process is carrying it' });
      const beforeMs = clock.nowMs();
      // Nothing renews the other's lease: this clock calls nobody.
      expect(await carrySpooled(here, job)).toMatchObject({ problem: null, total: 4 });
      expect(clock.nowMs() - beforeMs).toBeGreaterThanOrEqual(30_000);
      expect(() => other.assertHeld()).toThrow(/lost the lease/);
    }));

  it('takes the story of the job along, changed or new, and its end removes it with the rest', () =>
    withTempDir(async (root) => {
      const { sides, far } = await openSides(root);
      const { spool } = sides;
      const spooled = await createSpoolJob(spool, { tasks: 1 });
      const { job } = spooled;
      const told = async (side: Drivers) => {
        const found: Record<string, unknown> = {};
        for await (const { sort, item } of side.state.query(`J#${job}`))
          if (/^(?:E#|H#|F#|NODES)/.test(sort)) found[sort] = { ...item, copies: undefined };
        return found;
      };
      const write = (key: Parameters<typeof spool.state.get>[0], text: string) =>
        spool.state.write(key, { set: { text } }, { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] });
      const keys = [jobEventKey(job, '01'), historyKey(job, taskIdOf(0), 1), breakerKey(job, 'abcdef'), nodesKey(job)];
      for (const key of keys) await write(key, 'before');
      await spooled.claim(0);
      await carrySpooled(sides, job);
      expect(Object.keys(await told(far))).toEqual(Object.keys(await told(spool)));
      // The last attempt's record says more when its task is given up after all.
      for (const key of [...keys.slice(1), historyKey(job, taskIdOf(0), 2)]) await write(key, 'after');
      await spooled.setTask(0, { attempts: 2 });
      await carrySpooled(sides, job);
      expect(await told(far)).toEqual(await told(spool));
      expect(Object.keys(await told(far))).toHaveLength(5);
      await spooled.commit(0);
      await spooled.complete('g0-a');
      await carrySpooled(sides, job);
      await collectBothSides(sides, { dryRun: false, olderThanMs: 0, purge: false, job }, collectGarbage);
      expect(await told(spool)).toEqual({});
      expect(Object.keys(await told(far))).toHaveLength(5);
      await collectGarbage(far, { dryRun: false, olderThanMs: 0, purge: true, job });
      expect(await told(far)).toEqual({});
    }));

  it('knows without any request whether something is left', () =>
    withTempDir(async (root) => {
      const { sides } = await openSides(root);
      const spooled = await createSpoolJob(sides.spool, { tasks: 1 });
      const { job } = spooled;
      expect(await isCarried(sides, job)).toBe(false);
      await spooled.commit(0);
      await spooled.complete('g0-a');
      await carrySpooled(sides, job);
      expect(await isCarried(sides, job)).toBe(true);
      const unreachable = {
        ...sides,
        far: (): never => {
          throw new Error('asked');
        },
      };
      expect(await isCarried(unreachable, job)).toBe(true);
      await spooled.publish('g0-b');
      expect(await isCarried(sides, job)).toBe(false);
      const { jobs } = await tickBothSides(sides, NO_TICK);
      expect(jobs).toMatchObject([{ jobId: job, carry: { complete: true } }]);
      expect((await tickBothSides(sides, NO_TICK)).jobs).toEqual([]);
    }));
});

describe('gc with a spool', () => {
  const request = { dryRun: false, olderThanMs: 0, purge: false };

  it('hands a carried job over and keeps one that is not', () =>
    withTempDir(async (root) => {
      const { sides, far } = await openSides(root);
      const good = await createSpoolJob(sides.spool, { tasks: 1, id: 'good-00000000' });
      const bad = await createSpoolJob(sides.spool, { tasks: 1, id: 'badd-00000000' });
      for (const one of [good, bad]) {
        await one.commit(0);
        await one.complete('g0-a');
      }
      const manifest = sides.spool.store.localPath(`jobs/${bad.job}/attempts/000000/77_0.0/part.parquet`) as string;
      writeFileSync(manifest, 'damage');
      const { removed } = await collectBothSides(sides, request, collectGarbage);
      expect(removed.map(({ what }) => what).join('\n')).toContain(good.job);
      expect(removed.map(({ what }) => what).join('\n')).not.toContain(`spooled files of job ${bad.job}`);
      expect(await sides.spool.state.get(jobIndexKey(good.job))).toBeNull();
      expect(await sides.spool.state.get(jobIndexKey(bad.job))).not.toBeNull();
      const index = await far.state.get(jobIndexKey(good.job));
      expect(index).toMatchObject({ live: false, backends: { store: pathToFileURL(join(root, 'far/objects')).href } });
      expect(index).not.toHaveProperty('spool');
      expect(await untruths(far, good)).toEqual([]);
      // The copy of the other still belongs to its spool.
      const { removed: nothing } = await collectGarbage(far, { ...request, purge: true, job: bad.job });
      expect(nothing).toEqual([]);
      const refused = { ...((await far.state.get(jobIndexKey(bad.job))) as object), id: bad.job } as KnownJob;
      expect(() => requireChangeable(refused)).toThrow(expect.objectContaining({ code: 'JOB_SPOOLED' }));
    }));

  it('removes a copy whose spool is lost, when asked to by name where the spool was', () =>
    withTempDir(async (root) => {
      const { sides, far } = await openSides(root);
      const { job } = await createSpoolJob(sides.spool);
      await carrySpooled(sides, job);
      const known = { ...((await far.state.get(jobIndexKey(job))) as object), id: job } as KnownJob;
      const purge = { ...request, purge: true, job };
      const elsewhere = { ...sides, directory: join(root, 'other') };
      await expect(removeLostCopy(elsewhere, known, purge)).rejects.toMatchObject({ code: 'JOB_SPOOLED' });
      await expect(removeLostCopy(sides, known, request)).rejects.toMatchObject({ code: 'JOB_SPOOLED' });
      expect(await far.state.get(jobIndexKey(job))).not.toBeNull();
      rmSync(sides.directory, { recursive: true });
      await expect(removeLostCopy(sides, known, purge)).rejects.toMatchObject({ code: 'JOB_SPOOLED' });
      mkdirSync(sides.directory);
      expect((await removeLostCopy(sides, known, purge)).removed).toHaveLength(1);
      expect(await far.state.get(jobIndexKey(job))).toBeNull();
    }));

  it('takes nothing away while somebody carries, and both sides with --purge', () =>
    withTempDir(async (root) => {
      const { sides, far, as } = await openSides(root);
      const spooled = await createSpoolJob(sides.spool, { tasks: 2, shards: 1 });
      for (const task of [0, 1]) await spooled.commit(task);
      await spooled.complete('g0-a');
      await carrySpooled(sides, spooled.job);
      const lease = await acquireLease(as('login2:7:1'), { name: carryLeaseName(spooled.job), waitMs: 0 });
      const named = { ...request, job: spooled.job as JobId };
      await expect(collectBothSides(sides, named, collectGarbage)).rejects.toMatchObject({ code: 'LEASE_HELD' });
      await lease.release();
      await collectBothSides(sides, { ...named, purge: true }, collectGarbage);
      for (const side of [sides.spool, far]) {
        expect(await side.state.get(jobIndexKey(spooled.job))).toBeNull();
        const left: string[] = [];
        for await (const { key } of side.store.list('jobs/')) left.push(key);
        expect(left).toEqual([]);
      }
    }));
});
