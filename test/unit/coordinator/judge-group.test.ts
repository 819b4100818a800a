import { describe, expect, it } from 'vitest';
import type { ArrayLife } from '../../../src/coordinator/array-life.ts';
import { createDemandCollector } from '../../../src/coordinator/demand.ts';
import { fallbackSize } from '../../../src/coordinator/fall-back.ts';
import { judgeGroup, type GroupQuestion } from '../../../src/coordinator/judge-group.ts';
import type { Submission } from '../../../src/coordinator/submissions.ts';
import type { Task } from '../../../src/coordinator/task-list.ts';

const JOB_SIZE = { memoryBytes: 1, timeMs: 60_000 };
const BIG = { memoryBytes: 4, timeMs: 60_000 };
const LONG = { memoryBytes: 1, timeMs: 90_000 };

const life = (
  size: typeof JOB_SIZE,
  more: Partial<Omit<ArrayLife, 'row'>> & { row?: Partial<Submission> } = {},
): ArrayLife => ({
  size,
  alive: 0,
  idle: 0,
  isSilent: false,
  ...more,
  row: {
    kind: 'array',
    state: 'SUBMITTED',
    handle: '1',
    wave: 0,
    elements: 8,
    waveElements: 8,
    attemptsBefore: 0,
    submittedMs: 0,
    ...more.row,
  } as Submission,
});
const ask = (size: typeof JOB_SIZE, lives: readonly ArrayLife[], more: Partial<GroupQuestion> = {}) =>
  judgeGroup({
    group: {
      size,
      pending: [1, 2, 3].map((n) => ({ id: `${n}` as never, attempts: 1, generation: 0 })),
      released: 3,
      attempts: 9,
    },
    isEscalated: size !== JOB_SIZE,
    lives,
    generation: 0,
    pull: true,
    nowMs: 1_000,
    ...more,
  });

describe('judgeGroup', () => {
  it.each([
    ['no array was ever big enough', BIG, [life(JOB_SIZE, { alive: 8, idle: 8 })], { next: 'submit', most: null }],
    ['one has more memory but less time', LONG, [life(BIG, { alive: 8, idle: 8 })], { next: 'submit', most: null }],
    ['its own are busy', BIG, [life(BIG, { alive: 2 })], { next: 'submit', most: 3 }],
    ['one of its own is idle', BIG, [life(BIG, { alive: 2, idle: 1 })], { next: 'submit', most: 2 }],
    ['enough are idle', BIG, [life(BIG, { alive: 3, idle: 3 })], { next: 'leave' }],
    ['more may be on their way', BIG, [life(BIG, { alive: 1 }), life(BIG, { isSilent: true })], { next: 'leave' }],
    ['nobody knows about its own', BIG, [life(BIG, { isSilent: true })], { next: 'look-again' }],
    ['nobody knows about smaller ones', BIG, [life(JOB_SIZE, { isSilent: true })], { next: 'submit' }],
    ['they are about to be sent', BIG, [life(BIG, { row: { state: 'INTENT' } })], { next: 'leave' }],
    ['bigger ones are idle', JOB_SIZE, [life(BIG, { alive: 3, idle: 3 })], { next: 'leave' }],
    ['bigger ones are busy', JOB_SIZE, [life(BIG, { alive: 3 })], { next: 'submit', most: null }],
    ['half of its own are left', JOB_SIZE, [life(JOB_SIZE, { alive: 1 })], { next: 'submit', most: 2 }],
    ['most of its own are left', JOB_SIZE, [life(JOB_SIZE, { alive: 2 })], { next: 'leave' }],
  ])('%s', (_, size, lives, expected) => {
    expect(ask(size, lives)).toMatchObject(expected);
  });

  it('does not count on bigger elements that run their own stride only', () => {
    expect(ask(JOB_SIZE, [life(BIG, { alive: 3, idle: 3 })], { pull: false })).toMatchObject({ next: 'submit' });
  });

  it('judges fruitless waves of its own size and generation only', () => {
    const own = life(BIG, { row: { wave: 3, attemptsBefore: 9, fruitlessBefore: 2 } });
    const others = life(JOB_SIZE, { row: { wave: 4, attemptsBefore: 1 } });
    expect(ask(BIG, [own, others])).toMatchObject({ next: 'give-up' });
    expect(ask(BIG, [own, others], { generation: 1 })).toMatchObject({ next: 'submit', fruitlessWaves: 0 });
    expect(ask(JOB_SIZE, [own, others])).toMatchObject({ next: 'submit', fruitlessWaves: 0 });
  });
});

describe('what the tasks of a job ask for', () => {
  const task = (more: Partial<Task>): Task =>
    ({ id: '000000', state: 'PENDING', generation: 0, wave: 0, items: 1, attempts: 1, charged: 1, ...more }) as Task;

  it('is added up by size, over tasks in every state', () => {
    const collector = createDemandCollector(JOB_SIZE);
    collector.add(task({ needs: {} }), true);
    collector.add(task({ id: '000001' as never, state: 'DONE', attempts: 3 }), false);
    collector.add(task({ id: '000002' as never, needs: { memoryBytes: 4 }, attempts: 2 }), false);
    collector.add(task({ id: '000003' as never, needs: { timeMs: 1 }, state: 'WAIT', notBeforeMs: 7 }), false);
    collector.add(task({ id: '000004' as never, state: 'WAIT', notBeforeMs: 3 }), false);
    collector.add(task({ id: '000005' as never, state: 'RUNNING', owner: '8_3.1' as never }), false);
    expect(collector.demand()).toEqual({
      groups: [
        { size: JOB_SIZE, pending: [{ id: '000000', attempts: 1, generation: 0 }], released: 1, attempts: 6 },
        { size: BIG, pending: [{ id: '000002', attempts: 2, generation: 0 }], released: 0, attempts: 2 },
      ],
      busy: new Set(['8_3']),
      nextEscalatedMs: 7,
      spent: null,
    });
  });
});

describe('fallbackSize', () => {
  const row = (memoryBytes: number, more: Partial<Submission> = {}): Submission =>
    ({ kind: 'array', handle: '1', memoryBytes, timeMs: 60_000, ...more }) as Submission;

  it('is the largest one that was accepted within what was refused', () => {
    const rows = [
      row(2),
      row(3),
      row(4),
      row(9),
      row(3.5, { handle: undefined as never }),
      row(3.6, { kind: 'finaliser' }),
    ];
    expect(fallbackSize(BIG, rows, JOB_SIZE)).toEqual({ memoryBytes: 3, timeMs: 60_000 });
    expect(fallbackSize(BIG, [row(3, { timeMs: 90_000 })], JOB_SIZE)).toEqual(JOB_SIZE);
    expect(fallbackSize(BIG, [], JOB_SIZE)).toEqual(JOB_SIZE);
  });
});
