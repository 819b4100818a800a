import { describe, expect, it } from 'vitest';
import { explainAttempts } from '../../../src/app/explain-attempts.ts';
import type { ExplainedAttempt } from '../../../src/app/explain-documents.ts';
import { finishCancel } from '../../../src/coordinator/cancel.ts';
import { giveUpGroup } from '../../../src/coordinator/give-up-group.ts';
import type { CoordinatorDeps } from '../../../src/coordinator/needs.ts';
import { openTask } from '../../../src/coordinator/redo-open.ts';
import type { SendContext } from '../../../src/coordinator/send.ts';
import { fingerprintOf } from '../../../src/domain/fingerprint.ts';
import { asAttemptId, taskIdOf, type JobId } from '../../../src/domain/ids.ts';
import type { JobMeta } from '../../../src/domain/job-item.ts';
import { doneKey } from '../../../src/domain/keys.ts';
import type { RedoTask } from '../../../src/domain/redo.ts';
import { corruptKey, historyKey, jobEventKey, taskKey } from '../../../src/domain/state-keys.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import type { StateItem, StateTable } from '../../../src/ports/state-table.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const JOB = 'job-00000000' as JobId;
const TASK = taskIdOf(0);
const KEY = taskKey(JOB, TASK, 1);
const RUNNING = { state: 'RUNNING', tasks: 1, shards: 1, generation: 0 } as unknown as JobMeta;
const CANCELLED = { ...RUNNING, state: 'CANCELLED', reason: 'enough' } as JobMeta;
const FRESH: TaskItem = { state: 'PENDING', generation: 0, wave: 0, items: 10, attempts: 0, charged: 0 };
const ID = asAttemptId('12_0.0');
const BUSY: TaskItem = { ...FRESH, state: 'RUNNING', attempts: 1, charged: 1, owner: ID, node: 'n2', startedMs: 1_000 };

interface Scene {
  readonly deps: CoordinatorDeps;
  readonly story: (meta?: JobMeta) => Promise<ExplainedAttempt[]>;
  readonly task: () => Promise<TaskItem>;
}

const onTask = (item: TaskItem, use: (scene: Scene) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => {
    const deps = createRig(root).process();
    await deps.state.createMany([{ key: KEY, item: item as unknown as StateItem }]);
    const task = async () => (await deps.state.get(KEY)) as unknown as TaskItem;
    const story = async (meta = RUNNING) => explainAttempts(deps, JOB, { id: TASK, item: await task(), meta });
    await use({ deps, story, task });
  });

/** Opens the task again as it is, as the retry of this number does. */
async function retry({ deps, task }: Scene, number: number): Promise<void> {
  const { state, generation, attempts, win, owner } = await task();
  const seen = {
    state,
    generation,
    attempts,
    ...(win === undefined ? {} : { winner: win.attempt }),
    ...(owner === undefined ? {} : { owner }),
  };
  const redo: RedoTask = { task: TASK, seen, items: '0-9', carried: 0, base: null, needs: null };
  const event = { atMs: number, kind: 'retry', text: `retry ${number}`, by: 'ada@n1' };
  await deps.state.createMany([{ key: jobEventKey(JOB, String(number)), item: event }]);
  await openTask(deps, JOB, { shards: 1, generation: number }, redo);
}

const change = ({ deps }: Scene, set: StateItem) => deps.state.write(KEY, { set }, { op: 'item-present' });

describe('the story of a task', () => {
  it('has the results that retries replaced, with who retried', () =>
    onTask(BUSY, async (scene) => {
      const timings = { startedMs: 1_000, finishedMs: 3_000 };
      await scene.deps.store.put(doneKey(JOB, TASK, ID), JSON.stringify({ rows: 10, node: 'n2', timings }));
      await change(scene, { state: 'DONE', win: { attempt: ID, sha256: 'x', rows: 10, succeeded: 9, failed: 1 } });
      await retry(scene, 1);
      // The second time, its files are gone.
      const second = { attempt: '13_0.0', sha256: 'x', rows: 10, succeeded: 9, failed: 1 };
      await change(scene, { state: 'DONE', attempts: 3, win: second });
      await scene.deps.state.createMany([
        { key: historyKey(JOB, TASK, 2), item: { generation: 1, cause: 'oom', detail: '', endedMs: 9, savedItems: 0 } },
      ]);
      await retry(scene, 3);
      await change(scene, { state: 'RUNNING', attempts: 4, owner: '14_0.0' });
      expect(await scene.story()).toMatchObject([
        {
          number: 1,
          generation: 0,
          end: 'replaced',
          attempt: ID,
          node: 'n2',
          tookMs: 2_000,
          savedItems: 10,
          why: 'retry 1 (ada@n1)',
        },
        { number: 2, generation: 1, end: 'failed', cause: 'oom' },
        {
          number: 3,
          generation: 1,
          end: 'replaced',
          attempt: '13_0.0',
          node: null,
          why: 'a retry opened its task again',
        },
        { number: 4, generation: 2, end: 'running' },
      ]);
    }));

  it('has a committed result that was found corrupt, once its task is opened again for it', () =>
    onTask(
      { ...FRESH, state: 'DONE', attempts: 1, win: { attempt: ID, sha256: 'x', rows: 10, succeeded: 9, failed: 1 } },
      async (scene) => {
        const found = {
          corrupt: true,
          attempt: ID,
          generation: 0,
          foundMs: 5,
          detail: 'no hash',
          sha256: 'x',
          rows: 10,
        };
        await scene.deps.state.createMany([
          { key: corruptKey(JOB, TASK, { attempts: 1, generation: 0 }), item: found },
        ]);
        expect(await scene.story()).toMatchObject([{ number: 1, end: 'committed' }]);
        await scene.deps.state.write(
          KEY,
          { set: { state: 'PENDING', generation: 1 }, remove: ['win'] },
          { op: 'item-present' },
        );
        const told = { number: 1, generation: 0, end: 'corrupt', attempt: ID, savedItems: 10, detail: 'no hash' };
        expect(await scene.story()).toMatchObject([{ ...told, cause: null }]);
        await change(scene, { state: 'RUNNING', attempts: 2, owner: '13_0.0' });
        expect(await scene.story()).toMatchObject([told, { number: 2, generation: 1, end: 'running' }]);
      },
    ));

  it('has what a cancel ended, also after a retry', () =>
    onTask(BUSY, async (scene) => {
      await finishCancel(scene.deps, JOB, CANCELLED);
      const ended = { number: 1, generation: 0, end: 'cancelled', attempt: ID, cause: 'cancelled-by-user' };
      expect(await scene.story(CANCELLED)).toMatchObject([{ ...ended, node: 'n2', detail: 'enough' }]);
      await retry(scene, 1);
      expect(await scene.story()).toMatchObject([ended]);
      // The next cancel finds nothing that runs.
      await finishCancel(scene.deps, JOB, CANCELLED);
      expect(await scene.story(CANCELLED)).toMatchObject([ended]);
    }));

  it('of a task that only waited has no attempt that a cancel ended', () =>
    onTask({ ...FRESH, state: 'WAIT', attempts: 1, notBeforeMs: 5 }, async (scene) => {
      await finishCancel(scene.deps, JOB, CANCELLED);
      expect(await scene.story(CANCELLED)).toEqual([]);
    }));

  it('says that it was given up because no element came to it', () =>
    onTask(
      { ...FRESH, fingerprint: 'old', attempts: 1, checkpoint: { attempt: ID, seq: 1, items: 4 } },
      async (scene) => {
        expect(await giveUp(scene.deps)).toHaveLength(1);
        const fingerprint = fingerprintOf({ cause: 'launch-failed', exitCode: 7 });
        expect(await scene.task()).toMatchObject({ state: 'DEAD', cause: 'launch-failed', fingerprint });
        const told = { number: 1, end: 'unclaimed', cause: 'launch-failed', savedItems: 4, decision: 'give-up' };
        expect(await scene.story()).toMatchObject([{ ...told, charged: false, attempt: null, memoryBytes: 2 }]);
        await retry(scene, 1);
        await giveUp(scene.deps, 1);
        expect(await scene.story()).toMatchObject([
          { ...told, generation: 0 },
          { ...told, generation: 1, savedItems: 0 },
        ]);
      },
    ));

  it('does not say so of one that was claimed in that moment', () =>
    onTask({ ...FRESH, attempts: 1 }, async (scene) => {
      const { state } = scene.deps;
      const late: StateTable = {
        ...state,
        async write(key, ...rest) {
          if (key.sort === KEY.sort) await change(scene, { state: 'RUNNING', attempts: 2, owner: ID });
          return state.write(key, ...rest);
        },
      };
      expect(await giveUp({ ...scene.deps, state: late })).toEqual([]);
      expect(await scene.story()).toMatchObject([{ number: 2, end: 'running' }]);
      expect(await scene.story()).toHaveLength(1);
    }));
});

function giveUp(deps: CoordinatorDeps, generation = 0): Promise<string[]> {
  const pending = [{ id: TASK, attempts: 1, generation }];
  const group = { size: { memoryBytes: 2, timeMs: 1 }, pending, released: 0, attempts: 1 };
  const ended = {
    id: '12',
    index: 0,
    phase: 'ended',
    cause: 'launch-failed',
    exitCode: 7,
    signal: 0,
    rawState: 'FAILED',
  };
  return giveUpGroup({ deps, job: JOB } as unknown as SendContext, RUNNING, { group, ended: ended as never });
}
