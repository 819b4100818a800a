import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptRecord, CorruptRecord, JobEvent } from '../../../../src/domain/history.ts';
import { taskIdOf, type AttemptId, type JobId, type TaskId } from '../../../../src/domain/ids.ts';
import type { JobMeta } from '../../../../src/domain/job-item.ts';
import type { LifecycleEvent } from '../../../../src/domain/lifecycle-event.ts';
import type { TaskItem } from '../../../../src/domain/task-item.ts';
import { newEvents, type EventSources } from '../../../../src/observe/events/collect.ts';

const JOB = 'demo-00000000' as JobId;
const META: JobMeta = {
  state: 'RUNNING',
  stage: 'ready',
  name: 'demo',
  createdMs: 1_000,
  updatedMs: 90_000,
  generation: 0,
  specHash: '',
  scheduler: 'slurm',
  fence: 1,
  tasks: 2,
  items: 10,
  shards: 1,
  wave: 0,
  submittedWave: 0,
};
const TASK: TaskItem = { state: 'PENDING', generation: 0, wave: 0, items: 5, attempts: 0, charged: 0 };
const RECORD: AttemptRecord = {
  attempt: '7_0.0' as AttemptId,
  generation: 0,
  node: 'n1',
  startedMs: 5_000,
  endedMs: 9_000,
  cause: 'oom',
  detail: 'OUT_OF_MEMORY on n1',
  savedItems: 0,
  decision: 'escalate',
  rule: 'built-in rule for oom',
  why: 'it is tried again with 2 GB',
  charged: true,
};

interface Given {
  readonly tasks?: readonly TaskItem[];
  readonly records?: readonly (readonly [TaskId, string, AttemptRecord | CorruptRecord])[];
}

async function* streamed<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

const sources = ({ tasks = [], records = [], ...facts }: Given & Partial<Omit<EventSources, 'tasks' | 'records'>>) => ({
  job: JOB,
  meta: META,
  submissions: [],
  people: new Map(),
  breakers: new Map(),
  avoided: [],
  turns: null,
  ...facts,
  tasks: streamed(tasks.map((item, at) => ({ task: taskIdOf(at), item }))),
  records: streamed(records.map(([task, number, record]) => ({ task, number, record }))),
});
const told = async (given: Parameters<typeof sources>[0]): Promise<LifecycleEvent[]> =>
  newEvents(sources(given), new Set());
const kinds = (events: readonly LifecycleEvent[]): string[] => events.map(({ kind }) => kind);

describe('what people did', () => {
  it('belongs to the generation it was done in, which each retry begins', async () => {
    const did = (kind: JobEvent['kind'], atMs: number): [string, JobEvent] => [
      `p${atMs}`,
      { kind, atMs, text: kind, by: 'ada@login1' },
    ];
    const kept = [did('pause', 1_100), did('retry', 1_200), did('retry', 1_300), did('cancel', 1_400)];
    for (const people of [new Map(kept), new Map(kept.toReversed())]) {
      const events = (await told({ meta: { ...META, generation: 2 }, people })).filter(({ by }) => by !== undefined);
      expect(events.map(({ kind, generation }) => [kind, generation])).toEqual([
        ['paused', 0],
        ['retried', 1],
        ['retried', 2],
        ['cancelled', 2],
      ]);
    }
  });
});

describe('what happened to a task', () => {
  it('is read off its commit, with where and when it ran', async () => {
    const win = {
      attempt: '7_0.0' as AttemptId,
      sha256: '',
      rows: 5,
      succeeded: 4,
      failed: 1,
      ran: { node: 'n1', startedMs: 3_000, finishedMs: 8_000, cpuMs: 1 },
    };
    const events = await told({ tasks: [{ ...TASK, state: 'DONE', attempts: 1, win }] });
    expect(kinds(events)).toEqual(['submitted', 'started', 'task-started', 'task-completed']);
    expect(events.at(-1)).toEqual({
      id: 'task/000000/g0/7_0.0/completed',
      kind: 'task-completed',
      atMs: 8_000,
      exact: true,
      generation: 0,
      text: 'task 000000 was completed: 5 items, 1 of them failed',
      task: '000000',
      attempt: '7_0.0',
      node: 'n1',
      items: 5,
      failedItems: 1,
    });
  });

  it('is a time near it where a commit does not say when', async () => {
    const win = { attempt: '7_0.0' as AttemptId, sha256: '', rows: 1, succeeded: 1, failed: 0 };
    const [, done] = await told({ tasks: [{ ...TASK, state: 'DONE', win }] });
    expect(done).toMatchObject({ kind: 'task-completed', atMs: META.updatedMs, exact: false });
  });

  it('is told apart by what was decided', async () => {
    const records = (
      [
        { ...RECORD },
        { ...RECORD, cause: 'preempted', decision: 'retry' },
        { ...RECORD, decision: 'give-up' },
        {
          corrupt: true,
          attempt: '7_0.0' as AttemptId,
          generation: 0,
          foundMs: 9_500,
          detail: 'x',
          sha256: '',
          rows: 1,
        },
      ] as const
    ).map((record, at) => [taskIdOf(at), '0001', record] as const);
    expect(kinds(await told({ records })).filter((kind) => !kind.endsWith('started'))).toEqual([
      'submitted',
      'task-retrying',
      'task-preempted',
      'task-failed',
      'result-corrupt',
    ]);
  });

  it('begins once, whether the task or the record tells of it', async () => {
    const running = { ...TASK, state: 'RUNNING', owner: '7_0.0' as AttemptId, startedMs: 5_000, node: 'n1' } as const;
    const seen = new Set<string>();
    const first = await newEvents(sources({ tasks: [running] }), seen);
    const later = await newEvents(
      sources({ tasks: [{ ...TASK, state: 'WAIT' }], records: [[taskIdOf(0), '0001', RECORD]] }),
      seen,
    );
    expect(kinds(first)).toEqual(['submitted', 'started', 'task-started']);
    expect(kinds(later)).toEqual(['task-retrying']);
  });

  it('has nothing of an attempt that is named in a task to be claimed again', async () => {
    const left = { ...TASK, generation: 1, owner: '7_0.0' as AttemptId, startedMs: 5_000 };
    expect(kinds(await told({ tasks: [left] }))).toEqual(['submitted']);
  });

  it('names what it waits for', async () => {
    const owner = '7_0.0' as AttemptId;
    const waiting = { kind: 'limit', name: 'api', calls: 3 } as const;
    const events = await told({ tasks: [{ ...TASK, state: 'RUNNING', owner, heartbeatMs: 7_000, waiting }] });
    expect(events.at(-1)).toMatchObject({ kind: 'task-waiting', about: 'limit api', atMs: 7_000, exact: false });
  });
});

describe('what happened to a job', () => {
  it('is told with who did it, what the batch system said, and how it ended', async () => {
    const events = await told({
      meta: { ...META, state: 'FAILED', publication: 'g0-abc', finishedMs: 80_000, reason: '9 of 10 items failed' },
      submissions: [
        {
          id: 's1',
          state: 'ENDED',
          kind: 'array',
          jobName: 'x',
          wave: 0,
          elements: 2,
          offset: 0,
          waveElements: 2,
          createdMs: 1_500,
          submittedMs: 2_000,
          handle: '7',
          throttle: { most: 1, why: 'limit api feeds 1 of 2 elements', atMs: 3_000 },
        },
        {
          id: 's2',
          state: 'REJECTED',
          kind: 'array',
          jobName: 'y',
          wave: 1,
          elements: 2,
          offset: 0,
          waveElements: 2,
          createdMs: 4_000,
          reason: 'QOS',
        },
        {
          id: 's3',
          state: 'SUBMITTED',
          kind: 'finaliser',
          jobName: 'z',
          wave: 1,
          elements: 1,
          offset: 0,
          waveElements: 1,
          createdMs: 1,
          submittedMs: 2,
        },
      ],
      people: new Map([['p1', { kind: 'pause', atMs: 5_000, text: 'lunch', by: 'ada@login1' }]]),
      breakers: new Map([
        [
          'fp',
          {
            state: 'OPEN',
            version: 1,
            cause: 'handler-error',
            example: 'refused',
            tasks: 7,
            doneSeen: 0,
            untilMs: 7_000,
            pauseMs: 1_000,
          },
        ],
      ]),
      avoided: [{ node: 'n3', sinceMs: 6_500, untilMs: 99_000, why: 'elements died' }],
    });
    expect(events.map(({ kind, atMs, exact }) => [kind, atMs, exact])).toEqual([
      ['submitted', 1_000, true],
      ['array-submitted', 2_000, true],
      ['array-throttled', 3_000, true],
      ['array-refused', 4_000, false],
      ['paused', 5_000, true],
      ['failures-held-back', 6_000, true],
      ['node-avoided', 6_500, true],
      ['published', 80_000, true],
      ['failed', 80_000, true],
    ]);
    expect(events.find(({ kind }) => kind === 'paused')).toMatchObject({ by: 'ada@login1', text: 'lunch' });
    expect(events.find(({ kind }) => kind === 'failed')).toMatchObject({ text: '9 of 10 items failed' });
  });

  it('waits for its turn, and has it', async () => {
    const meta = { ...META, group: 'nightly', waitingFor: 'its turn' };
    const entry = { job: JOB, generation: 0, user: 'ada', sinceMs: 2_000 };
    const other = { ...entry, job: 'other-00000000' as JobId };
    const turns = { g: 1, holders: [other], line: [entry] };
    expect(kinds(await told({ meta, turns }))).toEqual(['submitted', 'turn-waiting', 'waiting']);
    expect(
      kinds(await told({ meta: { ...META, group: 'nightly' }, turns: { g: 2, holders: [entry], line: [] } })),
    ).toEqual(['submitted', 'turn-taken']);
  });
});

describe('ids', () => {
  it('are of one event each, and looking twice tells nothing new', async () => {
    const records = [1, 2, 3].map((n) => [taskIdOf(0), `000${n}`, { ...RECORD, endedMs: n }] as const);
    const seen = new Set<string>();
    const events = await newEvents(sources({ records }), seen);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(await newEvents(sources({ records }), seen)).toEqual([]);
  });

  it('make whoever looks in between see each event once, and the same ones', async () => {
    // Each task runs, fails so often, and is completed; a look may come after any step.
    const job = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(job, fc.infiniteStream(fc.boolean()), async (failures, looks) => {
        const tasks: TaskItem[] = failures.map(() => TASK);
        const records: [TaskId, string, AttemptRecord][] = [];
        const seen = new Set<string>();
        const found: string[] = [];
        const look = async (): Promise<void> => {
          found.push(...(await newEvents(sources({ tasks, records }), seen)).map(({ id }) => id));
        };
        const step = async (): Promise<void> => {
          if (looks.next().value) await look();
        };
        for (const [at, times] of failures.entries())
          for (let n = 0; n <= times; n += 1) {
            const attempt = `${n}_${at}.0` as AttemptId;
            const startedMs = 1_000 * n + at;
            tasks[at] = { ...TASK, state: 'RUNNING', owner: attempt, startedMs, attempts: n + 1 };
            await step();
            if (n < times) records.push([taskIdOf(at), `000${n}`, { ...RECORD, attempt, startedMs }]);
            await step();
            const win = {
              attempt,
              sha256: '',
              rows: 5,
              succeeded: 5,
              failed: 0,
              ran: { node: 'n1', startedMs, finishedMs: startedMs + 1, cpuMs: 0 },
            };
            tasks[at] = n < times ? { ...TASK, state: 'WAIT', attempts: n + 1 } : { ...TASK, state: 'DONE', win };
            await step();
          }
        await look();
        const whole = (await told({ tasks, records })).map(({ id }) => id);
        expect(found.toSorted()).toEqual(whole.toSorted());
      }),
      { numRuns: 60 },
    );
  });
});
