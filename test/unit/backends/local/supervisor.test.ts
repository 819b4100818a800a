import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  elementEnvironment,
  withoutBatchVariables,
} from '../../../../src/backends/batch-system/local/element-environment.ts';
import { hostLayout, jobFiles, type HostLayout } from '../../../../src/backends/batch-system/local/layout.ts';
import { readHolder } from '../../../../src/backends/batch-system/local/lock.ts';
import { createSubmissionReader } from '../../../../src/backends/batch-system/local/read-submission.ts';
import { prepareHost, storeSubmission } from '../../../../src/backends/batch-system/local/store-submission.ts';
import { storedRequest } from '../../../../src/backends/batch-system/local/stored-request.ts';
import { runSupervisor, type SupervisorEnd } from '../../../../src/backends/batch-system/local/supervisor.ts';
import type { LiveSubmission } from '../../../../src/backends/batch-system/local/supervision.ts';
import { createSystemClock } from '../../../../src/backends/clock.ts';
import { createHost } from '../../../../src/backends/host.ts';
import { createSystemIds } from '../../../../src/backends/random.ts';
import type { Ids } from '../../../../src/ports/random.ts';
import { until } from '../../../contract/batch-system.contract.ts';
import { smallRequest } from '../../../support/local-batch.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const clock = createSystemClock();
const host = createHost();
const ids = createSystemIds(clock);

const supervise = (root: string, extra: { ids?: Ids; signal?: AbortSignal; log?: (text: string) => void } = {}) =>
  runSupervisor({
    root,
    slots: 2,
    idleMs: 1,
    clock,
    host,
    ids,
    log: () => {},
    signal: new AbortController().signal,
    ...extra,
  });
const withHost = (fn: (layout: HostLayout, root: string) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => {
    const layout = hostLayout(root, host.hostname);
    prepareHost(layout, () => ids.token(5));
    await fn(layout, root);
  });
const store = (layout: HostLayout, script: string, extra = {}): number => {
  const request = storedRequest(
    { ...smallRequest(['unused'], layout.dir), logDir: layout.dir, ...extra },
    clock.nowMs(),
  );
  return storeSubmission(layout, { request, script, environment: { PATH: '/usr/bin:/bin' } }, ids.ulid());
};
const whenThere = (path: string) => until(path, 10_000, async () => (existsSync(path) ? true : undefined));
const tableOf = (layout: HostLayout, number: number) => createSubmissionReader().read(layout, number)!;

describe('supervisor', () => {
  it('runs what is there and ends', () =>
    withHost(async (layout, root) => {
      const number = store(layout, 'exit "$SLURM_ARRAY_TASK_ID"', { array: { count: 3 } });
      expect(await supervise(root)).toBe('nothing to do');
      const { table, final } = tableOf(layout, number);
      expect(final).toBe(true);
      expect([0, 1, 2].map((index) => table.get(index).exit)).toEqual([0, 1, 2]);
      expect(readHolder(layout)).toMatchObject({ process: null });
    }));

  it('takes a submission that arrives in the moment of its leaving', () =>
    withHost(async (layout, root) => {
      let tokens = 0;
      let late: number | null = null;
      // The second token of a term names the file with which the supervisor steps down.
      const sneaking: Ids = {
        ...ids,
        token(length) {
          tokens += 1;
          if (tokens === 2) late = store(layout, 'exit 0');
          return ids.token(length);
        },
      };
      expect(await supervise(root, { ids: sneaking })).toBe('nothing to do');
      expect(late).toBe(1);
      expect(tableOf(layout, 1).final).toBe(true);
    }));

  it('does nothing while another one supervises', () =>
    withHost(async (layout, root) => {
      const ends: Promise<SupervisorEnd>[] = [];
      store(layout, 'sleep 0.3');
      ends.push(supervise(root), supervise(root));
      expect((await Promise.all(ends)).toSorted()).toEqual(['another one supervises', 'nothing to do']);
    }));

  it('is not stopped by a broken submission', () =>
    withHost(async (layout, root) => {
      for (const name of ['1', '2']) mkdirSync(join(layout.jobs, name));
      writeFileSync(join(layout.jobs, '1/request.json'), '{"half');
      mkdirSync(join(layout.jobs, '2/request.json'));
      // Looked at again and again, so that whatever such a look leaves open is left open each time.
      const torn = store(layout, 'exit 0');
      writeFileSync(jobFiles(layout, torn).environment, '{"half');
      const number = store(layout, 'exit 0');
      const logged: string[] = [];
      const stop = new AbortController();
      const end = supervise(root, { signal: stop.signal, log: (text) => logged.push(text) });
      await whenThere(jobFiles(layout, number).ended);
      stop.abort();
      expect(['told to stop', 'nothing to do']).toContain(await end);
      expect(logged.join('\n')).toContain('jobs/1/request.json is not a request');
      expect(logged.join('\n')).toContain('jobs/2: ');
      expect(logged.join('\n')).toContain(`jobs/${torn}: `);
      expect(existsSync(jobFiles(layout, torn).events)).toBe(false);
    }));

  it('lets go of a submission whose directory was removed by hand', () =>
    withHost(async (layout, root) => {
      const started = join(layout.dir, 'started');
      const number = store(layout, `touch ${started}; while [ -e ${layout.jobs}/1 ]; do sleep 0.02; done`);
      const end = supervise(root);
      await whenThere(started);
      rmSync(jobFiles(layout, number).dir, { recursive: true });
      expect(await end).toBe('nothing to do');
    }));

  it('starts a job that depends on a submission nobody remembers', () =>
    withHost(async (layout, root) => {
      const number = store(layout, 'exit 0', { after: [{ id: 'local-zzzzz-7' }, { id: '4711' }] });
      expect(await supervise(root)).toBe('nothing to do');
      expect(tableOf(layout, number).table.get(0).how).toBe('COMPLETED');
    }));

  it('sends a warning only after the start, and none when the limit is shorter than the warning', () =>
    withHost(async (layout, root) => {
      const { resources } = smallRequest(['unused'], '/');
      const script = 'trap "exit 7" USR2; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done';
      const number = store(layout, script, { resources: { ...resources, timeMs: 60_000 }, warnBeforeEndSec: 61 });
      await supervise(root);
      expect(tableOf(layout, number).table.get(0)).toMatchObject({ how: 'COMPLETED', exit: 0 });
    }));
});

describe('environment of an element', () => {
  const submission = (isArray: boolean) =>
    ({
      id: 'local-7k3fq-1',
      environment: { HOME: '/h', SLURM_JOB_ID: 'stale' },
      request: { isArray, count: 4, name: 'n', cwd: '/w', cpus: 8, memoryBytes: 1024 ** 3 + 1, timeMs: 61_000 },
    }) as unknown as LiveSubmission;
  const place = { index: 2, restarts: 0, hostname: 'h', cpus: 2, nowMs: 5_500 };

  it('is Slurm’s', () => {
    expect(elementEnvironment(submission(true), place)).toMatchObject({
      HOME: '/h',
      SLURM_ARRAY_JOB_ID: 'local-7k3fq-1',
      SLURM_ARRAY_TASK_ID: '2',
      SLURM_ARRAY_TASK_COUNT: '4',
      SLURM_ARRAY_TASK_MAX: '3',
      SLURM_JOB_ID: 'local-7k3fq-1_2',
      SLURM_CPUS_PER_TASK: '8',
      SLURM_CPUS_ON_NODE: '2',
      SLURM_MEM_PER_NODE: '1025',
      SLURM_JOB_START_TIME: '5',
      SLURM_JOB_END_TIME: '66',
    });
  });

  it('has a restart count only after a restart, and array variables only in an array', () => {
    expect(elementEnvironment(submission(true), place)).not.toHaveProperty('SLURM_RESTART_COUNT');
    const again = elementEnvironment(submission(false), { ...place, restarts: 2 });
    expect(again).toMatchObject({ SLURM_RESTART_COUNT: '2', SLURM_JOB_ID: 'local-7k3fq-1' });
    expect(Object.keys(again).filter((name) => name.startsWith('SLURM_ARRAY'))).toEqual([]);
  });

  it('inherits nothing of a batch job it was submitted from', () => {
    const inherited = {
      PATH: '/bin',
      SLURM_ARRAY_TASK_ID: '9',
      SLURMD_NODENAME: 'x',
      SBATCH_ACCOUNT: 'a',
      GONE: undefined,
    };
    expect(withoutBatchVariables({ ...inherited, SLURMCTL_LOCAL_ELEMENT: 'y', SLURMCTL_HOME: '/z' })).toEqual({
      PATH: '/bin',
      SLURMCTL_HOME: '/z',
    });
  });
});
