import { describe, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/domain/ids.ts';
import { drawChaos, type FaultKind } from '../../support/chaos-plan.ts';
import type { Injected, Victim } from '../../support/chaos-record.ts';
import { findInSlurmLog } from '../../support/chaos-slurm-log.ts';
import { detectionTimes, judgeCauses, type EndedAttempt } from '../../support/chaos-verdict.ts';

const victim = (rest: Partial<Victim> = {}): Victim => ({
  attempt: '7_1.0',
  task: taskIdOf(4),
  noticedMs: 900,
  slurmMs: null,
  fate: 'released',
  cause: null,
  detail: '',
  ...rest,
});
const fault = (kind: FaultKind, rest: Partial<Injected> = {}): Injected => ({
  fault: { kind, atMs: 0, pick: 0, forMs: 0 },
  fromMs: 1_000,
  untilMs: 2_000,
  node: null,
  victims: [victim()],
  what: kind,
  ...rest,
});
const record = (rest: Partial<EndedAttempt> = {}): EndedAttempt => ({
  task: taskIdOf(4),
  attempt: '7_1.0',
  node: 'n1',
  endedMs: 2_500,
  cause: 'killed',
  detail: 'signal 9',
  ...rest,
});

describe('causes held against faults', () => {
  it('agree when the attempt that was hit has a record with a cause of that fault', () => {
    expect(judgeCauses([fault('kill-worker')], [record()])).toEqual([]);
  });

  it.each([
    ['a fault without a record', [fault('kill-worker')], [], /has no cause/],
    ['another cause', [fault('scancel')], [record()], /ended as killed.*explained by no fault/s],
    ['a record without a fault', [], [record()], /explained by no fault/],
    [
      'a record long after its fault',
      [fault('kill-node', { node: 'n1', victims: [] })],
      [record({ cause: 'node-fail', endedMs: 200_000 })],
      /explained by no fault/,
    ],
    [
      'a record on another node',
      [fault('kill-node', { node: 'n2', victims: [] })],
      [record({ cause: 'node-fail' })],
      /explained by no fault/,
    ],
    [
      'a killed worker whose element goes on',
      [fault('kill-worker', { victims: [victim({ fate: 'taken-over' })] })],
      [],
      /has no cause/,
    ],
  ])('do not agree: %s', (_name, injected, history, message) => {
    expect(judgeCauses(injected, history).join('\n')).toMatch(message);
  });

  it('asks for the deaths of a task with an item that kills, and explains them by it', () => {
    const deadly = new Set<string>([taskIdOf(4)]);
    expect(judgeCauses([], [record()], deadly)).toHaveLength(1);
    expect(judgeCauses([], [record(), record({ attempt: '7_1.1' })], deadly)).toEqual([]);
    expect(judgeCauses([], [record(), record(), record({ cause: 'lost' })], deadly).join()).toMatch(
      /explained by no fault/,
    );
  });

  it('takes the word of the task item where there is no record', () => {
    expect(judgeCauses([fault('scancel', { victims: [victim({ cause: 'cancelled-by-user' })] })], [])).toEqual([]);
  });

  it('asks nothing of attempts that committed, of those between two tasks, and of taken-over tasks of requeued elements', () => {
    const victims = [victim({ fate: 'committed' }), victim({ task: null }), victim({ fate: 'taken-over' })];
    expect(judgeCauses([fault('requeue', { victims })], [])).toEqual([]);
  });

  it('lets a fault of a node explain elements that nobody saw there', () => {
    const hit = fault('preempt', { node: 'n1', victims: [] });
    expect(judgeCauses([hit], [record({ attempt: '9_9.0', cause: 'preempted' })])).toEqual([]);
  });

  it('lets the death of a node explain workers there that are told to leave when it is back, and no others', () => {
    const dead = fault('kill-node', { node: 'n1', victims: [] });
    expect(judgeCauses([dead], [record({ cause: 'preempted' })])).toEqual([]);
    expect(judgeCauses([dead], [record({ cause: 'preempted', node: 'n2' })])).toHaveLength(1);
  });
});

describe('detection', () => {
  it('is counted from the fault, and from the line in which slurmctld says it', () => {
    const fromMs = new Date('2026-01-01T10:00:00.000').getTime();
    const hit = fault('kill-node', { fromMs, victims: [victim({ noticedMs: 30_000 }), victim({ attempt: '7_2.0' })] });
    const log = [
      '[2026-01-01T09:59:00.000] requeue job JobId=7_1(3) due to failure of node n1',
      '[2026-01-01T10:00:05.000] sched: Allocate JobId=7_1(3) NodeList=n1',
      '[2026-01-01T10:00:28.500] requeue job JobId=7_1(3) due to failure of node n1',
    ];
    findInSlurmLog(log.join('\n'), [hit]);
    expect(detectionTimes([hit])).toEqual({
      'kill-node': {
        fromFault: { count: 2, p50Ms: 30_000, p90Ms: 30_000, maxMs: 30_000 },
        fromSlurm: { count: 1, p50Ms: 1_500, p90Ms: 1_500, maxMs: 1_500 },
      },
    });
  });
});

describe('a plan', () => {
  it('has every kind of fault in order, and is decided by its seed', () => {
    const options = { tasks: 60, items: 3_000, chaosMs: 20_000, poison: 3 };
    const plan = drawChaos({ ...options, seed: 5 });
    expect(new Set(plan.faults.map(({ kind }) => kind)).size).toBe(8);
    expect(plan.faults.map(({ atMs }) => atMs)).toEqual(plan.faults.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(new Set(plan.poison.map((item) => Math.floor(item / 50))).size).toBe(3);
    expect(drawChaos({ ...options, seed: 5 })).toEqual(plan);
    expect(drawChaos({ ...options, seed: 6 }).faults).not.toEqual(plan.faults);
  });
});
