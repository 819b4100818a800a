import { join } from 'node:path';
import { attemptLogKey, partKey, resultsKey } from '../domain/keys.ts';
import type { FileDigest } from '../domain/manifest.ts';
import { SPILL_SCHEMA, spillKey, spillPrefix, type SpillId, type SpillRecord } from '../domain/spill.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StoredObject } from '../ports/object-store.ts';
import type { SpillPlace } from '../ports/spill.ts';
import type { ElementContext } from './needs.ts';
import { winOf, type SealedAttempt } from './seal.ts';

/**
 * Keeps a sealed attempt in the first place that takes it, so that others can store and commit it (adopt-spills.ts). Its record is written
 * last: a worker that dies before that has kept nothing. Where it is, for people; null when no place took it.
 */
export async function keepSealed(
  context: ElementContext,
  sealed: SealedAttempt,
  reason: string,
): Promise<string | null> {
  const { spills, log } = context.deps;
  const { task } = sealed.claimed;
  for (const place of [spills.shared, spills.local]) {
    try {
      const where = await keepIn(place, context, sealed, reason);
      log.warn('finished work could not be reported; it is kept', { task, where, reason });
      return where;
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.error('finished work could not be kept', {
        task,
        where: place.path,
        code: error.code,
        error: error.message,
      });
    }
  }
  return null;
}

async function keepIn(
  place: SpillPlace,
  { deps, input, attempt }: ElementContext,
  sealed: SealedAttempt,
  reason: string,
): Promise<string> {
  const { claimed, logText } = sealed;
  const { store } = place;
  const { task } = claimed;
  const id: SpillId = { job: input.assignment.job, task, attempt };
  place.prepare();
  const results = await store.putFile(spillKey(id, 'results.sqlite'), sealed.resultsPath);
  const part = await store.putFile(spillKey(id, 'part.parquet'), sealed.partPath);
  const log = logText === null ? null : await store.put(spillKey(id, 'log.jsonl'), logText);
  const files = {
    results: storedAs(resultsKey(id.job, task, attempt), results),
    part: storedAs(partKey(id.job, task, attempt), part),
    log: log === null ? null : storedAs(attemptLogKey(id.job, task, attempt), log),
  };
  const done = await store.put(spillKey(id, 'done.json'), sealed.doneText(files));
  const record: SpillRecord = {
    schema: SPILL_SCHEMA,
    ...id,
    generation: claimed.item.generation,
    win: winOf(sealed, attempt, done.sha256),
    files,
    node: input.node,
    keptMs: deps.clock.nowMs(),
    reason,
  };
  await store.put(spillKey(id, 'spill.json'), `${JSON.stringify(record)}\n`);
  return join(place.path, spillPrefix(id).slice(0, -1));
}

const storedAs = (key: string, { sha256, bytes }: StoredObject): FileDigest => ({ key, sha256, bytes });
