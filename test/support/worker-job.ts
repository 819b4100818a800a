import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createHandlerHost } from '../../src/backends/handler/index.ts';
import { createHost } from '../../src/backends/host.ts';
import { createLeafParts } from '../../src/backends/leaf-part/index.ts';
import { createFsObjectStore } from '../../src/backends/object-store/fs.ts';
import { createSystemIds, createSystemRandom } from '../../src/backends/random.ts';
import { createSqliteResultFiles } from '../../src/backends/result-file/index.ts';
import { createScratch } from '../../src/backends/scratch.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';
import { asJobId, asSubmissionId, taskIdOf, type JobId, type TaskId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { batchKey, jobManifestKey, taskManifestKey, waveKey } from '../../src/domain/keys.ts';
import { MANIFEST_SCHEMAS, type JobManifest, type TaskManifest } from '../../src/domain/manifest.ts';
import { metaKey, taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { Log } from '../../src/ports/log.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { StateItem, StateTable } from '../../src/ports/state-table.ts';
import type { ElementInput, WorkerDeps } from '../../src/worker/needs.ts';
import { openSpillPlaces } from './spill-places.ts';

export const JOB: JobId = asJobId('bench-00000000');

export interface JobOptions {
  readonly spec?: Partial<JobSpec>;
  /** One list of lines a task: the exact text of each batch line. */
  readonly tasks: readonly (readonly string[])[];
  readonly bad?: Readonly<Record<number, TaskManifest['bad']>>;
  readonly shards?: number;
}

/** A spec with everything a worker reads; the handler is a module at `path`. */
export const specOf = (path: string, more: Partial<JobSpec> = {}): JobSpec => ({
  name: 'bench',
  baseDir: '/',
  input: { kind: 'command', argv: ['true'], cwd: '/', format: 'jsonl', onBadRecord: 'fail-item' },
  batch: { items: 100, bytes: 1_000_000 },
  handler: { kind: 'module', path, concurrency: 4, timeoutMs: 10_000 },
  resources: { cpus: 1, memoryBytes: 1, timeMs: 600_000 },
  slurm: { elements: 'auto', extra: [] },
  retry: { items: 1, attempts: 3, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {} },
  checkpoint: { everyMs: 60_000 },
  output: { mode: 'json' },
  ...more,
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Stores a job as a finished submit leaves it: manifests, batches, META and PENDING tasks of wave 0. */
export async function storeJob(
  { store, state }: { readonly store: ObjectStore; readonly state: StateTable },
  spec: JobSpec,
  options: JobOptions,
): Promise<JobManifest> {
  const shards = options.shards ?? 1;
  const backends = {
    home: '/',
    store: store.rootUrl,
    state: state.rootUrl,
    queue: 'file:///q',
    scheduler: 'local',
  } as const;
  const specHash = sha256(canonicalJson({ spec, backends }));
  const items = options.tasks.reduce((sum, lines) => sum + lines.length, 0);
  const tasks = options.tasks.length;
  const manifest: JobManifest = {
    schema: MANIFEST_SCHEMAS.job,
    job: JOB,
    createdMs: 0,
    spec,
    backends,
    specHash,
    inputDigest: '',
    handlerSha256: null,
    counts: { items, tasks, bytes: 0, badRecords: 0 },
    shards,
    version: 'test',
  };
  await store.put(jobManifestKey(JOB), JSON.stringify(manifest));
  const meta = {
    state: 'RUNNING',
    stage: 'ready',
    name: 'bench',
    createdMs: 0,
    updatedMs: 0,
    generation: 1,
    specHash,
    scheduler: 'local',
    fence: 1,
    tasks,
    items,
    shards,
    wave: 0,
    submittedWave: 0,
  };
  await state.write(metaKey(JOB), { set: meta }, { op: 'item-absent' });
  let firstItem = 0;
  for (const [number, lines] of options.tasks.entries()) {
    const task = taskIdOf(number);
    const text = lines.map((line) => `${line}\n`).join('');
    await store.put(batchKey(JOB, task), text);
    const taskManifest: TaskManifest = {
      schema: MANIFEST_SCHEMAS.task,
      task,
      batch: { key: batchKey(JOB, task), sha256: sha256(text), bytes: Buffer.byteLength(text) },
      firstItem,
      items: lines.length,
      bad: options.bad?.[number] ?? [],
    };
    await store.put(taskManifestKey(JOB, task), JSON.stringify(taskManifest));
    const item = { state: 'PENDING', generation: 1, wave: 0, items: lines.length, attempts: 0, charged: 0 };
    await state.write(taskKey(JOB, task, shards), { set: item }, { op: 'item-absent' });
    firstItem += lines.length;
  }
  return manifest;
}

export async function storeWave(store: ObjectStore, wave: number, tasks: readonly TaskId[]): Promise<void> {
  await store.put(waveKey(JOB, wave), JSON.stringify({ schema: MANIFEST_SCHEMAS.wave, wave, tasks }));
}

export async function readTask(state: StateTable, number: number, shards = 1): Promise<TaskItem> {
  return (await state.get(taskKey(JOB, taskIdOf(number), shards))) as unknown as TaskItem;
}

/** Writes attributes of a task as an administrator could, without any condition. */
export async function setTask(
  state: StateTable,
  number: number,
  set: StateItem,
  remove: readonly string[] = [],
): Promise<void> {
  await state.write(taskKey(JOB, taskIdOf(number), 1), { set, remove }, { op: 'item-present' });
}

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines. */
export function createListLog(
  lines: LoggedLine[] = [],
  bindings: Readonly<Record<string, unknown>> = {},
): Log & { readonly lines: LoggedLine[] } {
  const add =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      lines.push({ level, message, fields: { ...bindings, ...fields } });
    };
  return {
    lines,
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
    child: (more) => createListLog(lines, { ...bindings, ...more }),
  };
}

/** Everything a worker needs, on real drivers below `root`. */
export async function workerDeps(root: string, more: Partial<WorkerDeps> = {}): Promise<WorkerDeps> {
  const clock = createSystemClock();
  const ids = createSystemIds(clock);
  return {
    store: createFsObjectStore({ root: join(root, 'objects'), ids }),
    state: createFsStateTable({ root: join(root, 'state'), ids, clock }),
    clock,
    random: createSystemRandom(),
    host: createHost(),
    scratch: createScratch({ env: { SLURMCTL_SCRATCH: root }, ids }),
    resultFiles: await createSqliteResultFiles(),
    leafParts: createLeafParts(),
    handlers: createHandlerHost(),
    spills: openSpillPlaces(root, ids),
    log: createListLog(),
    backoffMs: (_tries, _bounds, random) => Math.floor(random * 3),
    stop: new AbortController().signal,
    version: 'test',
    ...more,
  };
}

export const elementInput = (
  more: Partial<ElementInput> & { readonly wave?: number; readonly waveElements?: number } = {},
): ElementInput => ({
  assignment: {
    job: JOB,
    submission: asSubmissionId('0'.repeat(26)),
    wave: more.wave ?? 0,
    offset: 0,
    waveElements: more.waveElements ?? 1,
  },
  batchJobId: '100',
  index: 0,
  restarts: 0,
  node: 'n1',
  endsAtMs: null,
  ...more,
});
