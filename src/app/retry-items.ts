/** `retry --items`: from ids that a person wrote down to items of the job. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { SortedTasks } from '../aggregator/final-tasks.ts';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { describeFailure } from '../backends/shared/fs-errno.ts';
import { AppError, type Problem } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { scanIds, type LocatedItem } from './item-ids.ts';

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
  const ids = new Set(named.lines.keys());
  const found =
    job.manifest.spec.input.id === undefined
      ? locateOrdinals(sizes, ids)
      : (await scanIds(store, job, { wanted: ids, similarTo: [] })).found;
  if (found.size === ids.size) return found;
  throw await unknownItems(store, job, { named, found });
}

function locateOrdinals(sizes: SortedTasks['sizes'], ids: ReadonlySet<string>): ReadonlyMap<string, LocatedItem> {
  const found = new Map<string, LocatedItem>();
  const wanted = [...ids].filter((id) => /^(0|[1-9]\d{0,14})$/.test(id)).map(Number);
  let next = 0;
  let at = 0;
  for (const index of wanted.toSorted((a, b) => a - b)) {
    while (at < sizes.length && index >= next + (sizes[at] as { readonly items: number }).items) {
      next += (sizes[at] as { readonly items: number }).items;
      at += 1;
    }
    const size = sizes[at];
    if (size === undefined) break;
    found.set(String(index), { task: size.task, item: index - next });
  }
  return found;
}

/** Unknown ids that are listed, and those of them for which a similar one is looked for. */
const LISTED = 20;
const SUGGESTED = 3;

async function unknownItems(
  store: ObjectStore,
  job: LoadedJob,
  { named, found }: { readonly named: NamedItems; readonly found: ReadonlyMap<string, LocatedItem> },
): Promise<AppError> {
  const unknown = [...named.lines].filter(([id]) => !found.has(id));
  const idField = job.manifest.spec.input.id;
  const ids = unknown.slice(0, SUGGESTED).map(([id]) => id);
  const near =
    idField === undefined
      ? new Map<string, string>()
      : (await scanIds(store, job, { wanted: new Set(), similarTo: ids })).similar;
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
