import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Side } from '../../src/carrier/needs.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import { HISTORY_PREFIX, historyKey, unclaimedKey, type StateKey } from '../../src/domain/state-keys.ts';
import { carry, contentOf, createSides, createSpoolJob } from '../support/spool-job.ts';
import { withTempDir } from '../support/temp-dir.ts';

const TASKS = 20;

/** The same side; what is read of the history of tasks is noted. */
function watched({ store, state }: Side, read: string[]): Side {
  const note = (sort: string): void => void (sort.startsWith(HISTORY_PREFIX) && read.push(sort));
  return {
    store,
    state: {
      ...state,
      get(key) {
        note(key.sort);
        return state.get(key);
      },
      async *query(partition, prefix) {
        for await (const row of state.query(partition, prefix)) {
          note(row.sort);
          yield row;
        }
      },
    },
  };
}

it('of the history of tasks a carry reads what is behind the tasks that changed, and misses nothing of it', () =>
  withTempDir(async (root) => {
    const { spool, far } = createSides(join(root, 'sides'));
    const story = await createSpoolJob(spool, { tasks: TASKS });
    const { job } = story;
    const record = (key: StateKey, detail: string) =>
      spool.state.write(key, { set: { detail } }, { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] });
    const of = (task: number, attempts: number) => historyKey(job, taskIdOf(task), attempts);
    const left = (task: number, attempts: number, generation: number) =>
      unclaimedKey(job, taskIdOf(task), { attempts, generation });
    for (let task = 0; task < TASKS; task += 1) {
      for (const attempts of [1, 2, 3]) await record(of(task, attempts), 'it was killed');
      await story.setTask(task, { state: 'WAIT', attempts: 3, notBeforeMs: 5 });
    }
    /** What was read, each once: a record that turns out to be in the copy already is looked at again. */
    const pass = async (): Promise<string[]> => {
      const read: string[] = [];
      await carry(watched(spool, read), watched(far, read), job);
      expect(await contentOf(far, { job })).toEqual(await contentOf(spool, { job }));
      return [...new Set(read)].toSorted();
    };
    expect(await pass()).toHaveLength(3 * TASKS);
    expect(await pass()).toEqual([]);
    // Two attempts ended since, the last one that is known was decided upon once more, and another task goes on.
    await record(of(7, 3), 'given up, but for a pass that was late');
    for (const attempts of [4, 5]) await record(of(7, attempts), 'it was killed again');
    await story.setTask(7, { attempts: 5 });
    await story.setTask(8, { state: 'RUNNING', attempts: 4 }, ['notBeforeMs']);
    expect(await pass()).toEqual([of(7, 3), of(7, 4), of(7, 5), of(8, 3), of(8, 4)].map(({ sort }) => sort));
    // Nobody came to it, it was retried, and nobody came to it again.
    await record(left(9, 3, 0), 'no element came');
    await story.setTask(9, { state: 'DEAD' }, ['notBeforeMs']);
    await pass();
    for (const generation of [1, 2]) await record(left(9, 3, generation), 'no element came again');
    await story.setTask(9, { generation: 2, attemptsBefore: 3 });
    await pass();
    // The same of a task whose copy has nothing of all that, and an attempt of the retry after it.
    await record(left(10, 3, 0), 'no element came');
    await record(of(10, 4), 'killed');
    await story.setTask(10, { state: 'WAIT', generation: 1, attempts: 4, attemptsBefore: 3 });
    await pass();
    expect(await pass()).toEqual([]);
  }));
