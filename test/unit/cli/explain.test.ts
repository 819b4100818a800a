import { describe, expect, it } from 'vitest';
import { splitReference } from '../../../src/app/explain-document.ts';
import type { StatusDocument } from '../../../src/app/documents.ts';
import type { ExplainDocument, ExplainedAttempt } from '../../../src/app/explain-documents.ts';
import { nextAfterExplain } from '../../../src/cli/commands/explain.ts';
import { renderExplain } from '../../../src/cli/render/explain.ts';
import { nextAfterStatus, renderStatus } from '../../../src/cli/render/status.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import { finalStatus, JOB, runningStatus } from './documents.fixture.ts';

const view = { style: createStyle(false), width: Infinity, flagged: String };

const attempt: ExplainedAttempt = {
  number: 1,
  generation: 0,
  attempt: '12_0.0',
  end: 'failed',
  node: 'n2',
  startedAt: '2026-11-21T12:00:00.000Z',
  endedAt: '2026-11-21T12:01:00.000Z',
  tookMs: 60_000,
  cause: 'oom',
  explanation: 'the memory was used up',
  detail: 'OUT_OF_MEMORY on n2',
  exitCode: null,
  signal: 9,
  savedItems: 7,
  decision: 'escalate',
  rule: 'built-in rule for oom',
  why: 'tried again with 3.0 GiB',
  charged: true,
  retryAt: '2026-11-21T12:04:30.000Z',
  memoryBytes: 2 * 1024 ** 3,
  timeMs: null,
  suspects: '8-9',
};

const story: ExplainDocument = {
  schema: 'slurmctl.explain/1',
  about: 'item',
  jobId: JOB,
  name: 'licences',
  state: 'RUNNING',
  reason: null,
  job: null,
  task: {
    task: '000012',
    state: 'WAIT',
    generation: 0,
    items: 20,
    attemptsBegun: 1,
    charged: 1,
    attempts: [attempt],
    next: 'its retry is due',
    suspects: '8-9',
    quarantined: null,
    memoryBytes: 3 * 1024 ** 3,
    timeMs: null,
  },
  item: {
    itemId: 'evil\u001b[31m',
    itemIndex: 248,
    number: 8,
    status: 'unfinished',
    from: 'none',
    attempts: null,
    durationMs: null,
    errorClass: null,
    errorMessage: null,
    cause: null,
    explanation: null,
    rule: null,
    standing: 'it is one of the suspects',
  },
};

describe('explain', () => {
  it('tells the story of an item and of its task, with nothing that could move the cursor', () => {
    expect(renderExplain(story, view).split('\n')).toEqual([
      `${JOB} is RUNNING`,
      'item evil\\x1b[31m (#248 of the input) is not finished',
      '  it is one of the suspects',
      '',
      'task 000012 of 20 items: 1 attempt begun, it counts against retry.attempts',
      '  attempt 1 on n2 from 2026-11-21 12:00 UTC for 1 m with 2.0 GiB: failed, signal 9, 7 items saved',
      '    oom: the memory was used up (OUT_OF_MEMORY on n2)',
      '    decided: tried again with 3.0 GiB, at 12:04:30 UTC at the earliest',
      '    by: built-in rule for oom',
      '    suspects afterwards: items 8-9',
      '  suspected of killing attempts: items 8-9 of the task',
      '  its retry is due; it asks for 3.0 GiB',
      '',
    ]);
  });

  it('of an item that was put aside names no try, and of several such items says whose the reason is', () => {
    const { item, task } = story;
    if (item === null || task === null) throw new Error('the story has both');
    const aside = { ...item, status: 'failed', attempts: 0, durationMs: 0 } as const;
    const told = (items: string): string =>
      renderExplain(
        {
          ...story,
          item: aside,
          task: {
            ...task,
            state: 'DONE',
            charged: 0,
            suspects: '3',
            quarantined: { items, cause: 'killed', detail: 'by signal 9' },
          },
        },
        view,
      );
    expect(told('0')).toMatch(/ failed$/m);
    expect(told('0')).toContain('1 attempt begun, none counts against retry.attempts');
    expect(told('0')).toContain('suspected of killing attempts: item 3 of the task');
    expect(told('0')).toContain('quarantined: item 0 of the task (killed: by signal 9)');
    expect(told('0,3')).toContain('quarantined: items 0,3 of the task (the last of them for killed: by signal 9)');
    expect(told('0')).not.toContain('it asks for');
  });

  it('shows what a retry replaced, what a cancel ended, and that no element came', () => {
    const task = story.task as NonNullable<typeof story.task>;
    const bare = { ...attempt, signal: null, suspects: null, retryAt: null, memoryBytes: null };
    const clean = { ...bare, cause: null, explanation: null, detail: null, decision: null, rule: null, charged: null };
    const attempts: ExplainedAttempt[] = [
      { ...clean, end: 'replaced', savedItems: 20, why: '2 items of 1 task run again (ada@n1)' },
      { ...clean, number: 2, end: 'cancelled', why: null, cause: 'cancelled-by-user', explanation: 'it was cancelled' },
      {
        ...bare,
        number: 2,
        end: 'unclaimed',
        startedAt: null,
        tookMs: null,
        node: null,
        cause: 'launch-failed',
        explanation: 'it did not start',
        detail: null,
        rule: 'waves without a claim',
        why: 'given up',
        charged: false,
      },
    ];
    const told = renderExplain({ ...story, about: 'task', item: null, task: { ...task, attempts } }, view).split('\n');
    expect(told.slice(2, 10)).toEqual([
      '  attempt 1 on n2 from 2026-11-21 12:00 UTC for 1 m: committed 20 items',
      '    replaced: 2 items of 1 task run again (ada@n1)',
      '  attempt 2 on n2 from 2026-11-21 12:00 UTC for 1 m: ended by a cancel, 7 items saved',
      '    cancelled-by-user: it was cancelled',
      '  no attempt after attempt 2: no element came to the task, 7 items saved',
      '    launch-failed: it did not start',
      '    decided: given up',
      '    by: waves without a claim',
    ]);
  });

  it('shows a committed result that was found corrupt', () => {
    const task = story.task as NonNullable<typeof story.task>;
    const clean = {
      ...attempt,
      signal: null,
      suspects: null,
      retryAt: null,
      memoryBytes: null,
      decision: null,
      rule: null,
    };
    const corrupt = { ...clean, end: 'corrupt', cause: null, explanation: null, why: null, charged: null } as const;
    const attempts = [{ ...corrupt, detail: 'part.parquet: found \u001bother bytes' }];
    const told = renderExplain({ ...story, about: 'task', item: null, task: { ...task, attempts } }, view).split('\n');
    expect(told.slice(2, 4)).toEqual([
      '  attempt 1 on n2 from 2026-11-21 12:00 UTC for 1 m: committed 7 items',
      '    found corrupt, so its task was opened again: part.parquet: found \\x1bother bytes',
    ]);
  });

  it('of a failed item names the rule that ended its tries, and a retry only where one can help', () => {
    const failed = {
      ...(story.item as NonNullable<typeof story.item>),
      itemId: '7',
      status: 'failed',
      attempts: 3,
      durationMs: 20,
      cause: 'handler-error',
      rule: { name: 'rule 2 (job.yaml:31)', says: 'try again, 3 times at most' },
    } as const;
    const told = renderExplain({ ...story, item: failed }, view);
    expect(told).toContain('failed after 3 tries, the last of 20 ms');
    expect(told).toContain('\n  not tried again by: rule 2 (job.yaml:31) (try again, 3 times at most)\n');
    expect(nextAfterExplain({ ...story, item: failed })).toBe(`echo 7 | slurmctl retry ${JOB} --items -`);
    for (const [itemId, word] of [
      ['-n', '-n'],
      ["it's \\n", `'it'\\''s \\n'`],
    ] as const)
      expect(nextAfterExplain({ ...story, item: { ...failed, itemId } })).toBe(
        `printf '%s\\n' ${word} | slurmctl retry ${JOB} --items -`,
      );
    for (const itemId of ['a\u001b[2Jb', 'two\nlines', ' padded '])
      expect(nextAfterExplain({ ...story, item: { ...failed, itemId } })).toBe(`slurmctl retry ${JOB} --task 12`);
    expect(nextAfterExplain({ ...story, item: { ...failed, cause: 'bad-input' } })).not.toContain('retry');
  });

  it('of a job whose items failed one by one goes on to what groups them', () => {
    const items = { total: 40, succeeded: 22, failed: 18, pending: 0 };
    const of = (failed: number, state: ExplainDocument['state']) =>
      nextAfterExplain({
        ...story,
        about: 'job',
        state,
        job: { items: { ...items, failed }, worst: [] } as unknown as NonNullable<ExplainDocument['job']>,
      });
    expect(of(18, 'FAILED')).toBe(`slurmctl analyze-errors ${JOB}`);
    expect(of(0, 'COMPLETED')).toBe(`slurmctl status ${JOB}`);
    expect(of(18, 'PAUSED')).toBe(`slurmctl resume ${JOB}`);
  });

  it('of a task that nothing has come to does not count attempts', () => {
    const task = { ...(story.task as NonNullable<typeof story.task>), attemptsBegun: 0, charged: 0, attempts: [] };
    const told = renderExplain({ ...story, about: 'task', item: null, task }, view);
    expect(told).toContain('task 000012 of 20 items: no attempt begun\n');
  });

  it('takes a task at the end of the name of its job', () => {
    expect(splitReference('@last/12')).toEqual({ job: '@last', task: 12 });
    expect(splitReference('licences')).toEqual({ job: 'licences' });
    expect(splitReference('a/b')).toEqual({ job: 'a/b' });
  });
});

describe('status', () => {
  const shown = (more: Partial<StatusDocument>): string => renderStatus({ ...runningStatus, ...more }, view);
  it('says what is retried, why, when next, and what it cost', () => {
    const text = shown({
      retries: [
        {
          cause: 'oom',
          tasks: 9,
          undecided: 0,
          firstAt: '2026-11-21T12:04:30.000Z',
          firstInMs: 40_000,
          memoryBytes: 3 * 1024 ** 3,
          timeMs: null,
        },
        { cause: 'node-fail', tasks: 3, undecided: 1, firstAt: null, firstInMs: null, memoryBytes: null, timeMs: null },
      ],
      cost: { attempts: 118, tasks: 100, escalations: 9 },
      quarantinedItems: 1,
      notes: ['40 tasks fail alike'],
      avoidedNodes: [{ node: 'n7', until: '2026-11-21T16:00:00.000Z', why: '5 elements died there' }],
    });
    expect(text).toContain(
      '12 tasks wait: 9 × oom (next with up to 3.0 GiB), 3 × node-fail; the first is due at 12:04:30 UTC (in 40 s); the next advance decides about 1',
    );
    expect(text).toContain('118 attempts for 100 tasks, 9 × with more memory or time');
    expect(text).toContain('1 item that killed attempts');
    expect(text).toContain('40 tasks fail alike');
    expect(text).toContain('n7 until 16:00:00 UTC: 5 elements died there');
  });

  it('says what the workers wait for, and how many of them', () => {
    const tasks = { ...runningStatus.tasks, running: 200 };
    const wait = {
      kind: 'limit',
      name: 'openai',
      tasks: 38,
      nextAt: '2026-11-21T12:04:30.000Z',
      nextInMs: 12_000,
    } as const;
    const nobodyKnows = { kind: 'pool', name: 'db', tasks: 2, nextAt: null, nextInMs: null } as const;
    const text = shown({ tasks, waits: [wait, nobodyKnows] });
    expect(text).toContain(
      'waiting     for openai: 38 of 200 workers, next slot in 12 s\n            for db: 2 of 200 workers\n',
    );
    expect(shown({ tasks, waits: [{ ...wait, nextInMs: 0 }] })).toContain('200 workers, next slot now\n');
  });

  it('says which finished work the output lacks, and what gives it its place', () => {
    expect(shown({ keptResults: 1 })).toContain(
      `kept        1 finished result could not be stored and is kept; to take up: slurmctl advance ${JOB}`,
    );
    const ended = renderStatus({ ...finalStatus('FAILED'), keptResults: 2, lateResults: 3 }, view);
    expect(ended).toContain(
      `2 finished results could not be stored and are kept; to take up: slurmctl aggregate ${JOB}`,
    );
    expect(ended).toContain('late        3 tasks finished after the output was published, which counts their items as');
    expect(ended).toContain(`to publish again: slurmctl aggregate ${JOB}`);
    expect(nextAfterStatus({ ...finalStatus('FAILED'), lateResults: 1 })).toBe(`slurmctl aggregate ${JOB}`);
    expect(shown({})).not.toMatch(/^(kept|late) /m);
  });

  it('gives a note a label where no retry waits above it', () => {
    expect(shown({ retries: [], notes: ['4 of 16 items have failed'] })).toContain('note        4 of 16 items');
  });

  it('of a paused job says what is still running', () => {
    const job = { ...runningStatus.job, state: 'PAUSED', reason: 'paused: lunch (ada@n1)' } as const;
    expect(shown({ job })).toContain('2 tasks: each element stops after the one it is at');
    expect(shown({ job, tasks: { ...runningStatus.tasks, running: 0 } })).toContain('nothing; what waits is held');
  });
});
