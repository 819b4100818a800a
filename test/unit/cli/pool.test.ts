import { describe, expect, it } from 'vitest';
import type { PoolDocument, PoolFigures, PoolPerson } from '../../../src/app/pool-documents.ts';
import { runInProcess } from './run-cli.harness.ts';

const figures: PoolFigures = {
  name: 'db',
  kind: 'pool',
  slots: 4,
  leaseMs: 60_000,
  words: '4 slots, lease 1 m',
  source: 'job.yaml:12:5 of job embed\u001b[31m by ada@login1',
  setAt: '2026-11-20T23:31:05.000Z',
};

const person = (more: Partial<PoolPerson> = {}): PoolPerson => ({
  job: 'embed-7k3f9q2m',
  node: 'n1',
  priority: 0,
  since: '2026-11-20T23:50:00.000Z',
  forMs: 125_000,
  heardAt: '2026-11-20T23:52:01.000Z',
  silentMs: 4_000,
  ...more,
});

const shown: PoolDocument = {
  schema: 'slurmctl.pool/1',
  figures,
  held: 2,
  turns: null,
  slots: [
    { slot: 0, state: 'held', fence: 17, holder: person(), evictedBy: null },
    { slot: 1, state: 'evicted', fence: 4, holder: person({ node: 'n2' }), evictedBy: 'slurmctl pool evict by bob@n9' },
    { slot: 2, state: 'silent', fence: 3, holder: person({ node: 'n3', silentMs: 70_000 }), evictedBy: null },
    { slot: 3, state: 'free', fence: 0, holder: null, evictedBy: null },
  ],
  waiting: [person({ job: 'vip-cccccccc', priority: 10, forMs: 9_000 }), person({ job: 'evil\njob' })],
  jobs: [{ id: 'embed-7k3f9q2m', name: 'embed', state: 'RUNNING', runningTasks: 200, waitingTasks: 38 }],
};

describe('pool set', () => {
  it('hands the words over as they were typed, and says what became of them', async () => {
    const asked: unknown[] = [];
    const poolSet = async (request: unknown) => {
      asked.push(request);
      return { schema: 'slurmctl.pool-set/1', outcome: 'created', pool: figures, before: null, held: 0 } as const;
    };
    const { code, stdout, stderr } = await runInProcess(['pool', 'set', 'db', '--slots', '4'], { app: { poolSet } });
    expect([code, stdout, stderr]).toEqual([0, 'db is set: 4 slots, lease 1 m\n', 'next: slurmctl pool show db\n']);
    await runInProcess('pool set db --slots 4 --lease 60s'.split(' '), { app: { poolSet } });
    expect(asked).toEqual([
      { name: 'db', words: { slots: '4' } },
      { name: 'db', words: { slots: '4', lease: '60s' } },
    ]);
  });

  it('says what it was before, and how many hold more than there is', async () => {
    const before = { ...figures, words: '20 slots, lease 1 m', source: 'evil\nbob' };
    const document = { schema: 'slurmctl.pool-set/1', outcome: 'changed', pool: figures, before, held: 12 } as const;
    const { stdout } = await runInProcess(['pool', 'set', 'db', '--slots', '4'], {
      app: { poolSet: async () => document },
    });
    expect(stdout).toBe(
      'db is changed: 4 slots, lease 1 m\n' +
        '  before: 20 slots, lease 1 m (evil\\nbob)\n' +
        '  12 slots are held, 8 more than there are: their holders keep them, and nobody takes one before 9 slots came back\n',
    );
  });
});

describe('pool list', () => {
  it('shows a line a pool', async () => {
    const { stdout, stderr } = await runInProcess(['pool', 'list'], {
      app: {
        poolList: async () => ({
          schema: 'slurmctl.pool-list/1',
          pools: [{ figures, held: 2, waiting: 1_200 }],
          groups: [],
        }),
      },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "POOL  HELD  SLOTS  WAITING  LEASE  SET BY
      db       2      4    1,200    1 m  job.yaml:12:5 of job embed\\x1b[31m by ada@login1
      "
    `);
    expect(stderr).toBe('next: slurmctl pool show db\n');
  });

  it('says how to begin where there is none', async () => {
    const { stdout, stderr } = await runInProcess(['pool', 'list'], {
      app: { poolList: async () => ({ schema: 'slurmctl.pool-list/1', pools: [], groups: [] }) },
    });
    expect([stdout, stderr]).toEqual(['', 'no pools; state one with: slurmctl pool set NAME --slots 20\n']);
  });
});

describe('pool show', () => {
  it('shows who holds, who waits and who uses it', async () => {
    const { stdout } = await runInProcess(['pool', 'show', 'db'], { app: { poolShow: async () => shown } });
    expect(stdout).toMatchInlineSnapshot(`
      "pool        db
      figures     4 slots, lease 1 m
      set by      job.yaml:12:5 of job embed\\x1b[31m by ada@login1, 2026-11-20 23:31 UTC
      held        2 of 4 (50%)
      waiting     2 processes, the first for 9 s

      SLOT  STATE    JOB             NODE  HELD FOR         HEARD  FENCE  NOTE
         0  held     embed-7k3f9q2m  n1     2 m 5 s       4 s ago     17
         1  evicted  embed-7k3f9q2m  n2     2 m 5 s       4 s ago      4  taken away by slurmctl pool evict by bob@n9
         2  silent   embed-7k3f9q2m  n3     2 m 5 s  1 m 10 s ago      3  free for the next who asks

      TURN  JOB           NODE  PRIORITY  WAITS FOR
         1  vip-cccccccc  n1          10        9 s
         2  evil\\njob     n1           0    2 m 5 s

      JOB             STATE    RUNNING  WAITING
      embed-7k3f9q2m  RUNNING      200       38
      "
    `);
  });

  it('of a pool that nobody uses says so, and of one that became smaller how many are left over', async () => {
    const idle = { ...shown, held: 0, slots: [], waiting: [], jobs: [] };
    const { stdout } = await runInProcess(['pool', 'show', 'db'], { app: { poolShow: async () => idle } });
    expect(stdout).toContain('held        0 of 4 (0%)\nwaiting     nobody\n\nno live job uses it\n');
    const over = await runInProcess(['pool', 'show', 'db'], { app: { poolShow: async () => ({ ...idle, held: 6 }) } });
    expect(over.stdout).toContain('held        6, 2 more than there are: they were taken when there were more\n');
  });

  it('cuts a long line of waiters', async () => {
    const long = { ...shown, waiting: Array.from({ length: 23 }, () => person()) };
    const { stdout } = await runInProcess(['pool', 'show', 'db'], { app: { poolShow: async () => long } });
    expect(stdout).toContain('and 3 processes more\n');
  });

  it('--watch tells what changed, until it is interrupted', async () => {
    const interrupt = new AbortController();
    const poolWatch = async function* () {
      yield shown;
      yield { ...shown, waiting: shown.waiting.map((waiter) => ({ ...waiter, forMs: waiter.forMs + 2_000 })) };
      yield { ...shown, held: 3, waiting: [] };
      interrupt.abort();
      throw new Error('interrupted');
    };
    const { code, stdout } = await runInProcess(['pool', 'show', 'db', '--watch'], { app: { poolWatch }, interrupt });
    expect([code, stdout]).toEqual([
      130,
      'db: 4 slots, lease 1 m; 2 held (1 taken away), 2 processes wait\n' +
        'db: 4 slots, lease 1 m; 3 held (1 taken away), 0 processes wait\n',
    ]);
  });
});

describe('a group of jobs', () => {
  const group: PoolFigures = {
    ...figures,
    name: 'group:nightly',
    kind: 'group',
    slots: 1,
    leaseMs: null,
    words: '1 job at a time',
  };
  const job = { user: 'ada', since: '2026-11-20T23:50:00.000Z', forMs: 125_000 };
  const turns = {
    running: [{ job: 'a-11111111', state: 'RUNNING', ...job } as const],
    waiting: [
      { job: 'b-22222222', state: 'PAUSED', ...job } as const,
      { job: 'c-33333333', state: null, ...job } as const,
    ],
  };

  it('is listed as one, beside the pools', async () => {
    const groups = [{ figures: group, held: 1, waiting: 2 }];
    const poolList = async () =>
      ({ schema: 'slurmctl.pool-list/1', pools: [{ figures, held: 2, waiting: 0 }], groups }) as const;
    const { stdout } = await runInProcess(['pool', 'list'], { app: { poolList } });
    expect(stdout).toMatchInlineSnapshot(`
      "POOL  HELD  SLOTS  WAITING  LEASE  SET BY
      db       2      4        0    1 m  job.yaml:12:5 of job embed\\x1b[31m by ada@login1

      GROUP OF JOBS  RUNNING  MOST  WAITING  SET BY
      group:nightly        1     1        2  job.yaml:12:5 of job embed\\x1b[31m by ada@login1
      "
    `);
    const alone = await runInProcess(['pool', 'list'], {
      app: { poolList: async () => ({ ...(await poolList()), pools: [] }) },
    });
    expect(alone.stdout).toMatch(/^GROUP OF JOBS/);
    expect(alone.stderr).toBe('next: slurmctl pool show group:nightly\n');
  });

  it('shows whose turn it is, and who is next', async () => {
    const document = { ...shown, figures: group, held: 1, turns, slots: [], waiting: [] };
    const { stdout } = await runInProcess(['pool', 'show', 'group:nightly'], {
      app: { poolShow: async () => document },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "group       group:nightly
      figures     1 job at a time
      set by      job.yaml:12:5 of job embed\\x1b[31m by ada@login1, 2026-11-20 23:31 UTC

      TURN       JOB         STATE    USER      FOR
      runs       a-11111111  RUNNING  ada   2 m 5 s
      waits, 1.  b-22222222  PAUSED   ada   2 m 5 s
      waits, 2.  c-33333333  removed  ada   2 m 5 s
      "
    `);
    const idle = { ...document, turns: { running: [], waiting: [] } };
    const { stdout: nobody } = await runInProcess(['pool', 'show', 'group:nightly'], {
      app: { poolShow: async () => idle },
    });
    expect(nobody).toContain('no job of it runs or waits\n');
  });

  it('is changed and deleted in words of its own', async () => {
    const set = { schema: 'slurmctl.pool-set/1', outcome: 'changed', pool: group, before: group, held: 3 } as const;
    const changed = await runInProcess(['pool', 'set', 'group:nightly', '--slots', '1'], {
      app: { poolSet: async () => set },
    });
    expect(changed.stdout).toContain(
      '  3 jobs run, 2 more than may: they go on, and no other begins before 3 have ended\n',
    );
    const gone = { schema: 'slurmctl.pool-delete/1', figures: group, jobs: [], held: 1, waiting: 2 } as const;
    const deleted = await runInProcess(['pool', 'delete', 'group:nightly', '--force'], {
      app: { poolDelete: async () => gone },
    });
    expect(deleted.stdout).toContain('  1 job of it still runs, 2 jobs of it wait\n');
  });
});

describe('pool delete', () => {
  it('asks for no more than it is told, and names who used it', async () => {
    const asked: unknown[] = [];
    const poolDelete = async (request: unknown) => {
      asked.push(request);
      return { schema: 'slurmctl.pool-delete/1', figures, jobs: ['embed-7k3f9q2m'], held: 1, waiting: 2 } as const;
    };
    const { stdout, stderr } = await runInProcess(['pool', 'delete', 'db', '--force'], { app: { poolDelete } });
    expect(stdout).toContain('db is deleted; it was 4 slots, lease 1 m');
    expect(stdout).toContain('  1 slot is still held, 2 processes wait for nothing\n');
    expect(stderr).toBe('live jobs that name it: embed-7k3f9q2m\n');
    await runInProcess(['pool', 'delete', 'db'], { app: { poolDelete } });
    expect(asked).toEqual([
      { name: 'db', force: true },
      { name: 'db', force: false },
    ]);
  });
});

describe('pool evict', () => {
  const taken = { hearsWithinMs: 20_000, freeAfterMs: 60_000, fence: 4, evictedBy: 'slurmctl pool evict by ada@n9' };

  it.each([
    [['3'], { slot: '3' }],
    [['--job', 'embed'], { job: 'embed' }],
    [['--node', 'n1'], { node: 'n1' }],
  ])('%j is whom to evict', async (argv, whom) => {
    const asked: unknown[] = [];
    const poolEvict = async (request: unknown) => {
      asked.push(request);
      const slots = [
        { slot: 3, outcome: 'evicted', holder: person(), ...taken },
        { slot: 5, outcome: 'already', holder: person({ node: 'n2' }), ...taken },
        { slot: 6, outcome: 'returned', holder: person({ node: 'n3' }), ...taken, evictedBy: null },
      ] as const;
      return { schema: 'slurmctl.pool-evict/1', name: 'db', slots } as const;
    };
    const { stdout } = await runInProcess(['pool', 'evict', 'db', ...argv], { app: { poolEvict } });
    expect(asked).toEqual([{ name: 'db', whom }]);
    expect(stdout).toBe(
      'slot 3 of db is taken away from job embed-7k3f9q2m on n1, which held it for 2 m 5 s\n' +
        'slot 5 of db was taken away from job embed-7k3f9q2m on n2 before, by slurmctl pool evict by ada@n9\n' +
        'slot 6 of db is free: job embed-7k3f9q2m on n3 has just given it back\n' +
        '  their holders hear of it within 20 s and stop; a slot is free when given back, or when its holder was silent for 1 m\n',
    );
  });

  it('promises nothing of the dead', async () => {
    const evict = async (silentMs: number): Promise<string> => {
      const slots = [{ slot: 3, outcome: 'evicted', holder: person({ silentMs }), ...taken }] as const;
      const poolEvict = async () => ({ schema: 'slurmctl.pool-evict/1', name: 'db', slots }) as const;
      return (await runInProcess(['pool', 'evict', 'db', '3'], { app: { poolEvict } })).stdout;
    };
    expect(await evict(61_000)).toBe(
      'slot 3 of db is free for the next who asks: job embed-7k3f9q2m on n1, which had it, was not heard of for 1 m 1 s\n',
    );
    expect(await evict(59_000)).toContain(
      '  its holder hears of it within 20 s and stops; it is free when given back,',
    );
  });

  it.each([[[]], [['3', '--job', 'embed']], [['--job', 'embed', '--node', 'n1']]])(
    '%j is not one whom',
    async (argv) => {
      const { code, stderr } = await runInProcess(['pool', 'evict', 'db', ...argv]);
      expect(code).toBe(2);
      expect(stderr).toContain('to evict, expected one of SLOT, --job and --node');
      expect(stderr).toContain('See who holds what with: slurmctl pool show db');
    },
  );
});
