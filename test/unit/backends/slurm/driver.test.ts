import { describe, expect, it } from 'vitest';
import { AppError, isAppError } from '../../../../src/errors/app-error.ts';
import { recorded } from './fixture.ts';
import { submitRequest } from './requests.ts';
import type { BatchSystem } from '../../../../src/ports/batch-system.ts';
import { type Answer, scriptedSlurm } from './scripted-commands.ts';

const failure = async (promise: Promise<unknown>): Promise<AppError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isAppError(error)) throw new Error(`not an AppError: ${String(error)}`);
  return error;
};
const sinceMs = 1_700_000_000_000 - 30 * 60_000;

describe('submit', () => {
  it('sends the rendered command and script, without the variables of a job it may run in', async () => {
    const { system, calls } = scriptedSlurm(
      {},
      {
        PATH: '/usr/bin',
        SLURM_CONF: '/etc/slurm.conf',
        SLURM_ARRAY_TASK_ID: '3',
        SLURMD_NODENAME: 'n1',
        SLURM_JOB_ID: '1',
        SBATCH_ACCOUNT: 'mine',
        SBATCH_WAIT: '1',
        SBATCH_ARRAY_INX: '0-9',
        SQUEUE_STATES: 'RUNNING',
        CONDA_PREFIX: '/conda',
      },
    );
    expect(await system.submit(submitRequest)).toEqual({ id: '4711' });
    const sent = calls.at(-1);
    const { argv, script } = system.render(submitRequest);
    expect(sent?.argv).toEqual(argv);
    expect(sent?.input).toBe(script);
    expect(Object.keys(sent?.env ?? {}).toSorted()).toEqual(['CONDA_PREFIX', 'PATH', 'SBATCH_ACCOUNT', 'SLURM_CONF']);
  });

  it('asks nothing twice for what one submit sends', async () => {
    const { system, lines, pass } = scriptedSlurm();
    const { resources } = submitRequest;
    await system.limits({ resources });
    await system.limits({ resources: { ...resources, cpus: 2 } });
    await system.submit(submitRequest);
    await system.submit(submitRequest);
    await system.limits({ resources });
    const programs = lines().map((line) => line.split(' -')[0]?.split(' ').slice(0, 3).join(' '));
    expect(programs.filter((line) => line !== 'sacctmgr')).toEqual([
      'scontrol show config',
      'scontrol',
      'sinfo',
      'sbatch',
      'sbatch',
    ]);
    pass(30_000);
    await system.limits({ resources });
    expect(lines().filter((line) => line === 'scontrol show config')).toHaveLength(2);
  });

  it('asks for the limits again when a submit was refused', async () => {
    const { system, lines } = scriptedSlurm({ sbatch: { exitCode: 1, stderr: recorded('sbatch-account.err') } });
    const { resources } = submitRequest;
    await system.limits({ resources });
    await failure(system.submit(submitRequest));
    await system.limits({ resources });
    expect(lines().filter((line) => line === 'scontrol show config')).toHaveLength(2);
  });

  it('asks again for what was not answered', async () => {
    let asked = 0;
    const { system } = scriptedSlurm({ sinfo: () => (++asked === 1 ? { exitCode: 1, stderr: 'sinfo: error' } : {}) });
    const { resources } = submitRequest;
    expect((await failure(system.limits({ resources }))).code).toBe('BATCH_BAD_ANSWER');
    expect((await system.limits({ resources })).slots).toBeNull();
  });

  it('asks whether a controller is up that has not answered for a moment, or not at all', async () => {
    const { system, lines, pass } = scriptedSlurm({ squeue: { exitCode: 1, stderr: 'squeue: error: what?' } });
    const pings = () => lines().filter((line) => line === 'scontrol ping').length;
    await failure(system.queued());
    await system.submit(submitRequest);
    expect(pings()).toBe(1);
    pass(9_999);
    await system.submit(submitRequest);
    expect(pings()).toBe(1);
    pass(10_000);
    await system.submit(submitRequest);
    expect(pings()).toBe(2);
  });

  const failing: [string, Answer, (system: BatchSystem) => Promise<unknown>][] = [
    ['sbatch', { exitCode: 1, stderr: recorded('sbatch-account.err') }, (system) => system.submit(submitRequest)],
    ['squeue', { exitCode: 1, stderr: 'squeue: error: what?' }, (system) => system.queued()],
    ['squeue', { ended: 'deadline', exitCode: null }, (system) => system.queued()],
  ];
  it.each(failing)('a controller that has just answered is asked once %s has failed', async (program, answer, run) => {
    let isFailing = false;
    const { system, lines } = scriptedSlurm({
      [program]: () => (isFailing ? answer : { stdout: program === 'sbatch' ? '4711\n' : '' }),
    });
    const pings = () => lines().filter((line) => line === 'scontrol ping').length;
    await system.submit(submitRequest);
    const before = pings();
    isFailing = true;
    await failure(run(system));
    isFailing = false;
    await system.submit(submitRequest);
    expect(pings()).toBe(before + 1);
  });

  it.each(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])(
    'a host that starts nothing more (%s) is tried again',
    async (code) => {
      const full = { ended: 'not-started', exitCode: null, detail: code } as const;
      for (const script of [{ sbatch: full }, { 'scontrol ping': full }]) {
        const error = await failure(scriptedSlurm(script).system.submit(submitRequest));
        expect(error).toMatchObject({ code: 'BATCH_UNREACHABLE', retryable: true });
        expect(error.message).toContain(code);
      }
    },
  );

  it('does not start sbatch when a controller that has just answered is found to be down', async () => {
    let isDown = false;
    const { system, lines } = scriptedSlurm({
      'scontrol ping': () =>
        isDown ? { stdout: recorded('down-scontrol.out'), exitCode: 1 } : { stdout: 'Slurmctld(primary) at a is UP\n' },
    });
    await system.submit(submitRequest);
    isDown = true;
    expect((await system.ping()).ok).toBe(false);
    const before = lines().filter((line) => line.startsWith('sbatch')).length;
    expect((await failure(system.submit(submitRequest))).code).toBe('BATCH_UNREACHABLE');
    expect(lines().filter((line) => line.startsWith('sbatch'))).toHaveLength(before);
  });

  it('does not start sbatch when the controller is down', async () => {
    const { system, lines } = scriptedSlurm({
      'scontrol ping': { stdout: recorded('down-scontrol.out'), exitCode: 1 },
    });
    expect((await failure(system.submit(submitRequest))).code).toBe('BATCH_UNREACHABLE');
    expect(lines()).toEqual(['scontrol ping']);
  });

  it.each([
    ['a kill at the deadline', { ended: 'deadline', exitCode: null }],
    [
      'a stop because it went to sleep',
      {
        ended: 'stopped',
        exitCode: null,
        stderr: 'sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying',
      },
    ],
    ['success without an id', { stdout: 'Have a nice day\n' }],
    ['success with two ids', { stdout: '1\n2\n' }],
    ['failure with an id', { exitCode: 1, stdout: '4711\n', stderr: recorded('sbatch-account.err') }],
    [
      'a lost answer',
      { exitCode: 1, stderr: 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' },
    ],
    ['too much output', { ended: 'too-much-output', exitCode: null }],
  ] as const)('is uncertain after %s', async (_what, answer) => {
    const error = await failure(scriptedSlurm({ sbatch: answer }).system.submit(submitRequest));
    expect(error.code).toBe('BATCH_UNCERTAIN');
    expect(error.message).toContain(submitRequest.name);
  });

  it('names the partitions there are, and the near one', async () => {
    const { system } = scriptedSlurm({ sbatch: { exitCode: 1, stderr: recorded('sbatch-partition.err') } });
    const error = await failure(system.submit({ ...submitRequest, slurm: { partition: 'mian', extra: [] } }));
    expect(error.code).toBe('BATCH_REFUSED');
    expect(error.message).toContain('"mian"');
    expect(error.hint).toBe('Did you mean "main"? Partitions of this cluster: main, short');
    const fromExtra = await failure(system.submit({ ...submitRequest, slurm: { extra: ['--partition=gpu'] } }));
    expect(fromExtra.hint).toBe('Partitions of this cluster: main, short');
    expect(fromExtra.message).toContain('"gpu"');
  });

  it('says that commands are missing', async () => {
    const missing = { ended: 'not-found', exitCode: null } as const;
    for (const script of [{ sbatch: missing }, { 'scontrol ping': missing }]) {
      expect((await failure(scriptedSlurm(script).system.submit(submitRequest))).code).toBe('BATCH_NOT_INSTALLED');
    }
    const { system } = scriptedSlurm({ sbatch: { ended: 'not-started', exitCode: null, detail: 'EACCES' } });
    expect(await failure(system.submit(submitRequest))).toMatchObject({
      code: 'BATCH_NOT_INSTALLED',
      message: expect.stringContaining('EACCES') as string,
    });
  });

  it('waits out limits and does not wait out what the user asked for', async () => {
    const codeFor = async (file: string) =>
      (await failure(scriptedSlurm({ sbatch: { exitCode: 1, stderr: recorded(file) } }).system.submit(submitRequest)))
        .code;
    expect(await codeFor('sbatch-qos-limit.err')).toBe('BATCH_LIMIT');
    expect(await codeFor('sbatch-account.err')).toBe('BATCH_REFUSED');
  });
});

describe('ping', () => {
  it('answers with the version, and never throws', async () => {
    expect(await scriptedSlurm().system.ping()).toEqual({
      ok: true,
      version: '22.05.8',
      detail: 'Slurmctld(primary) at login1 is UP',
    });
    const down = scriptedSlurm({ 'scontrol ping': { stdout: recorded('down-scontrol.out'), exitCode: 1 } });
    expect(await down.system.ping()).toEqual({ ok: false, detail: 'Slurmctld(primary) at login1 is DOWN' });
    const missing = scriptedSlurm({ 'scontrol ping': { ended: 'not-found', exitCode: null } });
    expect(await missing.system.ping()).toMatchObject({ ok: false, detail: expect.stringContaining('scontrol') });
    const backup = 'Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is UP\n';
    expect(await scriptedSlurm({ 'scontrol ping': { stdout: backup } }).system.ping()).toMatchObject({ ok: true });
  });
});

describe('states', () => {
  const handle = { id: '3', count: 12, sinceMs };

  it('asks one squeue for everything, and one sacct for what that leaves open', async () => {
    const { system, lines, calls } = scriptedSlurm({
      squeue: { stdout: recorded('squeue-requeued.out') },
      sacct: { stdout: recorded('sacct-ended.out') },
    });
    const states = await system.states([handle, { id: '15', count: 2, sinceMs }]);
    expect(states).toHaveLength(14);
    expect(lines()).toEqual([
      expect.stringMatching(/^squeue -h -t all --jobs=3,15 -O ArrayJobID:\|,/),
      expect.stringMatching(/^sacct -n -P -X -S now-2hours --jobs=3,15 -o JobID,/),
    ]);
    expect(calls[0]?.env['SLURM_BITSTR_LEN']).toBe('0');
  });

  it('asks nothing about nothing, and no sacct when the queue knows all', async () => {
    const { system, lines } = scriptedSlurm({ squeue: { stdout: recorded('squeue-pending.out') } });
    expect(await system.states([])).toEqual([]);
    await system.states([handle]);
    expect(lines()).toHaveLength(1);
  });

  it('lives without accounting, and with an id the controller has forgotten', async () => {
    const { system } = scriptedSlurm({
      squeue: { exitCode: 1, stderr: 'slurm_load_jobs error: Invalid job id specified\n' },
    });
    expect(await system.states([{ id: '3', count: 1, sinceMs }])).toEqual([
      { id: '3', index: 0, phase: 'unknown', cause: null, rawState: 'UNKNOWN' },
    ]);
  });

  it('lives with a database that is down, but not with a controller that is', async () => {
    const refused = { exitCode: 1, stderr: 'sacct: error: Problem talking to the database: Connection refused\n' };
    const { system } = scriptedSlurm({ sacct: refused });
    expect(await system.states([{ id: '3', count: 1, sinceMs }])).toMatchObject([{ phase: 'unknown' }]);
    const down = scriptedSlurm({ squeue: { exitCode: 1, stderr: recorded('down-squeue.err') } });
    expect((await failure(down.system.states([handle]))).code).toBe('BATCH_UNREACHABLE');
    const odd = scriptedSlurm({ squeue: { exitCode: 1, stderr: 'squeue: error: what?\n' } });
    expect((await failure(odd.system.states([handle]))).code).toBe('BATCH_BAD_ANSWER');
  });

  it('gives up on a command that hangs as soon as a ping says that the controller is down', async () => {
    const { system, timers } = scriptedSlurm({
      'scontrol ping': { stdout: recorded('down-scontrol.out'), exitCode: 1 },
      squeue: ({ signal }) =>
        new Promise((resolve) => {
          signal?.addEventListener('abort', () => resolve({ ended: 'stopped', exitCode: null }));
          timers.shift()?.();
        }),
    });
    const error = await failure(system.states([handle]));
    expect(error.code).toBe('BATCH_UNREACHABLE');
    expect(error.message).toContain('is DOWN');
  });

  it('speaks to each cluster about its own jobs', async () => {
    const { system, lines } = scriptedSlurm();
    await system.states([handle, { id: '8', cluster: 'hpc2', count: 1, sinceMs }]);
    expect(lines().filter((line) => line.startsWith('squeue'))).toEqual([
      expect.not.stringContaining('--clusters'),
      expect.stringContaining('--jobs=8 --clusters=hpc2'),
    ]);
  });

  it('asks for all jobs of the user when a list would be too long', async () => {
    const { system, lines } = scriptedSlurm();
    await system.states(Array.from({ length: 1_001 }, (_unused, at) => ({ id: String(at + 1), count: 1, sinceMs })));
    expect(lines()[0]).toContain('--user=0');
    expect(lines()[0]).not.toContain('--jobs');
  });
});

describe('find', () => {
  const names = ['life.1', 'other.1'];

  it('asks the queue, then accounting for the rest, and takes only exact names', async () => {
    const { system, lines } = scriptedSlurm({
      squeue: {
        stdout: recorded('squeue-requeued.out').replaceAll('life.1', 'life.1x') + '9|N/A|PENDING|0|0|||0:00|other.1|\n',
      },
      sacct: { stdout: recorded('sacct-ended.out') },
    });
    expect(await system.find(names)).toEqual(
      new Map([
        ['other.1', { id: '9' }],
        ['life.1', { id: '3' }],
      ]),
    );
    expect(lines()[1]).toContain('--name=life.1 --user=0');
    expect(await system.find([])).toEqual(new Map());
  });

  it('is not certain of anything while accounting does not answer, but is when there is none', async () => {
    expect(await scriptedSlurm().system.find(names)).toEqual(new Map());
    const down = scriptedSlurm({
      sacct: { exitCode: 1, stderr: 'sacct: error: slurm_persist_conn_open: Connection refused\n' },
    });
    expect((await failure(down.system.find(names))).code).toBe('BATCH_UNREACHABLE');
  });
});

describe('cancel, hold, release, throttle', () => {
  it('compresses indices, and gives waiting elements a record before they vanish', async () => {
    const { system, lines } = scriptedSlurm({ scancel: {}, scontrol: {} });
    await system.cancel({ id: '3' });
    await system.cancel({ id: '3', cluster: 'hpc2' }, [5, 1, 2, 3]);
    await system.cancel({ id: '3' }, []);
    expect(lines()).toEqual([
      'scancel 3',
      'scontrol --clusters=hpc2 hold 3_[1-3,5]',
      'scancel --clusters=hpc2 3_[1-3,5]',
    ]);
  });

  it('cancels element 0 of a plain job, which Slurm does not know by that name', async () => {
    const plain = scriptedSlurm({ scancel: {}, squeue: { stdout: recorded('squeue-mixed.out') } });
    await plain.system.cancel({ id: '16' }, [0]);
    expect(plain.lines().at(-1)).toBe('scancel 16');
    const array = scriptedSlurm({ scancel: {}, scontrol: {}, squeue: { stdout: recorded('squeue-mixed.out') } });
    await array.system.cancel({ id: '17' }, [0]);
    expect(array.lines().at(-1)).toBe('scancel 17_[0]');
  });

  it('finds nothing wrong with jobs that are gone, and much with a controller that is', async () => {
    const gone = { exitCode: 1, stderr: recorded('hold-missing.err') };
    const { system, lines } = scriptedSlurm({
      'scontrol uhold': gone,
      'scontrol release': gone,
      'scontrol update': gone,
      scancel: gone,
    });
    await system.hold({ id: '9' });
    await system.release({ id: '9' });
    await system.setThrottle({ id: '9' }, 4);
    await system.cancel({ id: '9' });
    expect(lines()).toEqual([
      'scontrol uhold 9',
      'scontrol release 9',
      'scontrol update JobId=9 ArrayTaskThrottle=4',
      'scancel 9',
    ]);
    const down = scriptedSlurm({ scancel: { exitCode: 1, stderr: recorded('down-scancel.err') } });
    expect((await failure(down.system.cancel({ id: '9' }))).code).toBe('BATCH_UNREACHABLE');
  });
});

describe('limits', () => {
  const resources = { cpus: 1, memoryBytes: 1000 * 1024 ** 2, timeMs: 60_000 };

  it('reads sizes, slots and times with their sources', async () => {
    const limits = await scriptedSlurm().system.limits({ partition: 'short', resources });
    // The recorded site has MaxJobCount 20: an array above it would never be accepted.
    expect(limits).toMatchObject({ maxArraySize: 20, slots: 8, maxTimeMs: 600_000, maxMemoryBytes: 4000 * 1024 ** 2 });
    expect(limits.sources.map(({ name, value }) => `${name}=${value}`)).toEqual([
      'Slurm version=22.05.8',
      'MaxArraySize=1001',
      'MaxJobCount=20',
      'partition=short',
      'slots=8',
      'MaxTime=10 min',
      'largest memory=4000 MB',
    ]);
  });

  it('takes submit limits from the database where they are enforced', async () => {
    const { system } = scriptedSlurm({
      'sacctmgr -n -P show associations': { stdout: recorded('sacctmgr-assoc-limited.out') },
      'sacctmgr -n -P show qos': { stdout: recorded('sacctmgr-qos-limited.out') },
    });
    const { maxArraySize, maxTimeMs } = await system.limits({ resources });
    expect([maxArraySize, maxTimeMs]).toEqual([5, null]);
  });

  it('takes less memory than the nodes have where the partition or the cluster gives less', async () => {
    const partitions = (text: string) =>
      recorded('partitions.out').replaceAll(/MaxMemPerNode=\S+/g, `MaxMemPerNode=${text}`);
    const config = recorded('config.out').replace(/(MaxMemPerNode\s*=) \S+/, '$1 1500');
    const most = (commands: Parameters<typeof scriptedSlurm>[0]) =>
      scriptedSlurm(commands).system.limits({ resources });
    const byPartition = { 'scontrol -o show partition': { stdout: partitions('2000') } };
    expect((await most(byPartition)).maxMemoryBytes).toBe(2000 * 1024 ** 2);
    expect((await most({ 'scontrol show config': { stdout: config } })).maxMemoryBytes).toBe(1500 * 1024 ** 2);
    expect(
      (await most({ ...byPartition, sinfo: { stdout: 'n1|4|1800|down|\nn2|4|1000|idle|\n' } })).sources.at(-1),
    ).toEqual({
      name: 'largest memory',
      value: '1800 MB',
      from: 'sinfo -p main',
    });
    const memoryBytes = 2001 * 1024 ** 2;
    const big = scriptedSlurm(byPartition).system.limits({ resources: { ...resources, memoryBytes } });
    expect((await failure(big)).message).toBe(
      'resources.memory: 2001 MB is more than partition main allows on a node (2000 MB)',
    );
  });

  it('counts slots by memory as well as CPUs', async () => {
    const memoryBytes = 1500 * 1024 ** 2;
    expect((await scriptedSlurm().system.limits({ resources: { ...resources, memoryBytes } })).slots).toBe(4);
  });

  it('leaves out the nodes to avoid, and refuses when that leaves none to use', async () => {
    const sinfo = { stdout: 'n1|4|4000|idle|\nn2|4|4000|mixed|\nn3|4|4000|down|\n' };
    const { system } = scriptedSlurm({ sinfo });
    expect((await system.limits({ resources, exclude: ['n1'] })).slots).toBe(4);
    expect((await system.limits({ resources, exclude: ['n4'] })).slots).toBe(8);
    const none = await failure(system.limits({ resources, exclude: ['n1', 'n2'] }));
    expect([none.code, none.message]).toEqual([
      'BATCH_REFUSED',
      'no node can be used but those to be avoided (n1, n2)',
    ]);
  });

  it('refuses partitions that do not exist and elements no node can hold', async () => {
    const { system } = scriptedSlurm();
    const partition = await failure(system.limits({ partition: 'shrot', resources }));
    expect([partition.code, partition.hint]).toEqual([
      'BATCH_REFUSED',
      'Did you mean "short"? Partitions of this cluster: main, short',
    ]);
    const size = await failure(system.limits({ resources: { ...resources, cpus: 5 } }));
    expect(size.code).toBe('BATCH_REFUSED');
    expect(size.message).toContain('no node of partition main has 5 CPUs');
    const time = { ...resources, timeMs: 601_000 };
    const long = await failure(system.limits({ partition: 'short', resources: time }));
    expect([long.code, long.message]).toEqual([
      'BATCH_REFUSED',
      'resources.time: 11 min is more than partition short allows (MaxTime 10 min)',
    ]);
    expect((await system.limits({ partition: 'main', resources: time })).maxTimeMs).toBeNull();
    const down = scriptedSlurm({ sinfo: { stdout: 'n1|4|4000|down*|\n' } });
    expect((await down.system.limits({ resources })).slots).toBeNull();
  });

  it('says which command to try when an answer makes no sense', async () => {
    const error = await failure(
      scriptedSlurm({ 'scontrol show config': { stdout: 'hello\n' } }).system.limits({ resources }),
    );
    expect([error.code, error.message]).toEqual([
      'BATCH_BAD_ANSWER',
      'scontrol show config failed: no MaxArraySize in its output',
    ]);
  });
});
