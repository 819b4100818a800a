import { attemptLogKey } from '../domain/keys.ts';
import { redactingReplacer } from '../domain/redact.ts';
import type { BeaconTask } from '../ports/beacon.ts';
import type { LogFiles } from '../ports/log-file.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Somewhat more than the most that `logs.size` allows. */
const MOST_BYTES = 72 * 1024 ** 2;

export interface LastLine {
  readonly nowMs: number;
  readonly node: string;
  readonly cause: string;
  readonly detail: string;
}

/**
 * Stores the log that a dead worker left on the node, with a last line about its end. False: nothing was left, or the worker had stored it itself, and its commit
 * may name that object. @throws STORE_*
 */
export async function saveLogForDead(
  { store, logFiles }: { readonly store: ObjectStore; readonly logFiles: Pick<LogFiles, 'read'> },
  { job, task, attempt, logPath }: BeaconTask,
  { nowMs, ...end }: LastLine,
): Promise<boolean> {
  if (logPath === undefined) return false;
  const key = attemptLogKey(job, task, attempt);
  if ((await store.head(key)) !== null) return false;
  const line = {
    time: new Date(nowMs).toISOString(),
    level: 'error',
    msg: 'the worker died',
    job,
    task,
    attempt,
    ...end,
  };
  const written = logFiles.read(logPath, MOST_BYTES) ?? '';
  await store.put(key, `${written}${JSON.stringify(line, redactingReplacer)}\n`);
  return true;
}
