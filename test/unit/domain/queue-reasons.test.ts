import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeReason } from '../../../src/domain/queue-reasons.ts';

const says = (code: string, running = 50): string => describeReason(code, { running }).says;

it('says in words why something waits', () => {
  expect(says('Priority')).toBe('jobs of higher priority are ahead in the queue');
  expect(says('QOSMaxJobsPerUserLimit')).toBe(
    'its quality of service lets one user have no more jobs at a time; 50 of yours are running',
  );
  expect(says('QOSMaxJobsPerUserLimit', 1)).toContain('1 of yours is running');
  expect(says('ReqNodeNotAvail, UnavailableNodes:n[1-3]')).toContain('(UnavailableNodes n[1-3])');
});

it.each([
  ['AssocGrpCpuLimit', 'its account lets all its users together use no more CPUs at a time'],
  ['AssocGrpCPUMinutesLimit', 'its account lets all its users together use no more time of CPUs at a time'],
  ['AssocGrpJobsLimit', 'its account lets all its users together have no more jobs at a time; 50 of yours are running'],
  ['AssocMaxJobsLimit', 'its account lets one user have no more jobs at a time; 50 of yours are running'],
  ['QOSGrpGRES', 'its quality of service lets all its users together use no more GPUs and other devices at a time'],
  ['QOSGrpMemLimit', 'its quality of service lets all its users together use no more memory at a time'],
  ['QOSMaxCpuPerUserLimit', 'its quality of service lets one user use no more CPUs at a time'],
  ['QOSMaxMemoryPerUser', 'its quality of service lets one user use no more memory at a time'],
  ['QOSMaxCpuPerJobLimit', 'it asks for more CPUs than its quality of service allows a job'],
  ['QOSMaxNodePerJobLimit', 'it asks for more nodes than its quality of service allows a job'],
  ['QOSMaxCpuPerNode', 'it asks for more CPUs than its quality of service allows on a node'],
  ['QOSMaxWallDurationPerJobLimit', 'it asks for more time than its quality of service allows a job'],
  ['AssocMaxWallDurationPerJobLimit', 'it asks for more time than its account allows a job'],
  ['QOSMinCpuNotSatisfied', 'Slurm says QOSMinCpuNotSatisfied'],
  ['MadeUpReason', 'Slurm says MadeUpReason'],
])('%s', (code, words) => {
  expect(says(code)).toBe(words);
});

it('passes on what it does not know, whatever it is', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (code, running) => {
      const words = describeReason(code, { running });
      expect(words.says).not.toBe('');
      expect(words.says).not.toContain('undefined');
    }),
  );
});
