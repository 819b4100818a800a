import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/backends/clock.ts';
import { createFsStateTable } from '../../../src/backends/state-table/fs.ts';
import { cancelJob, finishCancel } from '../../../src/coordinator/cancel.ts';
import { discardOwn } from '../../../src/coordinator/create-job.ts';
import { tidyUp } from '../../../src/coordinator/finish-job.ts';
import { giveUpGroup } from '../../../src/coordinator/give-up-group.ts';
import { readMeta, retireFromIndex, returnToIndex, updateMeta } from '../../../src/coordinator/job-meta.ts';
import type { Lease } from '../../../src/coordinator/lease.ts';
import type { CoordinatorDeps } from '../../../src/coordinator/needs.ts';
import { reconcileTasks } from '../../../src/coordinator/reconcile.ts';
import type { SendContext } from '../../../src/coordinator/send.ts';
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import type { JobMeta } from '../../../src/domain/job-item.ts';
import type { JobManifest } from '../../../src/domain/manifest.ts';
import { jobIndexKey, metaKey, taskPartition } from '../../../src/domain/state-keys.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { StateItem, StateTable } from '../../../src/ports/state-table.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { createSeededIds } from '../../support/seeded-random.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const JOB = 'job-00000000' as JobId;
const META = { state: 'SUBMITTING', stage: 'splitting', fence: 3, wave: -1, submittedWave: -1, tasks: 1, shards: 1 };

const withTable = (use: (state: StateTable, root: string) => Promise<void>): Promise<void> =>
  withTempDir((root) =>
    use(createFsStateTable({ root: `${root}/state`, ids: createSeededIds(1), clock: createSystemClock() }), root),
  );
const storeMeta = (state: StateTable, meta: StateItem = META): Promise<number> =>
  state.createMany([{ key: metaKey(JOB), item: meta }]);

describe('a write of META that arrives late', () => {
  const write = { fence: 3, nowMs: 1 };

  it.each([
    [{ stage: 'storing-tasks' }, { stage: 'ready' }],
    [{ wave: 0 }, { wave: 1 }],
    [{ submittedWave: 0 }, { submittedWave: 1 }],
  ] as const)('%o does not take back %o', (earlier, later) =>
    withTable(async (state) => {
      await storeMeta(state);
      await updateMeta(state, JOB, ['SUBMITTING'], { ...write, set: earlier });
      await updateMeta(state, JOB, ['SUBMITTING'], { ...write, set: later });
      const again = updateMeta(state, JOB, ['SUBMITTING'], { ...write, set: earlier });
      await expect(again).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await readMeta(state, JOB)).toMatchObject(later);
    }),
  );

  it('may be repeated while nothing came after it', () =>
    withTable(async (state) => {
      await storeMeta(state);
      for (let times = 0; times < 2; times += 1)
        await updateMeta(state, JOB, ['SUBMITTING'], { ...write, set: { stage: 'ready', wave: 2 } });
      expect(await readMeta(state, JOB)).toMatchObject({ stage: 'ready', wave: 2 });
    }));
});

describe('a pass that slept over what it saw', () => {
  const WAITS = { state: 'WAIT', generation: 0, wave: 0, items: 1, attempts: 1, charged: 1 } as const;

  /** One pass that reads the task as `seen` while it is `actual` by the time the pass writes. */
  const passOver = (seen: TaskItem, actual: TaskItem): Promise<StateItem | null> => {
    let left: StateItem | null = null;
    return withTempDir(async (root) => {
      const { state, ...deps } = createRig(root).process();
      const key = { partition: taskPartition(JOB, 0), sort: '000000' };
      await state.createMany([{ key, item: actual as unknown as StateItem }]);
      const asleep: StateTable = {
        ...state,
        async *query() {
          yield { sort: key.sort, item: seen as unknown as StateItem };
        },
      };
      const manifest = {
        spec: {
          resources: { memoryBytes: 1, timeMs: 1 },
          retry: { attempts: 3, backoff: { baseMs: 1e9, maxMs: 1e9 } },
        },
      } as unknown as JobManifest;
      await reconcileTasks(
        { ...deps, state: asleep },
        { job: JOB, manifest, meta: META as unknown as JobMeta, elements: new Map() },
      );
      left = await state.get(key);
    }).then(() => left);
  };

  it('does not end the wait of a later attempt', async () => {
    const later: TaskItem = { ...WAITS, attempts: 2, charged: 2, notBeforeMs: 9_000_000_000_000 };
    expect(await passOver({ ...WAITS, notBeforeMs: 1 }, later)).toEqual(later);
    expect(await passOver({ ...WAITS, notBeforeMs: 1 }, { ...WAITS, notBeforeMs: 1 })).toMatchObject({
      state: 'PENDING',
    });
  });

  it('does not decide about a later attempt', async () => {
    const seen: TaskItem = { ...WAITS, cause: 'preempted' };
    const later: TaskItem = { ...WAITS, attempts: 2, charged: 2, cause: 'handler-error' };
    expect(await passOver(seen, later)).toEqual(later);
    expect(await passOver(seen, seen)).toMatchObject({ charged: 0, notBeforeMs: expect.any(Number) as number });
  });
});

describe('a process that slept over a retry', () => {
  const OPENED = { state: 'PENDING', generation: 1, wave: 0, items: 1, attempts: 1, charged: 0 } as const;
  const key = { partition: taskPartition(JOB, 0), sort: '000000' };

  const withOpened = (use: (deps: CoordinatorDeps) => Promise<void>): Promise<void> =>
    withTempDir(async (root) => {
      const deps = createRig(root).process();
      await deps.state.createMany([{ key, item: OPENED as unknown as StateItem }]);
      await use(deps);
      expect(await deps.state.get(key)).toEqual(OPENED);
    });

  it('does not cancel what the retry opened', () =>
    withOpened(async (deps) => {
      const meta = { ...META, state: 'CANCELLED' } as unknown as JobMeta;
      const asleep: StateTable = {
        ...deps.state,
        async *query(partition, prefix) {
          if (partition !== key.partition) return yield* deps.state.query(partition, prefix);
          yield { sort: key.sort, item: { ...OPENED, state: 'RUNNING', generation: 0 } };
        },
      };
      await finishCancel({ ...deps, state: asleep }, JOB, meta);
    }));

  it('does not take the job off the list of live ones', () =>
    withOpened(async (deps) => {
      await deps.state.createMany([
        { key: metaKey(JOB), item: { ...META, state: 'RUNNING' } },
        { key: jobIndexKey(JOB), item: { live: true } },
      ]);
      await tidyUp(deps, JOB, { ...META, state: 'COMPLETED' } as unknown as JobMeta);
      expect(await deps.state.get(jobIndexKey(JOB))).toEqual({ live: true });
    }));

  it('does not give it up', () =>
    withOpened(async (deps) => {
      const pending = [{ id: '000000' as TaskId, attempts: 1, generation: 0 }];
      const group = { size: { memoryBytes: 1, timeMs: 1 }, pending, released: 0, attempts: 1 };
      const context = { deps, job: JOB } as unknown as SendContext;
      expect(await giveUpGroup(context, META as unknown as JobMeta, { group, ended: undefined })).toEqual([]);
    }));
});

describe('a cancel of which nobody knows whether it arrived', () => {
  const RUNNING = { ...META, state: 'RUNNING', stage: 'ready', generation: 1, tasks: 0 };

  const cancelOver = (lose: 'before' | 'after') =>
    withTempDir(async (root) => {
      const deps = createRig(root).process();
      await deps.state.createMany([{ key: metaKey(JOB), item: RUNNING }]);
      let lost = 0;
      const unsure: StateTable = {
        ...deps.state,
        async write(key, change, when) {
          const losing = key.sort === metaKey(JOB).sort && change.set?.['state'] === 'CANCELLED' && (lost += 1) === 1;
          if (!losing || lose === 'after') {
            const result = await deps.state.write(key, change, when);
            if (!losing) return result;
          }
          throw new AppError('STATE_UNCERTAIN', { message: 'no answer' });
        },
      };
      const { meta } = await cancelJob({ ...deps, state: unsure }, JOB, 'enough');
      expect(meta).toMatchObject({ state: 'CANCELLED', reason: 'enough' });
      expect(lost).toBe(lose === 'before' ? 2 : 1);
    });

  it.each(['before', 'after'] as const)('is asked for until it is: answer lost %s the write', cancelOver);
});

describe('the row of a job in the index', () => {
  it.each(['before', 'after'] as const)('is written again where its answer was lost %s the write', (lose) =>
    withTable(async (state) => {
      await state.createMany([{ key: jobIndexKey(JOB), item: { name: 'job', live: true } }]);
      let lost = 0;
      const unsure: StateTable = {
        ...state,
        async write(key, change, when) {
          lost += 1;
          if (lost > 1) return state.write(key, change, when);
          if (lose === 'after') await state.write(key, change, when);
          throw new AppError('STATE_UNCERTAIN', { message: 'no answer' });
        },
      };
      await retireFromIndex(unsure, JOB);
      expect(await state.get(jobIndexKey(JOB))).toMatchObject({ live: false });
      await returnToIndex(unsure, JOB);
      expect(await state.get(jobIndexKey(JOB))).toMatchObject({ live: true });
    }),
  );
});

describe('a submit that wants to take its job back', () => {
  const lease: Lease = { fence: 3, assertHeld: () => undefined, release: () => Promise.resolve() };

  it('leaves it whole when it cannot say so first', () =>
    withTable(async (state, root) => {
      await storeMeta(state);
      const unwell: StateTable = {
        ...state,
        write: () => Promise.reject(new AppError('STATE_UNAVAILABLE', { message: 'no answer' })),
      };
      const rig = createRig(root);
      const deps = { ...rig.process(), state: unwell };
      const discarding = discardOwn(deps, lease, { job: JOB, reason: 'bad luck', wanted: rig.wanted });
      await expect(discarding).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
      expect(await readMeta(state, JOB)).toMatchObject({ state: 'SUBMITTING' });
    }));

  it('says so also where there is no META yet, so that nobody makes one while it removes the rest', () =>
    withTable(async (state, root) => {
      const seen: unknown[] = [];
      const watching: StateTable = {
        ...state,
        async deletePartition(partition) {
          seen.push((await readMeta(state, JOB))?.state);
          return state.deletePartition(partition);
        },
      };
      const rig = createRig(root);
      const deps = { ...rig.process(), state: watching };
      expect(await discardOwn(deps, lease, { job: JOB, reason: 'bad luck', wanted: rig.wanted })).toBe(true);
      expect(seen[0]).toBe('FAILED');
      expect(await readMeta(state, JOB)).toBeNull();
    }));
});
