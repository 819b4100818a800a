/** The breakers of a job, as stored in its state: read once a pass, written when they change. */
import type { BreakerItem } from '../domain/breaker.ts';
import type { JobId } from '../domain/ids.ts';
import { BREAKER_PREFIX, breakerKey, jobPartition } from '../domain/state-keys.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateItem, StateTable } from '../ports/state-table.ts';
import type { Task } from './task-list.ts';

export interface Breakers {
  /** By fingerprint. */
  readonly stored: ReadonlyMap<string, BreakerItem>;
  /** Is the attempt of this task that just ended the one by which a breaker tries its luck? */
  isCanary(task: Pick<Task, 'id' | 'attempts'>): boolean;
}

export async function readBreakers(state: StateTable, job: JobId): Promise<Breakers> {
  const stored = new Map<string, BreakerItem>();
  for await (const { sort, item } of state.query(jobPartition(job), BREAKER_PREFIX))
    stored.set(sort.slice(BREAKER_PREFIX.length), item as unknown as BreakerItem);
  const canaries = [...stored.values()].filter(({ state: is }) => is === 'HALF');
  return {
    stored,
    isCanary: ({ id, attempts }) =>
      canaries.some(({ canary, canaryAttempts = 0 }) => canary === id && attempts > canaryAttempts),
  };
}

/** False: somebody else changed it meanwhile, or nobody knows; the next pass goes on from what is stored then. */
export async function writeBreaker(
  state: StateTable,
  job: JobId,
  breaker: { readonly fingerprint: string; readonly before: BreakerItem | null; readonly after: BreakerItem },
): Promise<boolean> {
  const { fingerprint, before, after } = breaker;
  const gone = before === null ? [] : Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  try {
    const { applied } = await state.write(
      breakerKey(job, fingerprint),
      { set: after as unknown as StateItem, ...(gone.length === 0 ? {} : { remove: gone }) },
      before === null ? { op: 'item-absent' } : { op: 'equals', path: 'version', value: before.version },
    );
    return applied;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return false;
  }
}
