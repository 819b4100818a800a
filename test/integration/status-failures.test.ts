import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { analyzeErrors } from '../../src/app/analyze-errors.ts';
import type { StatusDocument } from '../../src/app/documents.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { statusDocument } from '../../src/app/status-document.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { createFingerprints } from '../../src/domain/failure-fingerprints.ts';
import type { FailureSum } from '../../src/domain/failure-sum.ts';
import { taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { rollupKey, taskKey, taskPartition } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { StateValue } from '../../src/ports/state-table.ts';
import { adoptSpills } from '../../src/worker/adopt-spills.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
let drivers: Drivers;
beforeEach(async () => {
  job = await openWorkerFixture();
  const { store, state } = job.deps;
  const urls = { home: '/', store: store.rootUrl, state: state.rootUrl, queue: 'file:///q' };
  const scratch = async () => job.deps.scratch;
  drivers = { ...job.deps, env: {}, urls, scratch, spills: async () => job.deps.spills } as unknown as Drivers;
});
afterEach(() => job.close());

/** Of each ten items, two fail in a way that has their number in it and one in another; items from 100 on fail each in its own way. */
const FAILING = `export default async ({ n }) => {
  const word = 'abcdefghij'[n % 10];
  if (n >= 100) throw new Error('no ' + word.repeat(3));
  if (n % 10 === 2 || n % 10 === 3) throw new TypeError('no row ' + n + ' in /data/' + n + '.csv');
  if (n % 10 === 7) throw Object.assign(new Error('quota of "u' + n + '" is used up'), { name: 'QuotaError' });
  return { n };
};`;

const short = ({ failures }: StatusDocument) =>
  failures.map(({ items, atLeast, example }) => [items, atLeast, example]);

describe('the largest groups of failures in status', () => {
  it('are those of analyze-errors where every task names all of its groups', async () => {
    await job.store(FAILING, { tasks: [numbered(0, 10), numbered(10, 10), numbered(20, 2)] });
    await runElement(job.deps, elementInput());
    const status = await statusDocument(drivers, JOB);
    expect(short(status)).toEqual([
      [4, false, 'TypeError: no row 2 in /data/2.csv'],
      [2, false, 'QuotaError: quota of "u7" is used up'],
    ]);
    const { groups, failedItems } = await analyzeErrors(drivers, { job: JOB, by: 'fingerprint' });
    expect(status.failures.map(({ fingerprint, items, share }) => [fingerprint, items, share])).toEqual(
      groups.map(({ key, items, share }) => [key, items, share]),
    );
    expect(status).toMatchObject({ ungroupedItems: 0, items: { failed: failedItems } });
    expect(await job.task(2)).not.toHaveProperty('win.failures');
  });

  it('are lower bounds where a task has more groups than it names, or has not ended', async () => {
    await job.store(FAILING, { tasks: [numbered(0, 10), numbered(100, 10), numbered(200, 10)] });
    await setTask(job.deps.state, 2, { state: 'RUNNING', progress: 5, progressFailed: 5 });
    await runElement(job.deps, elementInput());
    const status = await statusDocument(drivers, JOB);
    expect(short(status)[0]).toEqual([2, true, 'TypeError: no row 2 in /data/2.csv']);
    expect(status.failures).toHaveLength(3);
    expect(status).toMatchObject({ items: { failed: 18 }, ungroupedItems: 7 + 5 });
  });

  it('are not there for tasks whose version did not name any', async () => {
    await job.store(FAILING, { tasks: [numbered(0, 10)] });
    await runElement(job.deps, elementInput());
    const { failures: _none, ...win } = (await job.task(0)).win ?? {};
    await setTask(job.deps.state, 0, { win: win as StateValue });
    expect(await statusDocument(drivers, JOB)).toMatchObject({ failures: [], ungroupedItems: 3, items: { failed: 3 } });
  });
});

describe('a commit', () => {
  it('of finished work that was kept and adopted names its groups too', async () => {
    await job.store(FAILING, { tasks: [numbered(0, 10)] });
    const putFile = () => Promise.reject(new AppError('STORE_UNAVAILABLE', { message: 'gone' }));
    const broken = { ...job.deps, store: { ...job.deps.store, putFile }, backoffMs: () => 1e9 };
    await expect(runElement(broken, elementInput())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await job.task(0)).not.toHaveProperty('win');
    await adoptSpills({ ...job.deps, place: job.deps.spills.shared }, { job: JOB, shards: 1 });
    expect((await job.task(0)).win?.failures?.map(({ items }) => items)).toEqual([2, 1]);
  });

  it('names what its attempt found failed in the outcomes that it took over', async () => {
    await job.store(FAILING, { tasks: [numbered(0, 10)] });
    const quarantined = { items: '4-8', cause: 'oom', detail: 'killed' };
    await setTask(job.deps.state, 0, { quarantined });
    await runElement(job.deps, elementInput());
    expect((await job.task(0)).win?.failures).toMatchObject([
      { items: 5, cause: 'oom', errorClass: 'quarantined' },
      { items: 2, cause: 'handler-error', errorClass: 'TypeError' },
    ]);
  });

  it('keeps its item below a kilobyte, whatever fails', async () => {
    const wide = `export default async ({ n }) => {
      const word = 'abcdefghij'[n].repeat(3);
      throw Object.assign(new Error(word + '€'.repeat(500)), { name: word + 'Ü'.repeat(200) });
    };`;
    await job.store(wide, { tasks: [numbered(0, 10)] });
    await runElement(job.deps, elementInput());
    const task = await job.task(0);
    expect(task.win?.failures).toHaveLength(3);
    expect(Buffer.byteLength(JSON.stringify(task))).toBeLessThan(1_024);
  });
});

describe('a job that ended without dead tasks', () => {
  const kind = (items: number, name: string): FailureSum => {
    const failure = { cause: 'handler-error', errorClass: 'Error', errorMessage: name } as const;
    const fingerprint = createFingerprints()({ isLost: false, item: {} }, failure);
    return { fingerprint, items, cause: 'handler-error', errorClass: 'Error', message: name };
  };

  /** Commits every task; `failures` of each of them. */
  async function commitAll(rig: Rig, id: JobId, failures: (number: number) => readonly FailureSum[]): Promise<void> {
    const { state } = rig.process();
    await rig.work(id);
    for (const [number, task] of (await rig.tasks(id)).entries()) {
      const named = failures(number);
      const failed = named.length === 0 ? 0 : 4;
      const win = { ...task.win, succeeded: task.items - failed, failed, ...(failed === 0 ? {} : { failures: named }) };
      await state.write(taskKey(id, taskIdOf(number), 1), { set: { win } as never }, { op: 'item-present' });
    }
    rig.batch.endAll();
  }

  async function ended(root: string, failures: (number: number) => readonly FailureSum[]) {
    const rig = createRig(root, { items: 20, batchItems: 5 });
    const { job: id } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
    await commitAll(rig, id, failures);
    await advanceJob(rig.process(), { job: id, waitLeaseMs: 0, patienceMs: 0 });
    const { state, store, clock } = rig.process();
    let queries = 0;
    const counting: typeof state = {
      ...state,
      query(partition, ...more) {
        if (partition === taskPartition(id, 0)) queries += 1;
        return state.query(partition, ...more);
      },
    };
    const seen = { ...drivers, state: counting, store, clock } as Drivers;
    return { rig, id, status: await statusDocument(seen, id), queries: () => queries };
  }

  it('keeps its largest groups in the rollup, so that status reads no task', () =>
    withTempDir(async (root) => {
      const { status, queries } = await ended(root, (number) => [kind(2, 'oak'), kind(2, number < 3 ? 'elm' : 'ash')]);
      expect(queries()).toBe(0);
      expect(short(status)).toEqual([
        [8, false, 'Error: oak'],
        [6, false, 'Error: elm'],
        [2, false, 'Error: ash'],
      ]);
      expect(status).toMatchObject({ items: { failed: 16 }, ungroupedItems: 0, usage: null });
    }));

  it('says that there may be more where its tasks named too few', () =>
    withTempDir(async (root) => {
      const { status } = await ended(root, () => [kind(1, 'oak'), kind(1, 'elm')]);
      expect(status.failures.map(({ items, atLeast, share }) => [items, atLeast, share])).toEqual([
        [4, true, 0.25],
        [4, true, 0.25],
      ]);
      expect(status.ungroupedItems).toBe(8);
    }));

  it('has no groups in its rollup when nothing failed, or its version did not write any', () =>
    withTempDir(async (root) => {
      const clean = await ended(`${root}/clean`, () => []);
      expect(clean.status).toMatchObject({ failures: [], ungroupedItems: 0, items: { failed: 0 } });
      expect(await clean.rig.process().state.get(rollupKey(clean.id))).not.toHaveProperty('failures');
      const { rig, id } = await ended(`${root}/old`, () => [kind(4, 'oak')]);
      const { state, store, clock } = rig.process();
      await state.write(rollupKey(id), { remove: ['failures'] }, { op: 'item-present' });
      const status = await statusDocument({ ...drivers, state, store, clock } as Drivers, id);
      expect(status).toMatchObject({ failures: [], ungroupedItems: 16, items: { failed: 16 } });
    }));
});
