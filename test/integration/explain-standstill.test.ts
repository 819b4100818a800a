import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explainDocument } from '../../src/app/explain-document.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import type { Standstill } from '../../src/domain/standstill.ts';
import { metaKey } from '../../src/domain/state-keys.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { JOB, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
  await job.store('export default () => 1;', { tasks: [numbered(0, 2), numbered(2, 2), numbered(4, 2)] });
});
afterEach(() => job.close());

const setMeta = (set: StateItem): Promise<unknown> =>
  job.deps.state.write(metaKey(JOB), { set }, { op: 'item-present' });

async function explained(): Promise<readonly Standstill[]> {
  const { store, state } = job.deps;
  const urls = { home: job.path, store: store.rootUrl, state: state.rootUrl, queue: 'file:///q' };
  const scratch = async () => job.deps.scratch;
  const spills = async () => job.deps.spills;
  const drivers = { ...job.deps, env: {}, urls, scratch, spills } as unknown as Drivers;
  return (await explainDocument(drivers, JOB, {})).job?.standstill ?? [];
}

describe('why a stored job is not running', () => {
  it('is told of its tasks, of a submit that waits, of a pause, and not after its end', async () => {
    expect(await explained()).toMatchObject([{ kind: 'elements', waiting: 3, todo: null }]);
    const dueMs = job.deps.clock.nowMs() + 60_000;
    await setTask(job.deps.state, 0, { state: 'WAIT', cause: 'oom', attempts: 1, notBeforeMs: dueMs });
    await setTask(job.deps.state, 1, { state: 'WAIT', cause: 'quota-spent', attempts: 1, notBeforeMs: dueMs });
    await setTask(job.deps.state, 2, { state: 'WAIT', cause: 'killed', attempts: 1 });
    await setMeta({ waitingFor: '50 of 50 jobs are in the queue' });
    const found = await explained();
    expect(found.map(({ kind }) => kind).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'backoff',
      'quota',
      'sending',
      'undecided',
    ]);
    expect(found.find(({ kind }) => kind === 'backoff')?.until).toBe(new Date(dueMs).toISOString());
    await setMeta({ state: 'PAUSED' });
    expect(await explained()).toMatchObject([{ kind: 'paused', todo: `slurmctl resume ${JOB}` }]);
    await setMeta({ state: 'CANCELLED', finishedMs: 1 });
    expect(await explained()).toEqual([]);
  });
});
