import { describe, expect, it } from 'vitest';
import { nextOf } from '../../../src/app/explain-task.ts';
import { createTroubleCounter } from '../../../src/coordinator/sum-trouble.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';

const task = (more: Partial<TaskItem>): TaskItem => ({
  state: 'PENDING',
  generation: 0,
  wave: 0,
  items: 20,
  attempts: 0,
  charged: 0,
  ...more,
});

describe('the trouble of a job', () => {
  it('groups what waits by cause, with the earliest retry and the most that is asked for', () => {
    const counter = createTroubleCounter();
    const oom = { state: 'WAIT', cause: 'oom', attempts: 1, escalations: 1 } as const;
    for (const one of [
      task({}),
      task({ state: 'DONE', attempts: 3 }),
      task({ ...oom, notBeforeMs: 2_000, needs: { memoryBytes: 3e9 } }),
      task({ ...oom, notBeforeMs: 1_000, needs: { memoryBytes: 2e9 } }),
      task({ ...oom }),
      task({ state: 'WAIT', cause: 'node-fail', attempts: 1, notBeforeMs: 9_000 }),
      task({ state: 'RUNNING', attempts: 2, suspects: '3-5' }),
      task({ state: 'RUNNING', waiting: { kind: 'limit', name: 'api' } }),
      task({ state: 'RUNNING', waiting: { kind: 'limit', name: 'api', untilMs: 7_000 } }),
      task({ state: 'RUNNING', waiting: { kind: 'pool', name: 'api', untilMs: 6_000 } }),
      // Said by an attempt that is over.
      task({ state: 'PENDING', waiting: { kind: 'limit', name: 'api', untilMs: 1_000 } }),
      task({ state: 'DEAD', attempts: 4, quarantined: { items: '1,4-5', cause: 'killed', detail: '' } }),
    ])
      counter.add(one);
    expect(counter.trouble()).toEqual({
      retries: [
        { cause: 'oom', tasks: 3, undecided: 1, firstMs: 1_000, memoryBytes: 3e9, timeMs: null },
        { cause: 'node-fail', tasks: 1, undecided: 0, firstMs: 9_000, memoryBytes: null, timeMs: null },
      ],
      cost: { attempts: 13, tasks: 7, escalations: 3 },
      quarantinedItems: 3,
      isolating: 1,
      waits: [
        { kind: 'limit', name: 'api', tasks: 2, nextMs: 7_000 },
        { kind: 'pool', name: 'api', tasks: 1, nextMs: 6_000 },
      ],
    });
  });
});

describe('what comes next for a task', () => {
  const next = (more: Partial<TaskItem>, state: 'RUNNING' | 'PAUSED' = 'RUNNING') =>
    nextOf(task(more), { state }, 10_000);
  it('is said in one sentence', () => {
    expect(next({})).toBe('no element has come to it yet');
    expect(next({}, 'PAUSED')).toBe('no element has come to it yet; the job is paused');
    expect(next({ state: 'RUNNING', node: 'n3', progress: 12, heartbeatMs: 5_000 })).toBe(
      'it runs on n3: 12 of 20 items finished, last heard of 5 s ago',
    );
    const waiting = { kind: 'limit', name: 'openai', untilMs: 22_000 } as const;
    expect(next({ state: 'RUNNING', progress: 12, waiting })).toBe(
      'it runs: 12 of 20 items finished; it waits for the limit openai, next slot in 12 s',
    );
    expect(next({ state: 'RUNNING', waiting: { kind: 'pool', name: 'db' } })).toMatch(/; it waits for the pool db$/);
    expect(next({ state: 'DONE', win: { succeeded: 1, failed: 3 } as never })).toBe(
      'it is done: 1 item succeeded, 3 failed',
    );
    expect(next({ state: 'WAIT', attempts: 1 })).toContain('the next advance decides');
    expect(next({ state: 'WAIT', notBeforeMs: 50_000, checkpoint: { attempt: 'a' as never, seq: 1, items: 7 } })).toBe(
      'it is retried at 00:00:50 UTC (in 40 s); 7 of 20 items are saved and not run again',
    );
    expect(next({ state: 'WAIT', notBeforeMs: 1 }, 'PAUSED')).toBe('its retry is due, once the job is resumed');
    expect(next({ state: 'DEAD', cause: 'oom', causeDetail: 'on n2' })).toBe(
      'it was given up (oom: on n2): its unfinished items count as failed',
    );
  });
});
