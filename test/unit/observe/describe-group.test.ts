import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/observe/baseline.ts';
import { describeGroup } from '../../../src/observe/describe-group.ts';
import type { FailingTask } from '../../../src/observe/failing-task.ts';
import { createGrouper } from '../../../src/observe/group-failures.ts';
import { spansOf } from '../../../src/observe/time-spans.ts';
import { failedAttempt, failedItem, failingTask, HOUR_MS, observedJob } from './failing-tasks.fixture.ts';

const SPANS = spansOf(0, HOUR_MS);

function described(...tasks: readonly FailingTask[]) {
  const grouper = createGrouper('fingerprint', SPANS);
  for (const task of tasks) grouper.add(task);
  const grouped = grouper.grouped();
  const [group] = grouped.groups;
  if (group === undefined) throw new Error('no group');
  const baseline = baselineOf([], new Map(), SPANS);
  return describeGroup(group, {
    by: 'fingerprint',
    job: observedJob,
    spans: SPANS,
    grouped,
    baseline,
    breakers: new Map(),
    sizes: null,
  });
}

describe('a group as it is told', () => {
  it('shows no secret that a handler put into its message, also not half of one where it is cut', () => {
    const message = `GET https://ada:hunter2@db.example.org/x failed, password=hunter2 ${'x'.repeat(1_900)} token=hunter2hunter2`;
    const group = described(failingTask(0, { items: [failedItem(0, message)] }));
    expect(JSON.stringify(group)).not.toContain('hunter');
    expect(group.title).toContain('password=[redacted]');
    expect(group.sample.message.length).toBeLessThanOrEqual(2_000);
  });

  it('names the log of its item, and of a whole task where it is an attempt', () => {
    const item = described({ ...failingTask(3, { items: [failedItem(2, 'no row')] }), firstItem: 30 });
    expect(item.sample).toMatchObject({
      logCommand: "slurmctl logs test-00000000 --item '#32'",
      explainCommand: "slurmctl explain test-00000000 --item '#32'",
    });
    const attempt = described(failingTask(3, { attempts: [failedAttempt('node-fail', 'n7 died')] }));
    expect(attempt.sample).toMatchObject({
      logCommand: 'slurmctl logs test-00000000 --task 3',
      explainCommand: 'slurmctl explain test-00000000/3',
    });
  });
});
