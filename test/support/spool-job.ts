import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createQuietLog } from '../../src/app/quiet-log.ts';
import { createFsObjectStore } from '../../src/backends/object-store/fs.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { carryJob, type Carried } from '../../src/carrier/carry-job.ts';
import type { CarrierDeps, Side } from '../../src/carrier/needs.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';
import { asAttemptId, asJobId, taskIdOf, type JobId, type TaskId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import * as keys from '../../src/domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type FileDigest } from '../../src/domain/manifest.ts';
import {
  historyKey,
  jobIndexKey,
  metaKey,
  rollupKey,
  submissionKey,
  taskKey,
  unclaimedKey,
  type StateKey,
} from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { createSkippingClock } from './coordinator-rig.ts';
import { createSeededIds } from './seeded-random.ts';

export const SPOOL_PLACE = { host: 'login1', directory: '/scratch/me/.slurmctl/spool' };
const clock = createSkippingClock();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const asItem = (value: object): StateItem => value as StateItem;
const ALWAYS = { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] } as const;

/** Two directories behind the file system drivers. */
export function createSides(root: string): { readonly spool: Side; readonly far: Side } {
  const ids = createSeededIds(3);
  const side = (name: string): Side => ({
    store: createFsObjectStore({ root: join(root, name, 'objects'), ids }),
    state: createFsStateTable({ root: join(root, name, 'state'), ids, clock }),
  });
  return { spool: side('spool'), far: side('far') };
}

export const carrierOf = (from: Side, to: Side, assertHeld: () => void = () => undefined): CarrierDeps => ({
  from,
  to,
  clock,
  log: createQuietLog(),
  place: SPOOL_PLACE,
  backends: { home: '/scratch/me/.slurmctl', store: to.store.rootUrl, queue: 'file:///q' },
  assertHeld,
});

/** Each carry is a second later than the one before. */
export function carry(from: Side, to: Side, job: JobId): Promise<Carried> {
  clock.skip(1_000);
  return carryJob(carrierOf(from, to), job);
}

export interface SpoolJob {
  readonly job: JobId;
  readonly tasks: number;
  setMeta(changes: Partial<JobMeta>): Promise<void>;
  setTask(task: number, item: Partial<TaskItem>, remove?: readonly string[]): Promise<void>;
  claim(task: number): Promise<void>;
  /** Checkpoints `seq` segments of a running task. */
  checkpoint(task: number, seq: number): Promise<void>;
  commit(task: number, text?: string): Promise<void>;
  /** With the record of its last attempt, or of there never having been one. */
  giveUp(task: number): Promise<void>;
  publish(publication: string): Promise<void>;
  /** Aggregated and over. */
  complete(publication: string): Promise<void>;
}

const attemptOf = (task: number) => asAttemptId(`77_${task}.0`);

/** A job in the spool as a submit leaves it, whose workers and finaliser the test plays. */
export async function createSpoolJob(
  { store, state }: Side,
  options: { readonly tasks?: number; readonly shards?: number; readonly id?: string } = {},
): Promise<SpoolJob> {
  const { tasks = 4, shards = 1, id = 'test-00000000' } = options;
  const job = asJobId(id);
  const set = async (key: StateKey, item: StateItem, remove?: readonly string[]): Promise<void> => {
    await state.write(key, { set: item, ...(remove === undefined ? {} : { remove }) }, ALWAYS);
  };
  let updatedMs = 1;
  const setMeta = (changes: Partial<JobMeta>) => set(metaKey(job), asItem({ ...changes, updatedMs: (updatedMs += 1) }));
  const setTask = (task: number, item: Partial<TaskItem>, remove?: readonly string[]) =>
    set(taskKey(job, taskIdOf(task), shards), asItem(item), remove);
  const put = async (key: string, text: string): Promise<FileDigest> => {
    await store.put(key, text);
    return { key, sha256: sha256(text), bytes: Buffer.byteLength(text) };
  };
  await set(jobIndexKey(job), { name: 'test', createdMs: 1, live: true });
  await put(keys.jobFileKey(job), 'name: test\n');
  await put(keys.jobRequestKey(job), JSON.stringify({ schema: MANIFEST_SCHEMAS.request, job }));
  await put(keys.jobManifestKey(job), JSON.stringify({ schema: MANIFEST_SCHEMAS.job, job }));
  for (let number = 0; number < tasks; number += 1) {
    const task = taskIdOf(number);
    const batch = await put(keys.batchKey(job, task), `{"n":${number}}\n`);
    const manifest = { schema: MANIFEST_SCHEMAS.task, task, batch, firstItem: number, items: 1, bad: [] };
    await put(keys.taskManifestKey(job, task), JSON.stringify(manifest));
    await setTask(number, { state: 'PENDING', generation: 0, wave: 0, items: 1, attempts: 0, charged: 0 });
  }
  await set(metaKey(job), asItem({ ...FIRST_META, tasks, items: tasks, shards } satisfies JobMeta));
  const submission = '0123456789abcdefghjkmnpqrs' as Parameters<typeof submissionKey>[1];
  await put(keys.scriptKey(job, submission), '#!/bin/sh\n');
  await set(submissionKey(job, submission), { state: 'SUBMITTED', kind: 'array', handle: '77', sentMs: 1 });

  async function publish(publication: string): Promise<void> {
    const results = await put(keys.outputResultsKey(job, publication), `results of ${publication}`);
    const errors = await put(keys.outputErrorsKey(job, publication), `errors of ${publication}`);
    const manifest = await put(
      keys.outputManifestKey(job, publication),
      JSON.stringify({ schema: MANIFEST_SCHEMAS.publication, job, publication, files: { results, errors } }),
    );
    await put(keys.finalKey(job), JSON.stringify({ schema: MANIFEST_SCHEMAS.final, publication, manifest }));
  }
  return {
    job,
    tasks,
    setMeta,
    setTask,
    publish,
    claim: (task) => setTask(task, { state: 'RUNNING', owner: attemptOf(task), attempts: 1, heartbeatMs: 5 }),
    async checkpoint(task, seq) {
      for (let at = 1; at <= seq; at += 1)
        await put(keys.segmentKey(job, taskIdOf(task), attemptOf(task), at), `segment ${at} of ${task}`);
      await setTask(task, { checkpoint: { attempt: attemptOf(task), seq, items: seq } });
    },
    async commit(number, text = `output of ${number}`) {
      const task = taskIdOf(number);
      const attempt = attemptOf(number);
      const done = {
        schema: MANIFEST_SCHEMAS.done,
        files: {
          results: await put(keys.resultsKey(job, task, attempt), `sqlite ${text}`),
          part: await put(keys.partKey(job, task, attempt), `parquet ${text}`),
          log: await put(keys.attemptLogKey(job, task, attempt), `{"msg":"${text}"}\n`),
        },
      };
      const sealed = await put(keys.doneKey(job, task, attempt), JSON.stringify(done));
      const win = { attempt, sha256: sealed.sha256, rows: 1, succeeded: 1, failed: 0 };
      await setTask(number, { state: 'DONE', win }, ['owner', 'heartbeatMs', 'checkpoint']);
    },
    async giveUp(task) {
      const item = (await state.get(taskKey(job, taskIdOf(task), shards))) as unknown as TaskItem;
      await set(endKeyOf(job, taskIdOf(task), item), { generation: item.generation, cause: 'killed', endedMs: 7 });
      await setTask(task, { state: 'DEAD', cause: 'killed', causeDetail: 'by hand' }, ['owner']);
    },
    async complete(publication) {
      await publish(publication);
      await set(rollupKey(job), { tasks: { total: tasks }, items: { total: tasks } });
      await setMeta({ state: 'COMPLETED', publication, finishedMs: 9 });
      await set(submissionKey(job, submission), { state: 'ENDED' });
      await set(jobIndexKey(job), { live: false });
    },
  };
}

const FIRST_META = {
  state: 'RUNNING',
  stage: 'ready',
  name: 'test',
  createdMs: 1,
  updatedMs: 1,
  generation: 0,
  specHash: 'x',
  scheduler: 'slurm',
  fence: 1,
  wave: 0,
  submittedWave: 0,
} as const;

/** Everything of the job at one side, as text: items without what carriers add, objects by key. */
export async function contentOf(
  side: Side,
  { job }: Pick<SpoolJob, 'job'>,
  shards = 1,
): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  const partitions = [`J#${job}`, ...Array.from({ length: shards }, (_, shard) => `J#${job}#T#${shard}`)];
  for (const partition of partitions)
    for await (const { sort, item } of side.state.query(partition))
      if (sort !== 'CARRY') content[`${partition}/${sort}`] = sorted(item);
  const index = await side.state.get(jobIndexKey(job));
  if (index !== null) content['index'] = sorted(index);
  for await (const { key } of side.store.list(keys.jobPrefix(job)))
    content[key] = new TextDecoder().decode((await side.store.get(key)) ?? new Uint8Array());
  return content;
}

const CARRIERS_OWN = ['copies', 'spool', 'backends'];

function sorted(item: StateItem): string {
  const own = Object.entries(item).filter(([name]) => !CARRIERS_OWN.includes(name));
  return canonicalJson(Object.fromEntries(own));
}

/** Where the record of a task that was given up is. */
const endKeyOf = (job: JobId, task: TaskId, item: TaskItem): StateKey =>
  item.attempts === 0 ? unclaimedKey(job, task, item) : historyKey(job, task, item.attempts);

/** Nothing at this side points at something that is not there, or that has other bytes. */
export async function untruths(side: Side, { job, tasks }: SpoolJob, shards = 1): Promise<string[]> {
  const found: string[] = [];
  const need = async (who: string, file: { key: string; sha256?: string }): Promise<Uint8Array | null> => {
    const bytes = await side.store.get(file.key);
    if (bytes === null) found.push(`${who} points at ${file.key}, which is absent`);
    else if (file.sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== file.sha256)
      found.push(`${who} points at ${file.key}, which has other bytes`);
    return bytes;
  };
  const parsed = <T>(bytes: Uint8Array | null): T | null =>
    bytes === null ? null : (JSON.parse(String(Buffer.from(bytes))) as T);
  let seen = 0;
  let final = 0;
  for (let shard = 0; shard < shards; shard += 1)
    for await (const { sort, item } of side.state.query(`J#${job}#T#${shard}`)) {
      seen += 1;
      const task = item as unknown as TaskItem;
      if (['DONE', 'DEAD', 'CANCELLED'].includes(task.state)) final += 1;
      const manifest = parsed<{ batch: FileDigest }>(
        await need(sort, { key: keys.taskManifestKey(job, sort as TaskId) }),
      );
      if (manifest !== null) await need(sort, manifest.batch);
      for (let seq = 1; seq <= (task.checkpoint?.seq ?? 0); seq += 1)
        await need(sort, { key: keys.segmentKey(job, sort as TaskId, task.checkpoint?.attempt as never, seq) });
      if (task.state === 'DEAD' && (await side.state.get(endKeyOf(job, sort as TaskId, task))) === null)
        found.push(`${sort} was given up, but nothing says how it ended`);
      if (task.win === undefined) continue;
      const done = parsed<DoneManifest>(
        await need(sort, { key: keys.doneKey(job, sort as TaskId, task.win.attempt), sha256: task.win.sha256 }),
      );
      for (const file of Object.values(done?.files ?? {})) if (file !== null) await need(`${sort}'s seal`, file);
    }
  const pointer = parsed<{ manifest: FileDigest }>(await side.store.get(keys.finalKey(job)));
  const manifest =
    pointer === null ? null : parsed<{ files: Record<string, FileDigest> }>(await need('final.json', pointer.manifest));
  for (const file of Object.values(manifest?.files ?? {})) await need('the publication', file);
  const meta = (await side.state.get(metaKey(job))) as unknown as JobMeta | null;
  if (meta !== null) {
    await need('META', { key: keys.jobManifestKey(job) });
    await need('META', { key: keys.jobRequestKey(job) });
    if (seen < tasks) found.push(`META is there, but only ${seen} of ${tasks} tasks`);
    if (meta.publication !== undefined) await need('META', { key: keys.outputResultsKey(job, meta.publication) });
    if (meta.state === 'COMPLETED' && final < tasks) found.push(`META is COMPLETED, but only ${final} tasks are final`);
  }
  const index = await side.state.get(jobIndexKey(job));
  if (index !== null && meta === null) found.push('the index names a job without META');
  if (index?.['live'] === false && meta?.state === 'RUNNING')
    found.push('the index says it is over, META that it runs');
  return found;
}
