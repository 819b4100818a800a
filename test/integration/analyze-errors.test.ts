import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import type { AggregatorDeps } from '../../src/aggregator/deps.ts';
import { loadJob } from '../../src/aggregator/load-job.ts';
import { analyzeErrors } from '../../src/app/analyze-errors.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { criteriaOf } from '../../src/app/retry-criteria.ts';
import { selectItems } from '../../src/app/retry-selection.ts';
import { createColumnar } from '../../src/backends/columnar/duckdb.ts';
import type { Grouping } from '../../src/domain/error-grouping.ts';
import type { ErrorGroup, ErrorGroups } from '../../src/domain/error-groups.ts';
import type { AttemptRecord } from '../../src/domain/history.ts';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import {
  doneKey,
  jobFileKey,
  jobRequestKey,
  outputErrorsKey,
  segmentKey,
  taskManifestKey,
} from '../../src/domain/keys.ts';
import type { ItemOutcome } from '../../src/domain/outcome.ts';
import { countFailed, encodeSegment } from '../../src/domain/segment.ts';
import { breakerKey, historyKey, jobIndexKey, metaKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { failed, succeeded } from '../support/outcomes.ts';
import { carry, createSides } from '../support/spool-job.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
let drivers: Drivers;
beforeEach(async () => {
  job = await openWorkerFixture();
  const { store, state } = job.deps;
  const urls = { home: '/', store: store.rootUrl, state: state.rootUrl, queue: 'file:///q' };
  drivers = { ...job.deps, env: {}, urls, scratch: async () => job.deps.scratch } as unknown as Drivers;
});
afterEach(() => job.close());

const analyze = (by: Grouping = 'fingerprint'): Promise<ErrorGroups> => analyzeErrors(drivers, { job: JOB, by });

async function withAggregator<T>(use: (deps: AggregatorDeps) => Promise<T>): Promise<T> {
  const { store, state, leafParts, scratch, resultFiles, log } = job.deps;
  const columnar = createColumnar({ memoryLimitBytes: 256 * 1024 ** 2 });
  try {
    return await use({ store, state, leafParts, scratch, columnar, resultFiles: async () => resultFiles, log });
  } finally {
    await columnar.close();
  }
}

/** The items that a command of a remedy would run again: its options, as `retry` takes them. */
async function chosenBy({ remedy }: ErrorGroup): Promise<number | null> {
  if (remedy.command === null) return null;
  const [, reference, ...words] = remedy.command.split(' ').slice(1);
  expect(reference).toBe(JOB);
  const names = words.filter((_, at) => at % 2 === 0).map((name) => name.slice(2));
  const wishes = Object.fromEntries(names.map((name, at) => [name, words[2 * at + 1]]));
  const { memory: _memory, time: _time, ...criteria } = wishes;
  return withAggregator(async (deps) => {
    const { items } = await selectItems(deps, await loadJob(deps, JOB), criteriaOf(criteria), null);
    return items;
  });
}

/** Items 2 and 7 of every ten fail, each in its own way; the second kind on every machine, the first with a number in it. */
const TWO_OF_TEN = `export default async ({ n }) => {
  if (n % 10 === 2) throw new TypeError('no row ' + n + ' in /data/' + n + '.csv');
  if (n % 10 === 7) throw Object.assign(new Error('quota of "u' + n + '" is used up'), { name: 'QuotaError' });
  return { n };
};`;

const record = (task: number, number: number, more: Partial<AttemptRecord>): Promise<unknown> =>
  job.deps.state.write(
    historyKey(JOB, taskIdOf(task), number),
    {
      set: {
        attempt: `9_${task}.0`,
        generation: 1,
        node: 'n17',
        startedMs: 1_000,
        endedMs: 61_000,
        cause: 'oom',
        detail: 'killed at 100 of 100 MiB',
        fingerprint: '1feedbeef000',
        savedItems: 0,
        decision: 'retry',
        rule: 'built-in rule for oom',
        why: 'x',
        charged: true,
        ...more,
      } as unknown as StateItem,
    },
    { op: 'item-absent' },
  );

/** Four tasks of ten items: two ran, one was given up for memory, and one is under way with half of its items saved. */
async function fourTasks(): Promise<void> {
  await job.store(TWO_OF_TEN, { tasks: [numbered(0, 10), numbered(10, 10), numbered(20, 10), numbered(30, 10)] });
  for (const number of [2, 3]) await setTask(job.deps.state, number, { state: 'RUNNING' });
  await runElement(job.deps, elementInput());
  const lost = { state: 'DEAD', cause: 'oom', causeDetail: 'killed at 100 of 100 MiB', fingerprint: '1feedbeef000' };
  await setTask(job.deps.state, 2, { ...lost, attempts: 2, charged: 2 });
  await record(2, 1, {});
  await record(2, 2, { endedMs: 121_000 });
  await underWay(3, [failed(32, 'no row 32 in /data/32.csv'), succeeded(33), failed(37, 'no row 37 in /x')]);
}

/** A task whose running attempt saved these outcomes, and has seen one more item fail since. */
async function underWay(number: number, outcomes: readonly ItemOutcome[]): Promise<void> {
  const { store, state } = job.deps;
  const task = taskIdOf(number);
  const attempt = asAttemptId('8_0.0');
  const manifest = JSON.parse(new TextDecoder().decode((await store.get(taskManifestKey(JOB, task))) ?? undefined)) as {
    readonly batch: { readonly sha256: string };
  };
  const header = { task, attempt, seq: 1, generation: 1, batchSha256: manifest.batch.sha256 };
  await store.put(segmentKey(JOB, task, attempt, 1), encodeSegment(header, outcomes));
  const checkpoint = { attempt, seq: 1, items: outcomes.length, failed: countFailed(outcomes) };
  const running = { state: 'RUNNING', owner: attempt, node: 'n3', startedMs: 500, heartbeatMs: 200_000 };
  await setTask(state, number, { ...running, checkpoint, progress: 5, progressFailed: countFailed(outcomes) + 1 });
}

const short = ({ groups }: ErrorGroups) =>
  groups.map(({ title, items, attempts, tasks }) => [title, items, attempts, tasks]);

describe('while a job runs', () => {
  it('failures of results, of tasks that were given up, of checkpoints and of attempts are in one list', async () => {
    await fourTasks();
    const document = await analyze();
    expect(document).toMatchObject({ source: 'tasks', failedItems: 16, failedAttempts: 2, items: 40, unsavedItems: 1 });
    expect(short(document)).toEqual([
      [expect.stringMatching(/^oom: the memory was used up.*killed at <num> of <num> MiB$/), 10, 2, 1],
      ['TypeError: no row <num> in <path>', 4, 0, 3],
      ['QuotaError: quota of <str> is used up', 2, 0, 2],
    ]);
    const [oom, rows] = document.groups;
    expect(oom).toMatchObject({
      nodes: [{ node: 'n17', items: 10, attempts: 2 }],
      firstSeen: '1970-01-01T00:00:01.000Z',
      lastSeen: '1970-01-01T00:02:01.000Z',
      sample: { task: '000002', itemId: '20', attempt: '9_2.0', node: 'n17', taskState: 'DEAD' },
    });
    expect(rows?.sample).toMatchObject({
      itemIndex: 2,
      message: 'no row 2 in /data/2.csv',
      logCommand: `slurmctl logs ${JOB} --item '#2'`,
      explainCommand: `slurmctl explain ${JOB} --item '#2'`,
    });
    expect(rows?.nodes).toEqual([
      { node: 'n1', items: 2, attempts: 0 },
      { node: 'n3', items: 2, attempts: 0 },
    ]);
  });

  it('every command runs again exactly the items it says', async () => {
    await fourTasks();
    for (const by of ['fingerprint', 'cause', 'node', 'time', 'task'] as const)
      for (const group of (await analyze(by)).groups) {
        const { command, commandItems } = group.remedy;
        const running = group.items > 0 && command === null;
        expect(running ? group.sample.taskState : 'ended', `${by} ${group.key}`).toBe(running ? 'RUNNING' : 'ended');
        expect(await chosenBy(group), `${by} ${group.key}: ${command}`).toBe(command === null ? null : commandItems);
      }
  });

  it('an attempt that nobody has decided about yet counts, and so do retries that are held back', async () => {
    await fourTasks();
    const gone = { state: 'WAIT', cause: 'killed', causeDetail: 'signal 9', owner: '8_0.0', signal: 9 };
    await setTask(job.deps.state, 3, gone);
    const breaker = { state: 'OPEN', version: 1, cause: 'oom', example: 'x', tasks: 3, doneSeen: 0, untilMs: 60_000 };
    await job.deps.state.write(breakerKey(JOB, '1feedbeef000'), { set: breaker }, { op: 'item-absent' });
    const document = await analyze();
    expect(document.failedAttempts).toBe(3);
    expect(document.groups.find(({ causes }) => causes[0]?.cause === 'killed')).toMatchObject({
      items: 0,
      attempts: 1,
    });
    expect(document.notes).toEqual([expect.stringContaining('1 of the attempts is not decided about yet')]);
    expect(document.groups[0]?.heldBack).toContain('3 tasks are held back; one tries again at 1970-01-01 00:01 UTC');
  });

  it('what cannot be read of one task leaves the others', async () => {
    await fourTasks();
    const { win } = await job.task(0);
    rmSync(job.deps.store.localPath(doneKey(JOB, taskIdOf(0), win?.attempt ?? asAttemptId('1_0.0'))) as string);
    await setTask(job.deps.state, 3, { checkpoint: { attempt: '8_0.0', seq: 2, items: 9, failed: 3 } });
    const document = await analyze();
    expect(document.failedItems).toBe(12);
    expect(document.notes).toEqual([
      expect.stringMatching(/^failures are missing of task 000000: .*done\.json/),
      'failures are missing of task 000003: its checkpoint cannot be used',
    ]);
  });

  it('a task that is committed while it is read is read as it is then', async () => {
    await fourTasks();
    const before = (await job.task(1)) as unknown as StateItem;
    const stale: TaskItem = { ...(before as unknown as TaskItem), state: 'RUNNING' };
    const { win: _win, ...running } = stale;
    const lost = { attempt: asAttemptId('7_0.0'), seq: 1, items: 3, failed: 2 };
    const { state } = drivers;
    const query: typeof state.query = async function* query(partition, prefix) {
      for await (const row of state.query(partition, prefix))
        yield row.sort === '000001' ? { ...row, item: { ...running, checkpoint: lost } as unknown as StateItem } : row;
    };
    drivers = { ...drivers, state: { ...state, query } };
    expect((await analyze()).failedItems).toBe(16);
  });
});

describe('a job that has ended', () => {
  it('is read from its published errors, or where those are gone from the results of its tasks', async () => {
    await fourTasks();
    await setTask(job.deps.state, 3, { state: 'PENDING' }, ['owner', 'checkpoint', 'progress', 'progressFailed']);
    await runElement(job.deps, elementInput({ index: 1 }));
    const { publication } = await withAggregator((deps) => aggregate(deps, { job: JOB }));
    const published = await analyze();
    expect(published).toMatchObject({ source: 'output', failedItems: 16, failedAttempts: 2, notes: [] });
    rmSync(job.deps.store.localPath(outputErrorsKey(JOB, publication)) as string);
    const unpublished = await analyze();
    expect(unpublished).toEqual({ ...published, source: 'tasks', readAt: unpublished.readAt });
    for (const group of unpublished.groups) expect(await chosenBy(group)).toBe(group.remedy.commandItems);
  });

  it('has no groups when nothing failed, nor while its input is being split', async () => {
    await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 3)] });
    await runElement(job.deps, elementInput());
    const nothing = { failedItems: 0, failedAttempts: 0, groups: [], others: null, notes: [] };
    expect(await analyze()).toMatchObject(nothing);
    await job.deps.state.write(metaKey(JOB), { set: { stage: 'splitting' } }, { op: 'item-present' });
    expect(await analyze('node')).toMatchObject(nothing);
  });

  it('names the size of what fails', async () => {
    const lines = Array.from({ length: 10 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(n >= 6 ? 4_000 : 10) }));
    const code = "export default ({ text }) => { if (text.length > 999) throw new RangeError('too long'); return 1; };";
    await job.store(code, { tasks: [lines] });
    await runElement(job.deps, elementInput());
    expect((await analyze()).groups[0]?.correlations).toEqual([
      { kind: 'size', text: expect.stringContaining('their records are larger: 3.9 KiB'), share: null, expected: null },
    ]);
  });
});

it('the copy of a job in a spool tells what has been carried, and that it can be retried where the spool is', async () => {
  await fourTasks();
  const spool = { store: job.deps.store, state: job.deps.state };
  const { far } = createSides(job.path);
  const index = { name: 'bench', createdMs: 0, live: true };
  await spool.state.write(jobIndexKey(JOB), { set: index }, { op: 'item-absent' });
  for (const key of [jobRequestKey(JOB), jobFileKey(JOB)]) await spool.store.put(key, '{}');
  await carry(spool, far, JOB);
  const copy = { ...drivers, ...far, urls: { ...drivers.urls, store: far.store.rootUrl, state: far.state.rootUrl } };
  const seen = await analyzeErrors(copy, { job: JOB, by: 'cause', seenFrom: 'copy' });
  expect(seen.notes[0]).toMatch(
    /^the job lives in the spool \/scratch\/me\/\.slurmctl\/spool of login1; this is what its copy knows, /,
  );
  expect(seen.failedItems).toBeGreaterThan(0);
  const advice = seen.groups.map(({ remedy }) => [remedy.command, remedy.advice.includes('where its spool is')]);
  expect(advice).toEqual(seen.groups.map(() => [null, true]));
  const here = await analyzeErrors(drivers, { job: JOB, by: 'cause', seenFrom: 'spool' });
  expect(here.groups[0]?.remedy.command).toContain('slurmctl retry');
  const moved = await analyzeErrors(copy, { job: JOB, by: 'cause' });
  expect(moved.groups[0]?.remedy).toMatchObject({
    command: null,
    advice: expect.stringContaining('would not find it'),
  });
});

it('there is nothing to analyze of a job that does not exist', async () => {
  await expect(analyze()).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
});
