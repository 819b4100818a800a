import { describe, expect, it } from 'vitest';
import { createAttemptFailures, largestFailures } from '../../../src/coordinator/sum-failures.ts';
import type { Task } from '../../../src/coordinator/task-list.ts';
import type { FailureSum } from '../../../src/domain/failure-sum.ts';
import { asAttemptId, taskIdOf } from '../../../src/domain/ids.ts';

const kind = (items: number, fingerprint: string): FailureSum => ({
  fingerprint,
  items,
  cause: 'handler-error',
  errorClass: 'ValueError',
  message: `no ${fingerprint}`,
});
const waiting = (number: number, fingerprint: string, more: Partial<Task> = {}): Task => ({
  id: taskIdOf(number),
  state: 'WAIT',
  generation: 0,
  wave: 0,
  items: 100,
  attempts: 1,
  charged: 1,
  cause: 'oom',
  causeDetail: 'killed',
  fingerprint,
  ...more,
});
const kindsOf = (...tasks: readonly Task[]) => {
  const attempts = createAttemptFailures();
  for (const task of tasks) attempts.add(task);
  return attempts.kinds();
};

describe('the largest failures of a job', () => {
  it('are those of items and of attempts together, by the items that they hit', () => {
    const attempts = kindsOf(
      waiting(1, 'x', { checkpoint: { attempt: asAttemptId('1_0.0'), seq: 1, items: 90 } }),
      waiting(2, 'y'),
      waiting(3, 'y', { state: 'DEAD' }),
    );
    const found = largestFailures({ groups: [kind(150, 'a'), kind(12, 'b'), kind(3, 'c')], ungrouped: 0 }, attempts);
    expect(found.map(({ fingerprint, items, tasks }) => [fingerprint, items, tasks])).toEqual([
      ['y', 0, 2],
      ['a', 150, 0],
      ['b', 12, 0],
    ]);
    expect(found[0]).toMatchObject({ cause: 'oom', example: 'task 000003: killed', atLeast: false });
    expect(found[1]).toMatchObject({ example: 'ValueError: no a', atLeast: false });
  });

  it('may be larger where failed items are in no group; attempts are counted in any case', () => {
    const found = largestFailures({ groups: [kind(150, 'a')], ungrouped: 1 }, kindsOf(waiting(1, 'x')));
    expect(found.map(({ fingerprint, atLeast }) => [fingerprint, atLeast])).toEqual([
      ['a', true],
      ['x', false],
    ]);
  });

  it('are one where items and attempts failed alike', () => {
    const found = largestFailures({ groups: [kind(5, 'a')], ungrouped: 0 }, kindsOf(waiting(1, 'a')));
    expect(found).toEqual([
      { fingerprint: 'a', cause: 'handler-error', tasks: 1, items: 5, example: 'ValueError: no a', atLeast: false },
    ]);
  });

  it('are not those of tasks that are done or cancelled, or that nobody has decided about', () => {
    const { fingerprint: _none, ...undecided } = waiting(3, 'x');
    expect(kindsOf(waiting(1, 'x', { state: 'DONE' }), waiting(2, 'x', { state: 'CANCELLED' }), undecided)).toEqual([]);
  });
});
