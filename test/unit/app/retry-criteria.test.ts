import { describe, expect, it } from 'vitest';
import type { FinalTask } from '../../../src/aggregator/final-tasks.ts';
import {
  criteriaOf,
  isFailureWanted,
  isTaskWanted,
  requireTasks,
  type RetryWishes,
} from '../../../src/app/retry-criteria.ts';
import { eventText } from '../../../src/app/retry-job.ts';
import { taskIdOf } from '../../../src/domain/ids.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';

const refused = (wishes: RetryWishes) => {
  try {
    criteriaOf(wishes);
  } catch (error) {
    return error;
  }
  throw new Error('not refused');
};

const task = (number: number, state: TaskItem['state'] = 'DEAD', more: Partial<TaskItem> = {}): FinalTask => ({
  task: taskIdOf(number),
  item: { state, generation: 0, wave: 0, items: 5, attempts: 1, charged: 1, ...more },
  win: null,
});

describe('what a retry is asked for', () => {
  it('is every failure without any option, and says itself again', () => {
    expect(criteriaOf({})).toMatchObject({ dead: false, causes: null, tasks: null, failedOnly: false, text: '' });
    expect(criteriaOf({ failed: true, cause: ' OOM,timeout ', error: '1AB', task: '3, 12-40', items: 'a' }).text).toBe(
      '--failed --cause oom,timeout-item,time-limit --error 1ab --items a --task 3,12-40',
    );
  });

  it('is refused where it means nothing', () => {
    const cases: [RetryWishes, string][] = [
      [{ cause: 'oom,nodefail' }, 'Did you mean node-fail?'],
      [{ cause: 'whatever it was' }, 'There are: timeout, '],
      [{ error: 'ab' }, 'analyze-errors'],
      [{ error: 'not hex' }, 'analyze-errors'],
      [{ all: true }, '--task 0-99 --all'],
      [{ all: true, task: '1', failed: true }, 'Leave one of them out'],
    ];
    for (const [wishes, hint] of cases)
      expect(refused(wishes), JSON.stringify(wishes)).toMatchObject({
        code: 'USAGE',
        hint: expect.stringContaining(hint) as string,
      });
    expect(refused({ task: '4-3' })).toMatchObject({ message: expect.stringContaining('"4-3"') as string });
  });

  it('names tasks that exist', () => {
    expect(() => requireTasks(criteriaOf({ task: '0-4' }), 5)).not.toThrow();
    expect(() => requireTasks(criteriaOf({ task: '0,3-7' }), 5)).toThrow('found task 5, but the job has tasks 0-4');
    expect(() => requireTasks(criteriaOf({ task: '1' }), 1)).toThrow('only task 0');
  });
});

describe('a task or a failure', () => {
  it('is wanted when it meets all that was asked', () => {
    const dead = criteriaOf({ dead: true, task: '1-2' });
    expect([task(1), task(3), task(2, 'DONE')].map((one) => isTaskWanted(dead, one))).toEqual([true, false, false]);
    const oom = criteriaOf({ cause: 'oom', error: '1abc' });
    expect(isFailureWanted(oom, { cause: 'oom', fingerprint: '1abcdef' })).toBe(true);
    expect(isFailureWanted(oom, { cause: 'oom', fingerprint: '1abd' })).toBe(false);
    expect(isFailureWanted(oom, { cause: 'killed', fingerprint: '1abcdef' })).toBe(false);
    const either = criteriaOf({ error: '1ABC, 1def,1abc' });
    expect(either.text).toBe('--error 1abc,1def');
    expect(isFailureWanted(either, { cause: 'oom', fingerprint: '1def99' })).toBe(true);
    expect(isFailureWanted(either, { cause: 'oom', fingerprint: '1dee99' })).toBe(false);
  });
});

it('the story of the job says how many items run again, and for which wish', () => {
  const text = (items: number, tasks: number) =>
    eventText({ items, tasks: Array.from({ length: tasks }) } as never, { text: '--cause oom' } as never, {
      memoryBytes: 2 * 1024 ** 3,
    });
  expect(text(1, 1)).toBe('1 item of 1 task runs again (--cause oom, memory 2.0 GiB)');
  expect(text(12, 2)).toBe('12 items of 2 tasks run again (--cause oom, memory 2.0 GiB)');
});
