import { describe, expect, it } from 'vitest';
import { lastWords } from '../../../../src/backends/beacon/last-words.ts';

const none = { tail: () => null, read: () => null };
const OWN = '{"level":"info","time":"2026-01-01","msg":"element started"}';
const HEAP = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
const cgroups = (files: Readonly<Record<string, string>>) => ({
  tail: () => null,
  read: (path: string) => files[path] ?? null,
});

describe('the last words of a process', () => {
  it('are what the runtime or the step daemon said after the last line of the log', () => {
    expect(lastWords(none)).toBeNull();
    expect(
      lastWords({ ...none, tail: () => `${OWN}\n<--- Last few GCs --->\n${HEAP}\n----- Native stack trace -----\n` }),
    ).toBe(HEAP);
    const daemon =
      'slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch. Some of the step tasks have been OOM Killed.';
    expect(lastWords({ ...none, tail: () => `${OWN}\n${daemon}\n` })).toBe(daemon);
    expect(
      lastWords({ ...none, tail: () => `${HEAP}\n${OWN}\nslurmctl: the worker ended with status 137\n` }),
    ).toBeNull();
    expect(lastWords({ ...none, tail: () => 'slurmctl: x\nsome handler prints: out of memory\n' })).toBeNull();
  });

  it('tell of a kill for memory in a cgroup of this job, of both kinds', () => {
    const two = '/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.events';
    expect(
      lastWords(
        cgroups({
          '/proc/self/cgroup': '0::/system.slice/slurmstepd.scope/job_7/step_batch/user/task_0\n',
          [two]: 'low 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n',
        }),
      ),
    ).toContain('oom_kill');
    expect(
      lastWords(
        cgroups({
          '/proc/self/cgroup': '9:memory:/slurm/uid_1000/job_7/step_batch\n1:name=systemd:/\n',
          '/sys/fs/cgroup/memory/slurm/uid_1000/job_7/step_batch/memory.oom_control':
            'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
        }),
      ),
    ).toContain('oom_kill');
  });

  it('tell nothing of kills in cgroups that are not the job’s', () => {
    expect(
      lastWords(cgroups({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.events': 'oom_kill 3\n' })),
    ).toBeNull();
    expect(
      lastWords(
        cgroups({
          '/proc/self/cgroup': '0::/slurm/job_7/step_batch\n',
          '/sys/fs/cgroup/slurm/memory.events': 'oom_kill 3\n',
          '/sys/fs/cgroup/slurm/job_7/memory.events': 'oom_kill 0\n',
        }),
      ),
    ).toBeNull();
  });
});
