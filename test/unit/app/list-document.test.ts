import { expect, it } from 'vitest';
import { listDocument } from '../../../src/app/list-document.ts';
import type { Drivers } from '../../../src/app/job-backends.ts';
import { requireMeta } from '../../../src/coordinator/job-meta.ts';
import { submitJob } from '../../../src/coordinator/submit-job.ts';
import { pauseJob } from '../../../src/coordinator/pause.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { metaKey } from '../../../src/domain/state-keys.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

it('says of a paused job who paused it, also when it was retried since', () =>
  withTempDir(async (root) => {
    const rig = createRig(root);
    const deps = rig.process();
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    await pauseJob(deps, job, { reason: 'lunch', now: false });
    const lastEvent = { id: 'zz', atMs: rig.clock.nowMs() + 1, kind: 'retry', text: '1 item runs again', by: 'bob@n1' };
    const list = async () => (await listDocument(deps as unknown as Drivers, { all: true })).jobs;
    expect(await list()).toMatchObject([{ state: 'PAUSED', reason: 'paused: lunch (ada@host)', user: 'ada' }]);
    const { cpus, memoryBytes, timeMs } = rig.wanted.spec.resources;
    const { asked } = await requireMeta(deps.state, job);
    expect(asked).toEqual({ cpus, memoryBytes, timeMs, handler: rig.wanted.spec.handler.kind });
    await deps.state.write(metaKey(job), { set: { lastEvent }, remove: ['reason'] }, { op: 'item-present' });
    expect(await list()).toMatchObject([{ state: 'PAUSED', reason: 'paused: lunch (ada@host)' }]);
  }));

it('a job whose state is damaged hides no other, and is named', () =>
  withTempDir(async (root) => {
    const rig = createRig(root);
    const deps = rig.process();
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    const { job: damaged } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    const stateThat = (code: 'STATE_CORRUPT' | 'STATE_UNAVAILABLE'): Drivers['state'] => ({
      ...deps.state,
      get: async (key) => {
        if (key.sort === metaKey(damaged).sort && key.partition === metaKey(damaged).partition)
          throw new AppError(code, { message: 'not readable' });
        return deps.state.get(key);
      },
    });
    const list = (code: Parameters<typeof stateThat>[0]) =>
      listDocument({ state: stateThat(code), clock: rig.clock }, { all: true });
    const { jobs, notes } = await list('STATE_CORRUPT');
    expect(jobs.map(({ id }) => id)).toEqual([job]);
    expect(notes).toEqual([`job ${damaged} is not listed: not readable [STATE_CORRUPT]`]);
    await expect(list('STATE_UNAVAILABLE')).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
  }));
