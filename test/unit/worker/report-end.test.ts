import { describe, expect, it } from 'vitest';
import { asAttemptId, asJobId, taskIdOf } from '../../../src/domain/ids.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import type { BeaconReading } from '../../../src/ports/beacon.ts';
import { describeEnd } from '../../../src/worker/report-end.ts';

const JOB = asJobId('report-7k3f9q2m');
const task = {
  job: JOB,
  task: taskIdOf(1),
  key: taskKey(JOB, taskIdOf(1), 1),
  attempt: asAttemptId('7_0.0'),
  generation: 0,
  firstItem: 100,
  stuckAfterMs: 15_000,
};
const reading = (more: Partial<BeaconReading> = {}): BeaconReading => ({ task, inFlight: [17], stuck: false, ...more });

describe('what is said of a dead worker', () => {
  it.each([
    [
      'killed',
      { reading: reading(), status: 137, evidence: null },
      {
        cause: 'killed',
        signal: 9,
        inFlight: '17',
        detail: 'the worker was killed by signal 9 while item 117 was running',
      },
    ],
    [
      'killed for its memory',
      { reading: reading(), status: 137, evidence: 'the kernel killed it for its memory: oom_kill' },
      {
        cause: 'oom',
        signal: 9,
        inFlight: '17',
        detail:
          'the worker was killed by signal 9 while item 117 was running (the kernel killed it for its memory: oom_kill)',
      },
    ],
    [
      'out of heap',
      { reading: reading({ inFlight: [] }), status: 134, evidence: 'FATAL ERROR: JavaScript heap out of memory' },
      {
        cause: 'oom',
        signal: 6,
        detail:
          'the worker was killed by signal 6 while no item was running (FATAL ERROR: JavaScript heap out of memory)',
      },
    ],
    [
      'stuck',
      { reading: reading({ stuck: true }), status: 137, evidence: null },
      {
        cause: 'hung',
        signal: 9,
        inFlight: '17',
        detail:
          'the handler kept the worker from doing anything else for 15 s (handler.timeout and a grace) and was ended while item 117 was running',
      },
    ],
    [
      'ended by the handler with a good code',
      { reading: reading({ exitCode: 0, inFlight: [1, 2] }), status: 70, evidence: null },
      {
        cause: 'worker-error',
        exitCode: 0,
        inFlight: '1-2',
        detail: 'the handler ended the worker with process.exit(0) while items 101, 102 were running',
      },
    ],
    [
      'ended by the runtime',
      { reading: reading({ inFlight: [0, 2, 4, 6, 8, 10, 12] }), status: 7, evidence: null },
      {
        cause: 'worker-error',
        exitCode: 7,
        inFlight: '0,2,4,6,8,10,12',
        detail: 'the worker ended with exit code 7 while items 100, 102, 104, 106, 108 and 2 more were running',
      },
    ],
  ])('%s', (_name, worker, expected) => {
    expect(describeEnd(worker)).toEqual(expected);
  });

  it('stays short however many items were running', () => {
    const inFlight = Array.from({ length: 500 }, (_, at) => at * 3);
    const end = describeEnd({ reading: reading({ inFlight }), status: 137, evidence: null });
    expect(end.inFlight?.length).toBeLessThanOrEqual(200);
    expect(end.detail.length).toBeLessThanOrEqual(300);
  });
});
