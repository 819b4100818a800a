import { describe, expect, it } from 'vitest';
import type { AttemptId } from '../../../../src/domain/ids.ts';
import type { TaskItem } from '../../../../src/domain/task-item.ts';
import { createTaskHealth } from '../../../../src/observe/health/task-health.ts';

const TASK: TaskItem = { state: 'PENDING', generation: 0, wave: 0, items: 5, attempts: 0, charged: 0 };

describe('the health of tasks', () => {
  it('is added up one by one', () => {
    const counter = createTaskHealth(1_000);
    const tasks: TaskItem[] = [
      TASK,
      { ...TASK, state: 'RUNNING', heartbeatMs: 700, startedMs: 100 },
      { ...TASK, state: 'RUNNING', startedMs: 800 },
      { ...TASK, state: 'WAIT', heartbeatMs: 900, notBeforeMs: 5_000 },
      { ...TASK, state: 'WAIT', notBeforeMs: 3_000 },
      { ...TASK, state: 'WAIT', notBeforeMs: 999 },
      { ...TASK, state: 'WAIT' },
      { ...TASK, state: 'DEAD', cause: 'oom' },
      { ...TASK, state: 'DEAD', cause: 'hung' },
      { ...TASK, state: 'DEAD', cause: 'oom', quarantined: { items: '1-2,4', cause: 'oom', detail: '' } },
      { ...TASK, state: 'DEAD' },
      { ...TASK, state: 'CANCELLED' },
      {
        ...TASK,
        state: 'DONE',
        win: {
          attempt: '7_0.0' as AttemptId,
          sha256: '',
          rows: 5,
          succeeded: 5,
          failed: 0,
          ran: { node: 'n1', startedMs: 1, finishedMs: 950, cpuMs: 0 },
        },
      },
    ];
    for (const task of tasks) counter.add(task);
    expect(counter.health()).toEqual({
      total: 13,
      unfinished: 7,
      running: 2,
      heardMs: 800,
      lastSignMs: 950,
      nextDueMs: 3_000,
      dead: 4,
      deadCauses: [
        ['oom', 2],
        ['hung', 1],
        ['unknown', 1],
      ],
      quarantinedItems: 3,
    });
  });

  it('of none is nothing', () => {
    expect(createTaskHealth(0).health()).toMatchObject({ total: 0, unfinished: 0, lastSignMs: 0, nextDueMs: null });
  });
});
