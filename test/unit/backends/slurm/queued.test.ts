import { describe, expect, it } from 'vitest';
import { createSlurmBatchSystem } from '../../../../src/backends/batch-system/slurm/index.ts';
import { parseSqueue } from '../../../../src/backends/batch-system/slurm/parse-squeue.ts';
import { queuedSubmissions } from '../../../../src/backends/batch-system/slurm/queued.ts';
import { createSkippingClock } from '../../../support/coordinator-rig.ts';

const line = (id: string, task: string, state: string, reason: string, name: string): string =>
  [id, task, state, '0', '0', 'n1', reason, '1:00', name, ''].join('|');

describe('what is in the queue', () => {
  it('is asked for with one command, for everything of the user', async () => {
    const lines: string[] = [];
    const system = createSlurmBatchSystem({
      env: {},
      clock: createSkippingClock(),
      template: '',
      uid: 1_000,
      run: async ({ argv }) => {
        lines.push(argv.join(' '));
        return {
          ended: 'exited',
          exitCode: 0,
          stdout: `${line('9', 'N/A', 'RUNNING', 'None', 'mine')}\n`,
          stderr: '',
          signal: null,
        };
      },
    });
    expect(await system.queued()).toEqual([{ handle: { id: '9' }, name: 'mine', waiting: 0, running: 1, reasons: [] }]);
    expect(lines).toEqual([expect.stringMatching(/^squeue -h --user=1000 -O ArrayJobID:\|,/)]);
  });

  it('is put together by submission, and what is over is left out', () => {
    const rows = parseSqueue(
      [
        line('15', '10', 'PENDING', 'BeginTime', 'licences-7k3f9q2m.01'),
        line('15', '4-8%2', 'PENDING', 'JobArrayTaskLimit', 'licences-7k3f9q2m.01'),
        line('15', '9', 'PENDING', 'JobArrayTaskLimit', 'licences-7k3f9q2m.01'),
        line('15', '2', 'RUNNING', 'None', 'licences-7k3f9q2m.01'),
        line('15', '3', 'COMPLETING', 'None', 'licences-7k3f9q2m.01'),
        line('15', '1', 'COMPLETED', 'None', 'licences-7k3f9q2m.01'),
        line('16', 'N/A', 'SUSPENDED', 'None', 'my other job'),
        line('17', '1,2,...', 'PENDING', 'Priority', 'cut off'),
        line('19', 'N/A', 'PENDING', '(null)', 'just sent'),
        line('18', 'N/A', 'WHATEVER', 'None', 'nobody knows'),
      ].join('\n'),
    );
    expect(queuedSubmissions(rows)).toEqual([
      {
        handle: { id: '15' },
        name: 'licences-7k3f9q2m.01',
        waiting: 7,
        running: 2,
        reasons: [
          { reason: 'JobArrayTaskLimit', elements: 6 },
          { reason: 'BeginTime', elements: 1 },
        ],
      },
      { handle: { id: '16' }, name: 'my other job', waiting: 0, running: 1, reasons: [] },
      {
        handle: { id: '17' },
        name: 'cut off',
        waiting: 1,
        running: 0,
        reasons: [{ reason: 'Priority', elements: 1 }],
      },
      {
        handle: { id: '19' },
        name: 'just sent',
        waiting: 1,
        running: 0,
        reasons: [{ reason: 'None', elements: 1 }],
      },
    ]);
    expect(queuedSubmissions([])).toEqual([]);
  });
});
