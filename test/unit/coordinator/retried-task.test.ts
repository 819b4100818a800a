import { expect, it } from 'vitest';
import { reconcileTasks, type Reconciled } from '../../../src/coordinator/reconcile.ts';
import type { JobId } from '../../../src/domain/ids.ts';
import type { JobMeta } from '../../../src/domain/job-item.ts';
import type { JobManifest } from '../../../src/domain/manifest.ts';
import { taskPartition } from '../../../src/domain/state-keys.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const JOB = 'job-00000000' as JobId;
const META = { state: 'RUNNING', stage: 'ready', submittedWave: 0, tasks: 1, shards: 1 } as unknown as JobMeta;
const MANIFEST = {
  spec: {
    resources: { memoryBytes: 1, timeMs: 1 },
    retry: { attempts: 3, backoff: { baseMs: 1e9, maxMs: 1e9 } },
  },
} as unknown as JobManifest;

/** Of 100 items a retry runs one again. */
const REDONE: TaskItem = {
  state: 'WAIT',
  generation: 1,
  wave: 0,
  items: 100,
  attempts: 2,
  attemptsBefore: 1,
  charged: 1,
  redo: true,
  checkpointSeen: 99,
  cause: 'handler-error',
};

async function pass(task: TaskItem): Promise<{ readonly left: StateItem | null; readonly reconciled: Reconciled }> {
  let found: { readonly left: StateItem | null; readonly reconciled: Reconciled } | undefined;
  await withTempDir(async (root) => {
    const deps = createRig(root).process();
    const key = { partition: taskPartition(JOB, 0), sort: '000000' };
    await deps.state.createMany([{ key, item: task as unknown as StateItem }]);
    const reconciled = await reconcileTasks(deps, { job: JOB, manifest: MANIFEST, meta: META, elements: new Map() });
    found = { left: await deps.state.get(key), reconciled };
  });
  return found as NonNullable<typeof found>;
}

it('what a retry left alone is never taken for what an attempt has brought', async () => {
  expect((await pass(REDONE)).left).toMatchObject({ state: 'WAIT', charged: 1, checkpointSeen: 99 });
});

it('what a retry left alone is not lost with a task that is given up', async () => {
  expect((await pass({ ...REDONE, state: 'DEAD' })).reconciled.lost).toBe(1);
});
