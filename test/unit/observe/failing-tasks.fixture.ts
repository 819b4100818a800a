import fc from 'fast-check';
import type { Cause } from '../../../src/domain/causes.ts';
import { fingerprintOf } from '../../../src/domain/fingerprint.ts';
import { asJobId, taskIdOf } from '../../../src/domain/ids.ts';
import type { FailingAttempt, FailingItem, FailingTask, Whereabouts } from '../../../src/observe/failing-task.ts';
import type { ObservedJob } from '../../../src/observe/needs.ts';

export const GIB = 1024 ** 3;
export const HOUR_MS = 3_600_000;

export const observedJob: ObservedJob = {
  id: asJobId('test-00000000'),
  name: 'test',
  state: 'RUNNING',
  createdMs: 0,
  items: 1_000,
  memoryBytes: 2 * GIB,
  timeMs: HOUR_MS,
  whyNoRetry: null,
};

export const place = (more: Partial<Whereabouts> = {}): Whereabouts => ({
  attempt: '1_0.0',
  node: 'n1',
  startedMs: 0,
  endedMs: 60_000,
  memoryBytes: 2 * GIB,
  timeMs: HOUR_MS,
  ...more,
});

export function failedItem(item: number, message: string, more: Partial<FailingItem> = {}): FailingItem {
  const { cause = 'handler-error', errorClass = 'TypeError' } = more;
  const fingerprint = fingerprintOf({ cause, errorClass, message });
  return { item, itemId: `item-${item}`, cause, errorClass, message, fingerprint, ...more };
}

export function failedAttempt(cause: Cause, message: string, more: Partial<FailingAttempt> = {}): FailingAttempt {
  return { ...place(), cause, message, fingerprint: fingerprintOf({ cause, message }), ...more };
}

/** An ended task of ten items. */
export const failingTask = (number: number, more: Partial<FailingTask> = {}): FailingTask => ({
  task: taskIdOf(number),
  state: 'DONE',
  hasEnded: true,
  firstItem: number * 10,
  where: place(),
  items: [],
  attempts: [],
  ...more,
});

const WORDS = ['row', 'table', 'missing', 'refused', 'in', 'of', 'index', 'for', 'key'];
const message = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const cause = fc.constantFrom<Cause>('handler-error', 'oom', 'bad-output');
const errorClass = fc.constantFrom('TypeError', 'RangeError');
const where = fc
  .record({ node: fc.constantFrom('n1', 'n2', 'n3', null), startedMs: fc.nat(HOUR_MS), took: fc.nat(HOUR_MS) })
  .map(({ node, startedMs, took }) => place({ node, startedMs, endedMs: startedMs + took }));

/** Tasks with failures of a few dozen kinds, each task once. */
export const failingTasks: fc.Arbitrary<FailingTask[]> = fc
  .array(
    fc.record({
      hasEnded: fc.boolean(),
      where,
      items: fc.array(fc.record({ message, cause, errorClass }), { maxLength: 5 }),
      attempts: fc.array(fc.record({ message, cause, where }), { maxLength: 2 }),
    }),
    { maxLength: 30 },
  )
  .map((tasks) =>
    tasks.map(({ items, attempts, ...task }, number) =>
      failingTask(number, {
        ...task,
        items: items.map((one, item) => failedItem(item, one.message, one)),
        attempts: attempts.map((one) => failedAttempt(one.cause, one.message, one.where)),
      }),
    ),
  );
