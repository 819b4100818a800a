import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownJobs } from '../../src/app/find-job.ts';
import { createQuietLog } from '../../src/app/quiet-log.ts';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import type { AggregatorDeps } from '../../src/aggregator/deps.ts';
import { openOutput, queryOutput } from '../../src/aggregator/read-output.ts';
import { createColumnar } from '../../src/backends/columnar/duckdb.ts';
import { createHandlerHost } from '../../src/backends/handler/index.ts';
import { createLeafParts } from '../../src/backends/leaf-part/index.ts';
import { createSqliteResultFiles } from '../../src/backends/result-file/index.ts';
import { createScratch } from '../../src/backends/scratch.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { discardJob } from '../../src/coordinator/create-job.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { WorkerAssignment } from '../../src/domain/manifest.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { AppError, isAppError } from '../../src/errors/app-error.ts';
import type { BatchSystem } from '../../src/ports/batch-system.ts';
import { runElement } from '../../src/worker/run-element.ts';
import type { ElementInput, WorkerDeps } from '../../src/worker/needs.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { writeFiles } from '../support/cli.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createCrashSwitch, SimulatedCrash } from '../support/crash.ts';
import { hostileObjectStore, hostileRetryQueue, hostileStateTable, type HostileRates } from '../support/hostile.ts';
import { openSpillPlaces } from '../support/spill-places.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { withTempDir } from '../support/temp-dir.ts';

const ITEMS = 24;
/** Of the coordinator, which gives up a pass at the first refusal and comes again. */
const PASSES: HostileRates = { throttle: 0.01, loseAnswer: 0.015, duplicate: 0.2, delay: 0.1 };
/** Of workers, which are patient. */
const WORKERS: HostileRates = { throttle: 0.08, loseAnswer: 0.08, delay: 0.2 };
/** Rounds an element sleeps for that only seemed dead. */
const SLEEP_ROUNDS = 3;
const HANDLER = 'export default ({ n }) => ({ doubled: n * 2 });';

interface World {
  readonly root: string;
  readonly rig: Rig;
  readonly random: ReturnType<typeof createSeededRandom>;
  readonly aggregator: Omit<AggregatorDeps, 'store' | 'state'>;
  readonly worker: Omit<WorkerDeps, 'store' | 'state' | 'clock' | 'host'>;
}

async function openWorld(root: string, seed: number): Promise<World & { close(): Promise<void> }> {
  writeFiles(root, { 'handler.mjs': HANDLER });
  const rig = createRig(root, {
    items: ITEMS,
    batchItems: 4,
    slots: 3,
    spec: {
      handler: { kind: 'module', path: join(root, 'handler.mjs'), concurrency: 2, timeoutMs: 60_000 },
      retry: { items: 1, attempts: 20, backoff: { baseMs: 1_000, maxMs: 5_000 }, tolerate: {} },
      output: { mode: 'columns', columns: { doubled: 'int' } },
    },
  });
  const random = createSeededRandom(seed);
  const columnar = createColumnar({});
  const scratch = createScratch({ env: { SLURMCTL_SCRATCH: root }, ids: rig.process().ids });
  const leafParts = createLeafParts();
  const resultFiles = await createSqliteResultFiles();
  return {
    root,
    rig,
    random,
    aggregator: { columnar, leafParts, scratch, resultFiles: async () => resultFiles, log: createQuietLog() },
    worker: {
      random,
      scratch,
      leafParts,
      resultFiles,
      handlers: createHandlerHost(),
      spills: openSpillPlaces(root, rig.process().ids),
      log: createQuietLog(),
      backoffMs: (_tries, _bounds, chance) => Math.floor(chance * 300),
      stop: new AbortController().signal,
      version: 'test',
    },
    close: () => columnar.close(),
  };
}

/** Also the batch system loses answers and has no room now and then. */
const hostileBatch = (batch: BatchSystem, random: World['random']): BatchSystem => ({
  ...batch,
  async submit(request) {
    if (random.next() < 0.1) throw new AppError('BATCH_LIMIT', { message: 'hostile: no room' });
    const handle = await batch.submit(request);
    if (random.next() < 0.2) throw new AppError('BATCH_UNCERTAIN', { message: 'hostile: answer lost' });
    return handle;
  },
});

/** A coordinator process to which everything outside is unkind. */
function hostileProcess({ rig, random, aggregator }: World): CoordinatorDeps {
  const kind = rig.process();
  const hostile = { random, rates: PASSES };
  const store = hostileObjectStore(kind.store, hostile);
  const state = hostileStateTable(kind.state, hostile);
  return {
    ...kind,
    store,
    state,
    queue: hostileRetryQueue(kind.queue, hostile),
    batch: hostileBatch(kind.batch, random),
    async aggregate({ job, fenced }) {
      const { publication, manifest } = await aggregate({ ...aggregator, store, state }, { job, fenced });
      return { publication, succeeded: manifest.succeeded, failed: manifest.failed };
    },
    workerCommand: (assignment) => [JSON.stringify(assignment)],
  };
}

/** What the elements of a job went through. */
interface Night {
  /** Arrays that were run. */
  readonly done: Set<string>;
  /** Elements that stopped before their commit, were given up, and wake up later. */
  readonly asleep: { readonly round: number; readonly wakeUp: () => Promise<unknown> }[];
  round: number;
  /** Elements that did not come to their own end. */
  lost: number;
}

/** Runs every element of the arrays that were not run yet, all at once. Some die on the way, some only seem dead. */
async function runArrays(world: World, night: Night): Promise<void> {
  const { rig } = world;
  night.round += 1;
  const arrays = rig.batch.accepted.filter(
    ({ request, handle }) => request.array !== undefined && !night.done.has(handle.id),
  );
  const elements = arrays.flatMap(({ request, handle }) => {
    night.done.add(handle.id);
    const assignment = JSON.parse(request.command[0] as string) as WorkerAssignment;
    return Array.from({ length: request.array?.count ?? 0 }, (_, index) =>
      runOne(world, night, { assignment, batchJobId: handle.id, index, restarts: 0, node: 'n1', endsAtMs: null }),
    );
  });
  const lost = (await Promise.all(elements)).filter((end) => end === 'lost').length;
  night.lost += lost;
  rig.batch.endAll(lost === 0 ? {} : { cause: 'node-fail', rawState: 'NODE_FAIL' });
  // By then somebody else has done their work.
  const awake = night.asleep.filter(({ round }) => round + SLEEP_ROUNDS <= night.round);
  for (const sleeper of awake) {
    night.asleep.splice(night.asleep.indexOf(sleeper), 1);
    await sleeper.wakeUp();
  }
}

/** Resolves when the batch system would call the element ended. */
async function runOne({ rig, random, worker }: World, night: Night, input: ElementInput): Promise<'ended' | 'lost'> {
  const kind = rig.process();
  const hostile = { random, rates: WORKERS };
  const store = hostileObjectStore(kind.store, hostile);
  const state = hostileStateTable(kind.state, hostile);
  const at = Math.floor(random.next() * 24);
  const crash = createCrashSwitch(random.next() < 0.5 ? { at, when: at % 2 === 0 ? 'before' : 'after' } : null);
  let fallAsleep = (): void => undefined;
  const asleep = new Promise<'lost'>((resolve) => {
    fallAsleep = () => resolve('lost');
  });
  let sleeps = random.next() < 0.2;
  const sleepy: ObjectStore = {
    ...store,
    async putFile(...args) {
      if (sleeps) {
        sleeps = false;
        await new Promise<void>((resume) => {
          const wakeUp = (): Promise<unknown> => {
            resume();
            return ended;
          };
          night.asleep.push({ round: night.round, wakeUp });
          fallAsleep();
        });
      }
      return store.putFile(...args);
    },
  };
  const deps: WorkerDeps = {
    ...worker,
    store: crash.wrap(sleepy),
    state: crash.wrap(state),
    clock: rig.clock,
    host: kind.host,
  };
  const ended = runElement(deps, input).then(
    () => 'ended' as const,
    (error: unknown) => {
      if (!isAppError(error) && !(error instanceof SimulatedCrash)) throw error;
      return 'lost' as const;
    },
  );
  return Promise.race([ended, asleep]);
}

/** DONE absorbs: the attempt that won stays the one that won. */
async function expectSameWinners({ rig }: World, job: JobId, winners: Map<string, string>): Promise<void> {
  for (const task of await rig.tasks(job)) {
    const before = winners.get(task.id);
    if (before !== undefined) expect(task).toMatchObject({ state: 'DONE', win: { attempt: before } });
    if (task.win !== undefined) winners.set(task.id, task.win.attempt);
  }
}

/** Something outside refused, or an answer was lost: what a person or cron does is to come again. */
const comeAgain = (error: unknown): void => {
  if (!isAppError(error) || !error.retryable) throw error;
};

async function driveToEnd(world: World): Promise<JobId> {
  const { rig } = world;
  const night: Night = { done: new Set(), asleep: [], round: 0, lost: 0 };
  const winners = new Map<string, string>();
  for (let round = 0; round < 150; round += 1) {
    const [known] = await knownJobs(rig.process().state);
    const meta = known === undefined ? null : await readMeta(rig.process().state, known.id);
    if (known === undefined || meta === null || (meta.state === 'FAILED' && meta.submittedWave < 0)) {
      // A submit that was refused while it stored the job removes it, or what can be removed of it; the user submits again.
      if (known !== undefined) await discardJob(rig.process(), known.id);
      await submitJob(hostileProcess(world), rig.wanted, { patienceMs: 0 }).catch(comeAgain);
    } else {
      await expectSameWinners(world, known.id, winners);
      if (isFinalJobState(meta.state) && !known.live && night.asleep.length === 0) {
        // An answer that got lost is resolved: only an element that was lost costs a task an attempt.
        if (night.lost === 0) for (const task of await rig.tasks(known.id)) expect(task.attempts).toBe(1);
        return known.id;
      }
      await advanceJob(hostileProcess(world), { job: known.id, waitLeaseMs: 0, patienceMs: 0 }).catch(comeAgain);
    }
    await runArrays(world, night);
    rig.clock.skip(60_000);
  }
  throw new Error('the job did not end in 150 rounds');
}

async function expectEveryItemOnce({ rig, aggregator }: World, job: JobId): Promise<void> {
  const { store, state } = rig.process();
  expect(await readMeta(state, job)).toMatchObject({ state: 'COMPLETED', items: ITEMS, tasks: ITEMS / 4 });
  const output = await openOutput({ store, scratch: aggregator.scratch }, job);
  const sql = 'select item_index, item_id, status, doubled from results';
  const result = await queryOutput(aggregator, output, sql);
  const rows: (readonly unknown[])[] = [];
  for await (const chunk of result.rows) rows.push(...chunk);
  await result.close();
  await output.dispose();
  expect(rows.map((row) => [Number(row[0]), row[1], row[2], Number(row[3])])).toEqual(
    Array.from({ length: ITEMS }, (_, n) => [n, String(n), 'succeeded', 2 * n]),
  );
  const tasks = await rig.tasks(job);
  expect(tasks.every((task) => task.state === 'DONE' && task.win?.rows === task.items)).toBe(true);
  const names = rig.batch.accepted.map(({ request }) => request.name);
  expect(new Set(names).size, 'nothing is submitted twice under one name').toBe(names.length);
  expect((await readSubmissions(state, job)).filter((row) => row.state === 'SUBMITTED')).toEqual([]);
}

describe('state, store, queue and batch system that refuse and lose answers', () => {
  it.each(Array.from({ length: 20 }, (_, n) => n + 1))('cost time only: seed %i', (seed) =>
    withTempDir(async (root) => {
      const world = await openWorld(root, seed);
      try {
        await expectEveryItemOnce(world, await driveToEnd(world));
      } finally {
        await world.close();
      }
    }),
  );
});
