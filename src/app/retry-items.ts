/** `retry --items`: from ids that a person wrote down to items of the job. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { distance } from 'fastest-levenshtein';
import type { SortedTasks } from '../aggregator/final-tasks.ts';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { describeFailure } from '../backends/shared/fs-errno.ts';
import type { TaskId } from '../domain/ids.ts';
import { taskManifestKey } from '../domain/keys.ts';
import type { TaskManifest } from '../domain/manifest.ts';
import { openBatch } from '../domain/task-batch.ts';
import { AppError, type Problem } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

export interface NamedItems {
  /** The file, as it was named. */
  readonly file: string;
  /** Id → 1-based line. */
  readonly lines: ReadonlyMap<string, number>;
}

/** Ids one a line; blank lines are passed over. @param path absolute, or `-` for stdin @throws USAGE, INPUT_UNREADABLE */
export async function readNamedItems(
  path: string,
  name: string,
  stdin: () => NodeJS.ReadableStream,
): Promise<NamedItems> {
  const text = path === '-' ? await readAll(stdin()) : await readText(path, name);
  const lines = new Map<string, number>();
  for (const [at, line] of text.split('\n').entries()) {
    const id = line.trim();
    if (id !== '' && !lines.has(id)) lines.set(id, at + 1);
  }
  const file = path === '-' ? 'stdin' : name;
  if (lines.size === 0)
    throw new AppError('USAGE', {
      message: `--items: ${file} names no item`,
      hint: 'Write the ids of the items there, one a line; an item is named as in item_id of the results',
    });
  return { file, lines };
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('INPUT_UNREADABLE', {
      message: `--items ${name}: ${describeFailure(error, path)}`,
      hint: 'Check the path and its permissions',
    });
  }
}

export interface LocatedItem {
  readonly task: TaskId;
  /** Number within the task. */
  readonly item: number;
}

/**
 * Where these ids are. Ids that are the ordinals are reckoned, others looked up in the batches. @throws USAGE naming every unknown id (the first
 * few with a suggestion), MANIFEST_CORRUPT, STORE_*
 */
export async function locateItems(
  store: ObjectStore,
  job: LoadedJob,
  { sizes }: SortedTasks,
  named: NamedItems,
): Promise<ReadonlyMap<string, LocatedItem>> {
  const found = new Map<string, LocatedItem>();
  const idField = job.manifest.spec.input.id;
  if (idField === undefined) locateOrdinals(sizes, named, found);
  else
    for await (const { id, at } of idsOf(store, job, sizes, idField)) {
      if (named.lines.has(id)) found.set(id, at);
      if (found.size === named.lines.size) return found;
    }
  if (found.size === named.lines.size) return found;
  throw await unknownItems(store, job, sizes, { named, found });
}

function locateOrdinals(sizes: SortedTasks['sizes'], named: NamedItems, found: Map<string, LocatedItem>): void {
  const wanted = [...named.lines.keys()].filter((id) => /^(0|[1-9]\d{0,14})$/.test(id)).map(Number);
  let next = 0;
  let at = 0;
  for (const index of wanted.toSorted((a, b) => a - b)) {
    while (at < sizes.length && index >= next + (sizes[at] as { readonly items: number }).items) {
      next += (sizes[at] as { readonly items: number }).items;
      at += 1;
    }
    const size = sizes[at];
    if (size === undefined) return;
    found.set(String(index), { task: size.task, item: index - next });
  }
}

/** Batches read at once. */
const READS = 8;

async function* idsOf(
  store: ObjectStore,
  job: LoadedJob,
  sizes: SortedTasks['sizes'],
  idField: string,
): AsyncGenerator<{ readonly id: string; readonly at: LocatedItem }> {
  for (let at = 0; at < sizes.length; at += READS) {
    const group = sizes.slice(at, at + READS);
    const batches = await Promise.all(group.map(({ task }) => readBatch(store, job, task, idField)));
    for (const [number, batch] of batches.entries()) {
      const { task } = group[number] as { readonly task: TaskId };
      for (let item = 0; item < batch.items; item += 1) yield { id: batch.item(item).itemId, at: { task, item } };
    }
  }
}

async function readBatch(store: ObjectStore, { job }: LoadedJob, task: TaskId, idField: string) {
  const key = taskManifestKey(job, task);
  const bytes = await store.get(key);
  if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing` });
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as TaskManifest;
  const batch = await store.get(manifest.batch.key, { sha256: manifest.batch.sha256 });
  if (batch === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(manifest.batch.key)} is missing` });
  return openBatch(batch, manifest, idField);
}

/** Unknown ids that are listed, and those of them for which a similar one is looked for. */
const LISTED = 20;
const SUGGESTED = 3;

async function unknownItems(
  store: ObjectStore,
  job: LoadedJob,
  sizes: SortedTasks['sizes'],
  { named, found }: { readonly named: NamedItems; readonly found: ReadonlyMap<string, LocatedItem> },
): Promise<AppError> {
  const unknown = [...named.lines].filter(([id]) => !found.has(id));
  const idField = job.manifest.spec.input.id;
  const ids = unknown.slice(0, SUGGESTED).map(([id]) => id);
  const near =
    idField === undefined ? new Map<string, string>() : await nearest(ids, idsOf(store, job, sizes, idField));
  const problems = unknown.slice(0, LISTED).map(([id, line]): Problem => {
    const similar = near.get(id);
    return {
      place: { file: named.file, line },
      message: `no item ${JSON.stringify(id)} in the job`,
      ...(similar === undefined ? {} : { hint: `Did you mean ${JSON.stringify(similar)}?` }),
    };
  });
  const most = job.manifest.counts.items - 1;
  const [first] = unknown;
  return new AppError('USAGE', {
    message:
      unknown.length === 1
        ? `--items: ${named.file}:${first?.[1]} names ${JSON.stringify(first?.[0])}, which is no item of job ${job.job}`
        : `--items: ${unknown.length} lines of ${named.file} name no item of job ${job.job}`,
    hint:
      idField === undefined
        ? `Nothing was started. The items of this job are numbered 0-${most}`
        : `Nothing was started. Items are named by the field ${JSON.stringify(idField)} of the input, as in item_id of the results`,
    problems,
  });
}

/** A similar id for each of these, where there is one. */
async function nearest(
  wanted: readonly string[],
  ids: AsyncIterable<{ readonly id: string }>,
): Promise<ReadonlyMap<string, string>> {
  const best = new Map<string, { readonly id: string; readonly far: number }>();
  for await (const { id } of ids)
    for (const one of wanted) {
      if (Math.abs(id.length - one.length) > 3) continue;
      const far = distance(id, one);
      if (far <= 3 && far < (best.get(one)?.far ?? Infinity)) best.set(one, { id, far });
    }
  return new Map([...best].map(([one, { id }]) => [one, id]));
}
