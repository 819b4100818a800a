import { describe, expect, it } from 'vitest';
import { createCounter } from '../../../src/coordinator/task-list.ts';
import type { AttemptId } from '../../../src/domain/ids.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';

const task = (more: Partial<TaskItem>): TaskItem => ({
  state: 'PENDING',
  generation: 0,
  wave: 0,
  items: 20,
  attempts: 1,
  charged: 1,
  ...more,
});
const checkpoint = { attempt: '7_0.0' as AttemptId, seq: 2, items: 12, failed: 3 };

const itemsOf = (...tasks: readonly TaskItem[]) => {
  const counter = createCounter(0);
  for (const one of tasks) counter.add(one);
  return counter.counts().items;
};

describe('the items of a task that is not done', () => {
  it('count as finished once a checkpoint holds them, whether their task waits or may be claimed', () => {
    const seen = { total: 20, succeeded: 9, failed: 3, pending: 8 };
    expect(itemsOf(task({ state: 'WAIT', checkpoint }))).toEqual(seen);
    expect(itemsOf(task({ state: 'WAIT', notBeforeMs: 5, checkpoint }))).toEqual(seen);
    expect(itemsOf(task({ state: 'PENDING', checkpoint }))).toEqual(seen);
    const { failed: _none, ...clean } = checkpoint;
    expect(itemsOf(task({ state: 'WAIT', checkpoint: clean }))).toMatchObject({ succeeded: 12, failed: 0 });
  });

  it('are those that the running attempt reports, from its first report on', () => {
    const running = { state: 'RUNNING', checkpoint } as const;
    expect(itemsOf(task({ ...running, progress: 0, progressFailed: 0 }))).toMatchObject({ succeeded: 9, failed: 3 });
    expect(itemsOf(task({ ...running, progress: 15, progressFailed: 4 }))).toEqual({
      total: 20,
      succeeded: 11,
      failed: 4,
      pending: 5,
    });
    expect(itemsOf(task({ state: 'RUNNING', progress: 2 }))).toMatchObject({ succeeded: 2, failed: 0, pending: 18 });
  });

  it('that were saved keep their outcome when the task is given up or cancelled, and the others have failed', () => {
    for (const state of ['DEAD', 'CANCELLED'] as const) {
      expect(itemsOf(task({ state, checkpoint }))).toEqual({ total: 20, succeeded: 9, failed: 11, pending: 0 });
      expect(itemsOf(task({ state }))).toMatchObject({ succeeded: 0, failed: 20 });
    }
  });

  it('never add up to more than the task has', () => {
    const odd = { ...checkpoint, items: 99, failed: 98 };
    expect(itemsOf(task({ state: 'WAIT', checkpoint: odd }), task({}))).toEqual({
      total: 40,
      succeeded: 0,
      failed: 20,
      pending: 20,
    });
  });
});
