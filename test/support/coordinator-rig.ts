import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createIdLedgers, createInputSources } from '../../src/backends/input/index.ts';
import { createFsObjectStore } from '../../src/backends/object-store/fs.ts';
import { createFsRetryQueue } from '../../src/backends/retry-queue/fs.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { createScratch } from '../../src/backends/scratch.ts';
import { createQuietLog } from '../../src/app/quiet-log.ts';
import type { CoordinatorDeps, NewJob } from '../../src/coordinator/needs.ts';
import { readTasks, type Task } from '../../src/coordinator/task-list.ts';
import type { AttemptId, JobId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { retryPlanner } from '../../src/retry/planner.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { StateTable, StateValue } from '../../src/ports/state-table.ts';
import { adoptSpills } from '../../src/worker/adopt-spills.ts';
import type { CrashSwitch } from './crash.ts';
import { openSpillPlaces } from './spill-places.ts';
import { createScriptedBatch, type ScriptedBatch } from './scripted-batch.ts';
import { createSeededIds, createSeededRandom } from './seeded-random.ts';

/** Time that passes only by being slept through. */
export function createSkippingClock(startMs = 1_700_000_000_000): Clock & { skip(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      nowMs += ms;
    },
    after: () => () => undefined,
    every: () => () => undefined,
    skip: (ms) => {
      nowMs += ms;
    },
  };
}

export interface Rig {
  readonly batch: ScriptedBatch;
  readonly clock: ReturnType<typeof createSkippingClock>;
  readonly wanted: NewJob;
  /** The coordinator as a new process sees it; `crash` kills that process at one of its port calls. */
  process(crash?: CrashSwitch): CoordinatorDeps;
  /** Lets the elements that were accepted do their work: commits every claimable task, then ends. */
  work(job: JobId, failing?: (task: Task) => boolean): Promise<void>;
  tasks(job: JobId): Promise<Task[]>;
  /** Jobs aggregated so far. */
  readonly aggregated: JobId[];
}

/** Real files, real input, a scripted batch system and simulated elements. */
export function createRig(
  root: string,
  options: {
    items?: number;
    batchItems?: number;
    slots?: number;
    spec?: Partial<JobSpec>;
    /** Default: on files below `root`. */
    state?: StateTable;
    seed?: number;
  } = {},
): Rig {
  const clock = createSkippingClock();
  const ids = createSeededIds(options.seed ?? 7);
  const batch = createScriptedBatch({ slots: options.slots ?? 3 });
  const input = join(root, 'in.jsonl');
  mkdirSync(root, { recursive: true });
  writeFileSync(input, Array.from({ length: options.items ?? 20 }, (_, n) => `{"n":${n}}\n`).join(''));
  const store = createFsObjectStore({ root: join(root, 'objects'), ids });
  const state = options.state ?? createFsStateTable({ root: join(root, 'state'), ids, clock });
  const queue = createFsRetryQueue({ root: join(root, 'queue'), ids, clock });
  const place = openSpillPlaces(root, ids).shared;
  const aggregated: JobId[] = [];
  const spec = { ...specFor(root, input, options.batchItems ?? 5), ...options.spec };
  const wanted: NewJob = {
    spec,
    backends: { home: root, store: store.rootUrl, state: state.rootUrl, queue: queue.rootUrl, scheduler: 'local' },
    jobText: '',
    handlerSha256: null,
  };
  let processes = 0;
  const alive = new Set<string>();
  const tasks = async (job: JobId): Promise<Task[]> => {
    const found: Task[] = [];
    for await (const task of readTasks(state, job, 1)) found.push(task);
    return found;
  };
  return {
    batch,
    clock,
    wanted,
    aggregated,
    tasks,
    process(crash) {
      processes += 1;
      alive.clear();
      const processName = `host:${processes}:0`;
      alive.add(processName);
      const wrap = <T extends object>(port: T): T => crash?.wrap(port) ?? port;
      return {
        store: wrap(store),
        state: wrap(state),
        queue: wrap(queue),
        batch: wrap(batch),
        inputs: createInputSources(),
        ledgers: createIdLedgers({ scratch: createScratch({ env: {}, ids }) }),
        clock,
        ids,
        random: createSeededRandom(processes),
        host: {
          processName,
          hostname: 'host',
          user: 'ada',
          mayBeAlive: (name) => alive.has(name),
          cpuMs: () => 0,
          maxRssBytes: () => 0,
        },
        log: createQuietLog(),
        version: 'test',
        ownBatchJobId: null,
        planner: retryPlanner,
        aggregate: async ({ job, fenced }) => {
          const all = await tasks(job);
          await fenced();
          aggregated.push(job);
          const failed = all.reduce((sum, task) => sum + (task.win?.failed ?? task.items), 0);
          return {
            publication: 'p',
            failed,
            succeeded: all.reduce((sum, task) => sum + (task.win?.succeeded ?? 0), 0),
          };
        },
        adoptSpilled: async (request) =>
          (await adoptSpills({ store, state, place, log: createQuietLog() }, request)).steps,
        workerCommand: () => ['worker'],
        advanceCommand: () => ['advance'],
        elementLogDir: async () => root,
      };
    },
    async work(job, failing = () => false) {
      const arrays = batch.accepted.filter(({ request }) => request.array !== undefined);
      const element = `${arrays.at(-1)?.handle.id}_0`;
      for (const task of await tasks(job)) {
        if (task.state !== 'PENDING') continue;
        const owner = `${element}.0` as AttemptId;
        const set: Record<string, StateValue> = failing(task)
          ? { state: 'RUNNING', owner, heartbeatMs: clock.nowMs() }
          : { state: 'DONE', win: { attempt: owner, sha256: '', rows: task.items, succeeded: task.items, failed: 0 } };
        await state.write(
          taskKey(job, task.id, 1),
          { set, add: { attempts: 1, charged: 1 } },
          { op: 'equals', path: 'state', value: 'PENDING' },
        );
      }
    },
  };
}

const specFor = (root: string, path: string, batchItems: number): JobSpec => ({
  name: 'rig',
  baseDir: root,
  input: { kind: 'file', path, format: 'jsonl', compression: 'none', onBadRecord: 'stop' },
  batch: { items: batchItems, bytes: 1e6 },
  handler: { kind: 'command', argv: ['true'], concurrency: 1, timeoutMs: 1_000 },
  resources: { cpus: 1, memoryBytes: 1e9, timeMs: 60_000 },
  slurm: { elements: 'auto', extra: [] },
  retry: { items: 1, attempts: 3, backoff: { baseMs: 1_000, maxMs: 60_000 }, tolerate: {} },
  checkpoint: { everyMs: 30_000 },
  output: { mode: 'json' },
});
