import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthDocument } from '../../src/app/health-document.ts';
import type { HealthDocument } from '../../src/app/health-documents.ts';
import { assembleDrivers, createSurroundings, type Drivers } from '../../src/app/job-backends.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { advanceLeaseName } from '../../src/coordinator/lease.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { jobIndexKey, lockKey, metaKey, taskKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { BatchSystem, SubmitRequest } from '../../src/ports/batch-system.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const MINUTE = 60_000;
const DEAD_PROCESS = 'login1:77:1';

let directory: ReturnType<typeof makeTempDir>;
let rig: Rig;
let drivers: Drivers;
let job: JobId;
/** Questions to the batch system. */
let asked: string[];
beforeEach(async () => {
  directory = makeTempDir('health');
  rig = createRig(join(directory.path, 'home'));
  asked = [];
  ({ job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 }));
  drivers = driversWith(rig.batch);
});
afterEach(() => directory.remove());

function driversWith(batch: BatchSystem, state = rig.process().state): Drivers {
  const { store, queue, clock } = rig.process();
  const real = createSurroundings({ ...process.env, XDG_CACHE_HOME: join(directory.path, 'cache') });
  const host = { ...real.host, mayBeAlive: (name: string) => name !== DEAD_PROCESS };
  const urls = {
    home: join(directory.path, 'home'),
    store: store.rootUrl,
    state: state.rootUrl,
    queue: queue.rootUrl,
  };
  const backends = { store, state, queue, removeHalfWritten: async () => 0 };
  const counted: BatchSystem = {
    ...batch,
    queued: async () => {
      asked.push('queued');
      return batch.queued();
    },
    states: async (handles) => {
      asked.push('states');
      return batch.states(handles);
    },
    find: async (names) => {
      asked.push('find');
      return batch.find(names);
    },
  };
  return { ...assembleDrivers({ ...real, clock, host }, urls, backends), batch: async () => counted };
}

/** How full the disk of this machine is says nothing about the job. */
const findings = (document: HealthDocument) =>
  document.findings.filter(({ check }) => check !== 'space' && check !== 'filling');
const look = async (of = drivers) => findings(await healthDocument(of));
const set = async (key: Parameters<Drivers['state']['write']>[0], item: StateItem): Promise<void> => {
  await drivers.state.write(key, { set: item }, { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] });
};

describe('health', () => {
  it('has nothing to say of a job that waits in the queue, however long', async () => {
    rig.clock.skip(600 * MINUTE);
    expect(await look()).toEqual([]);
  });

  it('of a directory that is not there, such as one that is not mounted, is not well', async () => {
    const nowhere = join(directory.path, 'not-mounted', 'state');
    const state = { ...rig.process().state, rootUrl: pathToFileURL(nowhere).href };
    await expect(healthDocument(driversWith(rig.batch, state))).rejects.toMatchObject({
      code: 'STATE_MISSING',
      exitCode: 5,
      message: expect.stringContaining(nowhere) as string,
    });
  });

  it('asks the batch system once, whatever the number of jobs', async () => {
    for (let n = 0; n < 3; n += 1) await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
    expect(await healthDocument(drivers)).toMatchObject({ jobs: 4 });
    expect(asked).toEqual(['queued']);
  });

  it('finds a job that nobody advances, until somebody does', async () => {
    await rig.work(job, (task) => task.id === '000001');
    rig.batch.endAll({ cause: 'node-fail', rawState: 'NODE_FAIL' });
    rig.clock.skip(19 * MINUTE);
    expect(await look()).toEqual([]);
    rig.clock.skip(2 * MINUTE);
    expect(await look()).toMatchObject([
      { check: 'stuck', verdict: 'fail', jobId: job, remedy: `slurmctl advance ${job}` },
    ]);
    await advanceJob(rig.process(), { job, waitLeaseMs: 60_000, patienceMs: 0 });
    expect(await look()).toEqual([]);
  });

  it('finds what is in the queue under the name of a job that did not record it', async () => {
    const { request } = rig.batch.accepted[0] as { request: SubmitRequest };
    await rig.batch.submit({ ...request, name: `${job}.01arz3ndektsv4rrffq69g5fav` });
    await rig.batch.submit({ ...request, name: 'elsewhere-00000000.01arz3ndektsv4rrffq69g5fav' });
    await rig.batch.submit({ ...request, name: 'interactive' });
    const document = await healthDocument(drivers);
    const orphan = rig.batch.accepted.find(({ request: { name } }) => name.startsWith(`${job}.01arz3`));
    expect(document.verdict).toBe('fail');
    expect(findings(document)).toMatchObject([{ check: 'orphan', jobId: job, remedy: `scancel ${orphan?.handle.id}` }]);
    expect(document.notes).toEqual([expect.stringContaining('of another home directory, or were removed (1)')]);
  });

  it('finds elements of a job that is over', async () => {
    await set(metaKey(job), { state: 'FAILED', finishedMs: rig.clock.nowMs(), reason: 'too many' });
    rig.clock.skip(21 * MINUTE);
    const found = await look();
    expect(found.map(({ check }) => check)).toEqual(['left-over', 'failed']);
  });

  it('finds tasks that were given up, and leases of dead processes', async () => {
    await set(taskKey(job, taskIdOf(0), 1), { state: 'DEAD', cause: 'oom' });
    await set(lockKey(advanceLeaseName(job)), { held: true, owner: DEAD_PROCESS, nonce: 'n', fence: 9 });
    expect(await look()).toMatchObject([
      { check: 'dead-letters', verdict: 'warn', found: '1 task given up (oom 1)' },
      { check: 'stale-lease', verdict: 'warn', found: 'process 77 on login1 died while it advanced the job' },
    ]);
    await set(lockKey(advanceLeaseName(job)), { held: true, owner: 'n9:1:1' });
    expect((await look()).map(({ check }) => check)).toEqual(['dead-letters']);
  });

  it('finds results that wait beside the store', async () => {
    const path = join(directory.path, 'home', 'spill', job, '000001', '77_0.0');
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'spill.json'), '{}');
    expect(await look()).toMatchObject([
      { check: 'kept-results', verdict: 'warn', jobId: job, remedy: `slurmctl advance ${job}` },
    ]);
  });

  it('remembers what was free, and says when it will be full at that pace', async () => {
    const filling = async () => (await healthDocument(drivers)).findings.filter(({ check }) => check === 'filling');
    for (let looks = 0; looks < 2; looks += 1) {
      expect(await filling()).toEqual([]);
      rig.clock.skip(60 * MINUTE);
    }
    const cache = join(directory.path, 'cache', 'slurmctl');
    const [name = ''] = readdirSync(cache).filter((each) => each.startsWith('space-'));
    const path = join(cache, name);
    const stored = JSON.parse(readFileSync(path, 'utf8')) as { places: [string, { freeBytes: number }[]][] };
    for (const [, points] of stored.places) for (const [n, point] of points.entries()) point.freeBytes *= 10 - 3 * n;
    writeFileSync(path, JSON.stringify(stored), { mode: 0o600 });
    expect(await filling()).toMatchObject([
      { verdict: 'fail', jobId: null, found: expect.stringContaining('at the pace of the last 2 h') as string },
    ]);
    rmSync(cache, { recursive: true });
    expect(await filling()).toEqual([]);
  });

  it('says that the batch system does not answer, and then judges nothing by it', async () => {
    rig.batch.endAll();
    rig.clock.skip(60 * MINUTE);
    const away = async (): Promise<never> => {
      throw new AppError('BATCH_UNREACHABLE', { message: 'Slurm does not answer squeue' });
    };
    expect(await look(driversWith({ ...rig.batch, queued: away }))).toEqual([
      {
        check: 'batch-system',
        verdict: 'fail',
        jobId: null,
        found: 'Slurm does not answer squeue [BATCH_UNREACHABLE]',
        remedy: 'slurmctl doctor',
      },
    ]);
  });

  it('says which job cannot be read, and looks at the others', async () => {
    const { job: other } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
    const { state } = rig.process();
    const { partition: torn } = taskKey(job, taskIdOf(0), 1);
    const query: typeof state.query = (partition, prefix) => {
      if (partition === torn) throw new AppError('STATE_CORRUPT', { message: 'torn' });
      return state.query(partition, prefix);
    };
    await set(taskKey(other, taskIdOf(0), 1), { state: 'DEAD', cause: 'hung' });
    expect(await look(driversWith(rig.batch, { ...state, query }))).toMatchObject([
      { check: 'unreadable', verdict: 'fail', jobId: job, found: 'torn [STATE_CORRUPT]' },
      { check: 'dead-letters', jobId: other },
    ]);
  });

  it('of a job whose places are not ones it knows says that, and looks at the others', async () => {
    const { job: other } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
    await set(jobIndexKey(job), { backends: { ...rig.wanted.backends, store: 'punchcards://drawer' } });
    await set(taskKey(other, taskIdOf(0), 1), { state: 'DEAD', cause: 'hung' });
    expect(await look()).toMatchObject([
      { check: 'unreadable', verdict: 'fail', jobId: job },
      { check: 'dead-letters', jobId: other },
    ]);
  });

  it('is an error where the state cannot be read at all', async () => {
    const query = (): never => {
      throw new AppError('STATE_UNAVAILABLE', { message: 'away' });
    };
    const away = driversWith(rig.batch, { ...rig.process().state, query });
    await expect(healthDocument(away)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE', exitCode: 5 });
  });
});
