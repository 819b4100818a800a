/** What a `retry` left alone of a task that was then given up or cancelled: those items keep the outcomes they had. */
import type { TaskId } from '../domain/ids.ts';
import { redoBaseKey, redoKey } from '../domain/keys.ts';
import type { DoneManifest, TaskManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { isCarried, readRedoRecord, type RedoBase } from '../domain/redo.ts';
import { decodeSegment } from '../domain/segment.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { AggregatorDeps } from './deps.ts';
import type { LoadedJob } from './load-job.ts';
import { readWinnerFile } from './winner-file.ts';

export interface Saved {
  /** By item index. */
  readonly outcomes: ReadonlyMap<number, ItemOutcome>;
  readonly observed: NonNullable<DoneManifest['observed']>;
}

type Deps = Pick<AggregatorDeps, 'store' | 'log' | 'scratch' | 'resultFiles'>;

interface Redone {
  readonly task: TaskId;
  readonly item: TaskItem;
  readonly manifest: TaskManifest;
}

/** Null when nothing was left alone, or nothing of it can be trusted: the log then says so. */
export async function readRedoBase(deps: Deps, { job }: LoadedJob, redone: Redone): Promise<Saved | null> {
  const { task, item, manifest } = redone;
  const { generation } = item;
  const key = redoKey(job, generation, task);
  const useless = (problem: string): null => {
    deps.log.warn('what a retry left alone is not usable; those items count as failed', { task, problem });
    return null;
  };
  const bytes = await deps.store.get(key);
  const record = bytes === null ? 'it is missing' : readRedoRecord(bytes, { job, task, generation });
  if (typeof record === 'string') return useless(`${deps.store.url(key)}: ${record}`);
  if (record.base === null) return null;
  const found = await readBase(deps, job, redone, record.base);
  if (typeof found === 'string') return useless(found);
  const kept = [...found.outcomes].filter(([index]) => isCarried(record.items, index - manifest.firstItem));
  return { outcomes: new Map(kept), observed: found.observed };
}

async function readBase(deps: Deps, job: LoadedJob['job'], redone: Redone, base: RedoBase): Promise<Saved | string> {
  const { task, manifest } = redone;
  if (base.kind === 'segments') return readSegments(deps, job, redone, base);
  try {
    const { done, outcomes } = await readWinnerFile(deps, job, { task, ...base });
    if (done.batchSha256 !== manifest.batch.sha256) return `attempt ${base.attempt} belongs to another batch`;
    return { outcomes: byIndex(outcomes), observed: done.observed ?? [] };
  } catch (error) {
    if (!isAppError(error, 'RESULT_CORRUPT')) throw error;
    return error.message;
  }
}

async function readSegments(
  { store }: Deps,
  job: LoadedJob['job'],
  { task, manifest }: Redone,
  base: RedoBase & { readonly kind: 'segments' },
): Promise<Saved | string> {
  const outcomes: ItemOutcome[] = [];
  let observed: Saved['observed'] = [];
  for (let seq = 1; seq <= base.segments; seq += 1) {
    const key = redoBaseKey(job, task, base, seq);
    const bytes = await store.get(key);
    const segment = bytes === null ? 'it is missing' : decodeSegment(bytes);
    if (typeof segment === 'string') return `${store.url(key)}: ${segment}`;
    const { header } = segment;
    if (header.task !== task || header.seq !== seq || header.batchSha256 !== manifest.batch.sha256)
      return `${store.url(key)} belongs to another task or batch`;
    outcomes.push(...segment.outcomes);
    observed = header.observed ?? observed;
  }
  return { outcomes: byIndex(outcomes), observed };
}

const byIndex = (outcomes: readonly ItemOutcome[]): ReadonlyMap<number, ItemOutcome> =>
  new Map(outcomes.map((outcome) => [outcome.itemIndex, outcome]));
