import { describe, expect, it } from 'vitest';
import type { LimitDocument, LimitFigures } from '../../../src/app/limit-documents.ts';
import { submitted } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const figures: LimitFigures = {
  name: 'openai',
  rates: [
    { unit: 'requests', amount: 3_000, perMs: 60_000, rate: '3000/min' },
    { unit: 'tokens', amount: 250_000, perMs: 60_000, rate: '250k/min' },
  ],
  quotas: [{ unit: 'requests', amount: 1_000_000, every: 'day', zone: 'Europe/Berlin' }],
  burstMs: 2_000,
  mode: 'statistical',
  words: 'requests 3000/min, tokens 250k/min, burst 2s, daily requests 1M (Europe/Berlin)',
  source: 'job.yaml:12:5 of job embed\u001b[31m by ada@login1',
  setAt: '2026-11-20T23:31:05.000Z',
};

const shown: LimitDocument = {
  schema: 'slurmctl.limit/1',
  figures,
  share: 0.7,
  answers429: 1_234,
  since: '2026-11-20T23:31:05.000Z',
  refusals: 3,
  refusedAt: '2026-11-20T23:59:05.000Z',
  soldUntil: '2026-11-21T00:00:12.000Z',
  soldAheadMs: 12_000,
  sold: [
    { unit: 'requests', units: 81_234, perSec: 34.3, statedPerSec: 50, ofPerSec: 34.65 },
    { unit: 'tokens', units: 4_000_000, perSec: null, statedPerSec: 4_166.7, ofPerSec: 2_887.5 },
  ],
  windows: [
    {
      unit: 'requests',
      amount: 1_000_000,
      used: 81_234,
      every: 'day',
      zone: 'Europe/Berlin',
      from: '2026-11-19T23:00:00.000Z',
      until: '2026-11-20T23:00:00.000Z',
    },
  ],
  jobs: [
    {
      id: 'embed-7k3f9q2m',
      name: 'embed',
      state: 'RUNNING',
      runningTasks: 200,
      waitingTasks: 38,
      nextAt: '2026-11-21T00:00:03.000Z',
    },
  ],
  workers: [
    {
      job: 'embed-7k3f9q2m',
      task: '000012',
      node: 'n1',
      held: { units: 140, unit: 'requests', until: '2026-11-21T00:00:12.000Z' },
      waitingCalls: 16,
      nextAt: '2026-11-21T00:00:08.000Z',
      had: 1_512,
      silentMs: 9_000,
    },
    {
      job: 'embed-7k3f9q2m',
      task: '000013',
      node: null,
      held: null,
      waitingCalls: 0,
      nextAt: null,
      had: 1_498,
      silentMs: 21_000,
    },
  ],
  moreWorkers: 0,
};

describe('limit set', () => {
  it('hands the words over as they were typed, and says what became of them', async () => {
    const asked: unknown[] = [];
    const limitSet = async (request: unknown) => {
      asked.push(request);
      return { schema: 'slurmctl.limit-set/1', outcome: 'created', limit: figures, before: null } as const;
    };
    const argv =
      'limit set openai --rate 3000/min --tokens 250k/min --unit a=1/s --burst 2s --daily 1M --daily tokens=2M';
    const { code, stdout, stderr } = await runInProcess(argv.split(' '), { app: { limitSet } });
    expect(asked).toEqual([
      {
        name: 'openai',
        words: {
          rate: '3000/min',
          tokens: '250k/min',
          unit: ['a=1/s'],
          burst: '2s',
          hourly: [],
          daily: ['1M', 'tokens=2M'],
          monthly: [],
        },
      },
    ]);
    expect([code, stdout, stderr]).toEqual([
      0,
      `openai is set: ${figures.words}\n`,
      'next: slurmctl limit show openai\n',
    ]);
  });

  it('says what a changed limit was before, and by whom', async () => {
    const before = { ...figures, words: 'requests 5/s', source: 'evil\nbob' };
    const document = { schema: 'slurmctl.limit-set/1', outcome: 'changed', limit: figures, before } as const;
    const { stdout } = await runInProcess(['limit', 'set', 'openai', '--rate', '1/s'], {
      app: { limitSet: async () => document },
    });
    expect(stdout).toBe(`openai is changed: ${figures.words}\n  before: requests 5/s (evil\\nbob)\n`);
  });
});

describe('limit list', () => {
  it('shows a line a limit', async () => {
    const limits = [
      { figures, share: 1, soldAheadMs: 0, answers429: 0, refusals: 0 },
      { figures, share: 0.7, soldAheadMs: 12_000, answers429: 1_234, refusals: 3 },
    ];
    const { stdout, stderr } = await runInProcess(['limit', 'list'], {
      app: { limitList: async () => ({ schema: 'slurmctl.limit-list/1', limits }) },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "LIMIT   FIGURES                                                                          SHARE  AHEAD   429S  LOWERED  SET BY
      openai  requests 3000/min, tokens 250k/min, burst 2s, daily requests 1M (Europe/Berlin)   100%             0        0  job.yaml:12:5 of job embed\\x1b[31m by ada@login1
      openai  requests 3000/min, tokens 250k/min, burst 2s, daily requests 1M (Europe/Berlin)    70%   12 s  1,234        3  job.yaml:12:5 of job embed\\x1b[31m by ada@login1
      "
    `);
    expect(stderr).toBe('next: slurmctl limit show openai\n');
  });

  it('says how to begin where there is none', async () => {
    const { stdout, stderr } = await runInProcess(['limit', 'list'], {
      app: { limitList: async () => ({ schema: 'slurmctl.limit-list/1', limits: [] }) },
    });
    expect([stdout, stderr]).toEqual(['', 'no limits; state one with: slurmctl limit set NAME --rate 3000/min\n']);
  });
});

describe('limit show', () => {
  it('shows what it sells, what is left and who waits', async () => {
    const { stdout } = await runInProcess(['limit', 'show', 'openai'], { app: { limitShow: async () => shown } });
    expect(stdout).toMatchInlineSnapshot(`
      "limit       openai
      figures     requests 3000/min, tokens 250k/min, burst 2s, daily requests 1M (Europe/Berlin)
      set by      job.yaml:12:5 of job embed\\x1b[31m by ada@login1, 2026-11-20 23:31 UTC
      sells       requests 35/s (69% of 50/s), tokens 2,888/s (69% of 4,167/s): the provider refused calls, and it grows back
      429s        about 1,234 since 2026-11-20 23:31 UTC, 3 lowerings, lately at 2026-11-20 23:59 UTC
      ahead       sold for the next 12 s
      sold        81,234 requests in all; 34/s of 35/s (98%)
                  4,000,000 tokens in all
      quotas      81,234 of 1M requests today (8%), anew at 2026-11-20 23:00 UTC (Europe/Berlin)

      JOB             STATE    RUNNING  WAITING  NEXT TURN (UTC)
      embed-7k3f9q2m  RUNNING      200       38  00:00:03

      JOB             TASK    NODE  HOLDS  UNTIL     WAITING  NEXT        HAD     HEARD
      embed-7k3f9q2m  000012  n1      140  00:00:12       16  00:00:08  1,512   9 s ago
      embed-7k3f9q2m  000013                                            1,498  21 s ago
      "
    `);
  });

  it('of a limit that nobody uses says so', async () => {
    const idle = {
      ...shown,
      share: 1,
      refusals: 0,
      refusedAt: null,
      soldUntil: null,
      soldAheadMs: 0,
      windows: [],
      jobs: [],
      workers: [],
      answers429: 0,
    };
    const { stdout } = await runInProcess(['limit', 'show', 'openai'], { app: { limitShow: async () => idle } });
    expect(stdout).toContain('sells       requests 35/s (69% of 50/s), tokens 2,888/s (69% of 4,167/s)\n');
    expect(stdout).toContain('ahead       nothing was sold yet\n');
    expect(stdout).toContain('no live job uses it\n');
    expect(stdout).not.toContain('429s');
  });

  it('shows no more workers than a screen holds, and says how many there are', async () => {
    const [worker] = shown.workers as [LimitDocument['workers'][number]];
    const unit = { ...worker, held: { units: 9, unit: 'tokens', until: '2026-11-21T00:00:12.000Z' } };
    const workers = Array.from({ length: 30 }, (_, at) => ({ ...unit, task: `t${at}` }));
    const { stdout } = await runInProcess(['limit', 'show', 'openai'], {
      app: { limitShow: async () => ({ ...shown, workers, moreWorkers: 5 }) },
    });
    expect(stdout.match(/ t\d+ .* 9 tokens /g)).toHaveLength(20);
    expect(stdout).toContain('and 15 more workers with less; see --json\n');
  });

  it('--json prints the document as it is', async () => {
    const { stdout } = await runInProcess(['limit', 'show', 'openai', '--json'], {
      app: { limitShow: async () => shown },
    });
    expect(JSON.parse(stdout)).toEqual(shown);
  });

  const looks = async function* (...documents: LimitDocument[]) {
    for (const document of documents) yield document;
    interrupt.abort();
    throw new Error('interrupted');
  };
  let interrupt = new AbortController();

  it('--watch tells what changed, until it is interrupted', async () => {
    interrupt = new AbortController();
    const limitWatch = () => looks(shown, { ...shown, soldAheadMs: 11_000 }, { ...shown, refusals: 4 });
    const { code, stdout } = await runInProcess(['limit', 'show', 'openai', '--watch'], {
      app: { limitWatch },
      interrupt,
    });
    expect(code).toBe(130);
    expect(stdout).toBe(
      `openai: ${figures.words}; sells requests 35/s (69% of 50/s), tokens 2,888/s (69% of 4,167/s), 12 s ahead; 38 of 200 tasks wait; 429s: about 1,234, 3 lowerings\n` +
        `openai: ${figures.words}; sells requests 35/s (69% of 50/s), tokens 2,888/s (69% of 4,167/s), 12 s ahead; 38 of 200 tasks wait; 429s: about 1,234, 4 lowerings\n`,
    );
  });

  it('--watch --json prints a document a line', async () => {
    interrupt = new AbortController();
    const argv = ['limit', 'show', 'openai', '--watch', '--json'];
    const { stdout } = await runInProcess(argv, { app: { limitWatch: () => looks(shown, shown) }, interrupt });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([shown, shown]);
  });
});

describe('limit delete', () => {
  it('asks for no more than it is told, and names the jobs that used it', async () => {
    const asked: unknown[] = [];
    const limitDelete = async (request: unknown) => {
      asked.push(request);
      return { schema: 'slurmctl.limit-delete/1', figures, jobs: ['embed-7k3f9q2m'] } as const;
    };
    const { stdout, stderr } = await runInProcess(['limit', 'delete', 'openai', '--force'], { app: { limitDelete } });
    expect(stdout).toContain('openai is deleted; it was requests 3000/min');
    expect(stderr).toBe(
      'live jobs that name it: embed-7k3f9q2m\n' +
        'their workers fail until it is set again: slurmctl limit set openai --rate 3000/min --tokens 250k/min --burst 2s --daily 1M --zone Europe/Berlin\n',
    );
    await runInProcess(['limit', 'delete', 'openai'], { app: { limitDelete } });
    expect(asked).toEqual([
      { name: 'openai', force: true },
      { name: 'openai', force: false },
    ]);
  });
});

describe('the family of limit commands', () => {
  it.each([[['limit', '--help']], [['help', 'limit']]])('%j lists its members', async (argv) => {
    const { code, stdout } = await runInProcess(argv);
    expect(code).toBe(0);
    for (const member of ['set', 'list', 'show', 'delete']) expect(stdout).toMatch(new RegExp(`^  ${member} `, 'm'));
  });

  it.each([
    [['limit'], 'a command is missing', 'See: slurmctl limit --help'],
    [['limit', 'shwo', 'x'], "unknown command 'shwo'", 'Did you mean show? See: slurmctl limit --help'],
    [['limit', 'show'], "missing required argument 'NAME'", 'See: slurmctl limit show --help'],
    [['limits', 'list'], "unknown command 'limits'", 'Did you mean limit? See: slurmctl --help'],
    [['pool', 'list', 'status'], "too many arguments for 'list'", 'See: slurmctl pool list --help'],
    [['pool', 'status'], "unknown command 'status'", 'See: slurmctl pool --help'],
    [['limit', 'list', '--al'], "unknown option '--al'", 'See: slurmctl limit list --help'],
  ])('%j points at the right page', async (argv, message, hint) => {
    const { code, stderr } = await runInProcess(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });
});

it('submit says which figures became those of the site', async () => {
  const limits = [
    { name: 'openai', figures: 'requests 5/s', isNew: true, source: 'job.yaml:4:5' },
    { name: 'old', figures: 'requests 1/s', isNew: false, source: 'bob' },
  ];
  const pools = [
    { name: 'db', slots: 20, isNew: true, source: 'job.yaml:6:5' },
    { name: 'old', slots: 1, isNew: false, source: 'bob' },
  ];
  const { stderr } = await runInProcess(['submit', 'job.yaml'], {
    app: { submit: async () => ({ ...submitted, limits, pools }) },
  });
  expect(stderr).toContain('pool db is set for this site: 20 slots\n');
  expect(stderr).not.toContain('pool old');
  expect(stderr).toContain('limit openai is set for this site: requests 5/s\n');
  expect(stderr).not.toContain('limit old');
});
