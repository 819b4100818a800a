/**
 * What a task that a `retry` opened again starts with: the outcomes of the items it leaves alone, from an earlier winner or from what was saved of
 * a task that had none. Whatever is missing or lies is not an error: those items then run again, which is slower and still right; the log says so.
 */
import { join } from 'node:path';
import { doneKey, redoBaseKey, redoKey, resultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type DoneManifest, type TaskManifest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { isCarried, readRedoRecord, type RedoBase } from '../domain/redo.ts';
import { decodeSegment } from '../domain/segment.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { ElementContext } from './needs.ts';
import type { Observed } from './observe-columns.ts';
import { patiently } from './patience.ts';
import type { ClaimedTask } from './task-writes.ts';

interface Taken {
  readonly outcomes: readonly ItemOutcome[];
  readonly observed: readonly Observed[];
}

const NOTHING: Taken = { outcomes: [], observed: [] };

const DAMAGE: readonly ErrorCode[] = ['STORE_CORRUPT', 'STORE_NOT_FOUND', 'RESULT_CORRUPT', 'MANIFEST_CORRUPT'];

/** @throws what store and scratch throw when they stay unwell */
export async function readRedoBase(
  context: ElementContext,
  claimed: ClaimedTask,
  manifest: TaskManifest,
): Promise<Taken> {
  const { deps, input } = context;
  const { task } = claimed;
  const { generation } = claimed.item;
  const { job } = input.assignment;
  const useless = (problem: string): Taken => {
    deps.log.warn('what the retry left alone cannot be read, running the whole task', { task, problem });
    return NOTHING;
  };
  const key = redoKey(job, generation, task);
  const bytes = await patiently(context, () => deps.store.get(key));
  const record = bytes === null ? 'it is missing' : readRedoRecord(bytes, { job, task, generation });
  if (typeof record === 'string') return useless(`${deps.store.url(key)}: ${record}`);
  if (record.base === null) return NOTHING;
  const isKept = ({ itemIndex }: ItemOutcome): boolean => {
    const item = itemIndex - manifest.firstItem;
    return item >= 0 && item < manifest.items && isCarried(record.items, item);
  };
  try {
    const taken = await readBase(context, claimed, manifest, record.base);
    return typeof taken === 'string' ? useless(taken) : { ...taken, outcomes: taken.outcomes.filter(isKept) };
  } catch (error) {
    if (isAppError(error) && DAMAGE.includes(error.code)) return useless(error.message);
    throw error;
  }
}

const readBase = (
  context: ElementContext,
  claimed: ClaimedTask,
  manifest: TaskManifest,
  base: RedoBase,
): Promise<Taken | string> =>
  base.kind === 'winner' ? readWinner(context, claimed, manifest, base) : readSaved(context, claimed, manifest, base);

/** The result file of an earlier winner, checked by its seal, and the seal by the hash of the commit. */
async function readWinner(
  context: ElementContext,
  { task }: ClaimedTask,
  manifest: TaskManifest,
  { attempt, sha256 }: RedoBase & { readonly kind: 'winner' },
): Promise<Taken | string> {
  const { store, scratch, resultFiles } = context.deps;
  const { job } = context.input.assignment;
  const key = doneKey(job, task, attempt);
  const bytes = await patiently(context, () => store.get(key, { sha256 }));
  if (bytes === null) return `${store.url(key)} is missing`;
  const done = JSON.parse(new TextDecoder().decode(bytes)) as DoneManifest;
  if (done.schema !== MANIFEST_SCHEMAS.done || done.batchSha256 !== manifest.batch.sha256)
    return `${store.url(key)} belongs to another batch`;
  const { results } = done.files;
  if (results.key !== resultsKey(job, task, attempt)) return `${store.url(key)} names ${results.key}`;
  const dir = await scratch.open('redo');
  try {
    const path = join(dir.path, 'results.sqlite');
    await patiently(context, () => store.getFile(results.key, path, { sha256: results.sha256 }));
    const file = resultFiles.openSealed(path);
    try {
      return { outcomes: [...file.byIndex()], observed: done.observed ?? [] };
    } finally {
      file.close();
    }
  } finally {
    await dir.dispose();
  }
}

async function readSaved(
  context: ElementContext,
  claimed: ClaimedTask,
  manifest: TaskManifest,
  base: RedoBase & { readonly kind: 'segments' },
): Promise<Taken | string> {
  const { store } = context.deps;
  const { task } = claimed;
  const outcomes: ItemOutcome[] = [];
  let observed: Taken['observed'] = [];
  for (let seq = 1; seq <= base.segments; seq += 1) {
    const key = redoBaseKey(context.input.assignment.job, task, base, seq);
    const bytes = await patiently(context, () => store.get(key));
    const segment = bytes === null ? 'it is missing' : decodeSegment(bytes);
    if (typeof segment === 'string') return `${store.url(key)}: ${segment}`;
    const { header } = segment;
    if (header.task !== task || header.seq !== seq || header.batchSha256 !== manifest.batch.sha256)
      return `${store.url(key)} belongs to another task or batch`;
    outcomes.push(...segment.outcomes);
    observed = header.observed ?? observed;
  }
  return { outcomes, observed };
}
