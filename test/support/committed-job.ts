import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createColumnar } from '../../src/backends/columnar/duckdb.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createLeafParts } from '../../src/backends/leaf-part/index.ts';
import { createFsObjectStore } from '../../src/backends/object-store/fs.ts';
import { createSystemIds } from '../../src/backends/random.ts';
import { createSqliteResultFiles } from '../../src/backends/result-file/index.ts';
import { createScratch } from '../../src/backends/scratch.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { mapBounded } from '../../src/aggregator/bounded.ts';
import type { AggregatorDeps } from '../../src/aggregator/deps.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';
import { asAttemptId, asJobId, taskIdOf, type JobId, type TaskId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import type { BackendUrls, JobSpec } from '../../src/domain/job-spec.ts';
import {
  batchKey,
  doneKey,
  jobManifestKey,
  partKey,
  resultsKey,
  segmentKey,
  taskManifestKey,
} from '../../src/domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type JobManifest, type TaskManifest } from '../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../src/domain/outcome.ts';
import type { OutputSpec } from '../../src/domain/output-columns.ts';
import { encodeSegment } from '../../src/domain/segment.ts';
import { metaKey, shardCount, taskKey, type StateKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { Log } from '../../src/ports/log.ts';
import type { StateItem } from '../../src/ports/state-table.ts';

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export type Observed = NonNullable<DoneManifest['observed']>;

export interface CommittedJob {
  readonly job: JobId;
  readonly deps: AggregatorDeps;
  /** Messages logged as warnings. */
  readonly warnings: string[];
  commit(
    task: number,
    outcomes: readonly ItemOutcome[],
    options?: { readonly observed?: Observed; readonly done?: Partial<DoneManifest> },
  ): Promise<DoneManifest>;
  giveUp(
    task: number,
    item: Pick<TaskItem, 'state' | 'cause' | 'causeDetail' | 'attempts'>,
    saved?: { readonly segments: readonly (readonly ItemOutcome[])[]; readonly observed?: Observed },
  ): Promise<void>;
  setTask(task: number, item: Partial<TaskItem>): Promise<void>;
  /** Path of a stored object. */
  path(key: string): string;
}

export interface JobShape {
  readonly output: OutputSpec;
  /** Items of each task. */
  readonly tasks: readonly number[];
  /** Field of the batch lines that is the item's id. */
  readonly id?: string;
  /** Batch line of an item; default `{"id":"item-<index>"}`. */
  readonly line?: (index: number) => string;
  readonly bad?: TaskManifest['bad'];
}

const ATTEMPT = asAttemptId('77_0.0');

/** A submitted job on real file system drivers, whose tasks the test commits or gives up as it likes. */
export async function makeJob(root: string, shape: JobShape): Promise<CommittedJob> {
  const job = asJobId('test-00000000');
  const ids = createSystemIds(createSystemClock());
  const store = createFsObjectStore({ root: join(root, 'objects'), ids });
  const state = createFsStateTable({ root: join(root, 'state'), ids, clock: createSystemClock() });
  mkdirSync(join(root, 'scratch'), { recursive: true });
  const scratch = createScratch({ env: { SLURMCTL_SCRATCH: join(root, 'scratch') }, ids });
  const leafParts = createLeafParts();
  const warnings: string[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: (message) => void warnings.push(message),
    error() {},
    child: () => log,
  };
  const shards = shardCount(shape.tasks.length);
  const items = shape.tasks.reduce((sum, count) => sum + count, 0);
  const { manifest, spec } = jobManifest({ job, root, shape, items, shards });
  const line = shape.line ?? ((index) => JSON.stringify({ id: `item-${index}` }));
  const manifests: TaskManifest[] = [];
  const bodies: string[] = [];
  let next = 0;
  for (const [number, count] of shape.tasks.entries()) {
    const task = taskIdOf(number);
    const body = Array.from({ length: count }, (_none, n) => `${line(next + n)}\n`).join('');
    const batch = { key: batchKey(job, task), sha256: sha256(body), bytes: Buffer.byteLength(body) };
    manifests.push({ schema: MANIFEST_SCHEMAS.task, task, batch, firstItem: next, items: count, bad: shape.bad ?? [] });
    bodies.push(body);
    next += count;
  }
  await mapBounded(manifests, 32, async (taskManifest, number) => {
    await store.put(taskManifest.batch.key, bodies[number] as string);
    await store.put(taskManifestKey(job, taskManifest.task), JSON.stringify(taskManifest));
  });
  await store.put(jobManifestKey(job), JSON.stringify(manifest));
  const meta: JobMeta = {
    state: 'AGGREGATING',
    stage: 'ready',
    name: spec.name,
    createdMs: 1,
    updatedMs: 1,
    generation: 1,
    specHash: manifest.specHash,
    scheduler: 'local',
    fence: 1,
    tasks: shape.tasks.length,
    items,
    shards,
    wave: 0,
    submittedWave: 0,
  };
  const put = async (key: StateKey, item: object): Promise<void> => {
    await state.write(
      key,
      { set: item as StateItem },
      { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] },
    );
  };
  await put(metaKey(job), meta);
  await state.createMany(
    shape.tasks.map((count, number) => ({
      key: taskKey(job, taskIdOf(number), shards),
      item: { state: 'RUNNING', generation: 1, wave: 0, items: count, attempts: 1, charged: 1 },
    })),
  );
  const setTask = (task: number, item: Partial<TaskItem>): Promise<void> =>
    put(taskKey(job, taskIdOf(task), shards), item);
  return {
    job,
    deps: {
      store,
      state,
      columnar: createColumnar({ memoryLimitBytes: 512 * 1024 ** 2 }),
      leafParts,
      scratch,
      resultFiles: createSqliteResultFiles,
      log,
    },
    warnings,
    path: (key) => store.localPath(key) as string,
    setTask,
    async commit(number, outcomes, options = {}) {
      const task = taskIdOf(number);
      const local = join(root, ids.token(10));
      await leafParts.write(local, outcomes, shape.output);
      const part = await store.putFile(partKey(job, task, ATTEMPT), local);
      writeFileSync(local, `sqlite of ${task}`);
      const results = await store.putFile(resultsKey(job, task, ATTEMPT), local);
      const failed = outcomes.filter(({ status }) => status === 'failed').length;
      const done: DoneManifest = {
        schema: MANIFEST_SCHEMAS.done,
        job,
        task,
        attempt: ATTEMPT,
        generation: 1,
        batchSha256: (manifests[number] as TaskManifest).batch.sha256,
        rows: outcomes.length,
        succeeded: outcomes.length - failed,
        failed,
        firstItem: (manifests[number] as TaskManifest).firstItem,
        files: { part, results, log: null },
        ...(options.observed === undefined ? {} : { observed: options.observed }),
        timings: { startedMs: 1, finishedMs: 2, cpuMs: 1, resumedItems: 0 },
        node: 'n1',
        version: '0.0.0',
        ...options.done,
      };
      const sealed = await store.put(doneKey(job, task, ATTEMPT), JSON.stringify(done));
      await setTask(number, {
        state: 'DONE',
        win: {
          attempt: ATTEMPT,
          sha256: sealed.sha256,
          rows: done.rows,
          succeeded: done.succeeded,
          failed: done.failed,
        },
      });
      return done;
    },
    async giveUp(number, item, saved) {
      const task = taskIdOf(number);
      if (saved !== undefined)
        await putSegments(store, { job, task, saved, batchSha256: (manifests[number] as TaskManifest).batch.sha256 });
      const savedItems = saved?.segments.flat().length ?? 0;
      await setTask(number, {
        ...item,
        ...(saved === undefined
          ? {}
          : { checkpoint: { attempt: ATTEMPT, seq: saved.segments.length, items: savedItems } }),
      });
    },
  };
}

async function putSegments(
  store: AggregatorDeps['store'],
  {
    job,
    task,
    saved,
    batchSha256,
  }: {
    job: JobId;
    task: TaskId;
    saved: { readonly segments: readonly (readonly ItemOutcome[])[]; readonly observed?: Observed };
    batchSha256: string;
  },
): Promise<void> {
  for (const [at, outcomes] of saved.segments.entries()) {
    const header = {
      task,
      attempt: ATTEMPT,
      seq: at + 1,
      generation: 1,
      batchSha256,
      ...(saved.observed === undefined ? {} : { observed: saved.observed }),
    };
    await store.put(segmentKey(job, task, ATTEMPT, at + 1), encodeSegment(header, outcomes));
  }
}

function jobManifest({
  job,
  root,
  shape,
  items,
  shards,
}: {
  job: JobId;
  root: string;
  shape: JobShape;
  items: number;
  shards: number;
}): { manifest: JobManifest; spec: JobSpec } {
  const spec: JobSpec = {
    name: 'test',
    baseDir: root,
    input: {
      kind: 'file',
      path: join(root, 'in.jsonl'),
      format: 'jsonl',
      compression: 'none',
      onBadRecord: 'stop',
      ...(shape.id === undefined ? {} : { id: shape.id }),
    },
    batch: { items: 10, bytes: 1024 },
    handler: { kind: 'command', argv: ['true'], concurrency: 1, timeoutMs: 1000 },
    resources: { cpus: 1, memoryBytes: 1, timeMs: 1 },
    slurm: { elements: 'auto', extra: [] },
    retry: { items: 1, attempts: 1, backoff: { baseMs: 1, maxMs: 1 }, tolerate: {} },
    checkpoint: { everyMs: 1000 },
    output: shape.output,
  };
  const backends: BackendUrls = {
    home: root,
    store: 'file:///s',
    state: 'file:///t',
    queue: 'file:///q',
    scheduler: 'local',
  };
  const manifest: JobManifest = {
    schema: MANIFEST_SCHEMAS.job,
    job,
    createdMs: 1,
    spec,
    backends,
    specHash: sha256(canonicalJson({ spec, backends })),
    inputDigest: 'd'.repeat(64),
    handlerSha256: null,
    counts: { items, tasks: shape.tasks.length, bytes: 1, badRecords: 0 },
    shards,
    version: '0.0.0',
  };
  return { manifest, spec };
}
