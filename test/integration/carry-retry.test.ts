import { join } from 'node:path';
import { expect, it } from 'vitest';
import { carryJob } from '../../src/carrier/carry-job.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import { doneKey, redoBaseKey, redoKey, resultsKey } from '../../src/domain/keys.ts';
import { MANIFEST_SCHEMAS } from '../../src/domain/manifest.ts';
import type { RedoRecord } from '../../src/domain/redo.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { LogFields } from '../../src/ports/log.ts';
import { carrierOf, carry, createSides, createSpoolJob } from '../support/spool-job.ts';
import { withTempDir } from '../support/temp-dir.ts';

it('what a retry left alone, and who retried, is carried with the tasks that it finished or gave up', () =>
  withTempDir(async (root) => {
    const { spool, far } = createSides(join(root, 'sides'));
    const story = await createSpoolJob(spool, { tasks: 5 });
    const { job } = story;
    await story.commit(0);
    const { win } = (await spool.state.get(taskKey(job, taskIdOf(0), 1))) as unknown as TaskItem;
    if (win === undefined) throw new Error('task 0 has no winner');
    const redo = async (task: number, base: RedoRecord['base'], state: 'DEAD' | 'PENDING') => {
      const of = { job, task: taskIdOf(task), generation: 1, items: '0' };
      await spool.store.put(redoKey(job, 1, of.task), JSON.stringify({ schema: MANIFEST_SCHEMAS.redo, ...of, base }));
      await story.setTask(task, { state, generation: 1, redo: true }, ['win']);
    };
    const segments = { kind: 'segments', generation: 1, name: 'plan', segments: 2 } as const;
    for (const seq of [1, 2]) await spool.store.put(redoBaseKey(job, taskIdOf(1), segments, seq), `segment ${seq}`);
    await redo(0, { kind: 'winner', attempt: win.attempt, sha256: win.sha256 }, 'DEAD');
    await redo(1, segments, 'DEAD');
    await redo(2, segments, 'PENDING');
    // It went well, after its result had been corrupt once: of the generation in between there is no record.
    const why = { seen: { state: 'DONE', generation: 1, attempts: 1 }, retry: 1 };
    const ofDone = { schema: MANIFEST_SCHEMAS.redo, job, task: taskIdOf(4), generation: 2, items: '0', base: null };
    await spool.store.put(redoKey(job, 2, taskIdOf(4)), JSON.stringify({ ...ofDone, opened: why }));
    await story.commit(4);
    await story.setTask(4, { generation: 2, redo: true });
    await story.setMeta({ generation: 1, stage: 'redoing' });
    const { problems } = await carry(spool, far, job);
    expect(problems).toEqual([]);
    const keys = [
      doneKey(job, taskIdOf(0), win.attempt),
      resultsKey(job, taskIdOf(0), win.attempt),
      redoKey(job, 1, taskIdOf(0)),
      redoKey(job, 1, taskIdOf(1)),
      redoBaseKey(job, taskIdOf(1), segments, 2),
      redoKey(job, 2, taskIdOf(4)),
    ];
    for (const key of keys) expect(await far.store.get(key), key).toEqual(await spool.store.get(key));
    // A task that is still to run has its files where its workers are.
    expect(await far.store.get(redoKey(job, 1, taskIdOf(2)))).toBeNull();
    // A record, or a base, that is gone keeps no task back: whoever needs it takes the task whole.
    await spool.store.delete([redoKey(job, 1, taskIdOf(0)), redoBaseKey(job, taskIdOf(3), segments, 2)]);
    await spool.store.put(redoBaseKey(job, taskIdOf(3), segments, 1), 'segment 1');
    await redo(3, segments, 'DEAD');
    await story.setTask(0, { state: 'CANCELLED' });
    const warned: string[] = [];
    const log = { warn: (_: string, fields?: LogFields) => void warned.push(String(fields?.['task'])) };
    const { problems: later } = await carryJob({ ...carrierOf(spool, far), log }, job);
    expect([later, warned.toSorted()]).toEqual([[], [taskIdOf(0), taskIdOf(3)]]);
    expect(await far.state.get(taskKey(job, taskIdOf(0), 1))).toMatchObject({ state: 'CANCELLED' });
    expect(await far.store.get(redoKey(job, 1, taskIdOf(3)))).toBeNull();
    // One that is there and damaged does.
    await spool.store.put(redoKey(job, 1, taskIdOf(1)), 'what is this');
    await story.setTask(1, { state: 'CANCELLED' });
    expect((await carry(spool, far, job)).problems).toEqual([expect.stringContaining('task 000001')]);
  }));
