import { advanceLeaseName } from '../coordinator/lease.ts';
import type { JobId } from '../domain/ids.ts';
import { lockKey } from '../domain/state-keys.ts';
import type { Drivers } from './job-backends.ts';

/** Who says that it submits or advances a job, as `host:pid:…`, and whether that process is known to be dead. */
export interface AdvanceHolder {
  readonly owner: string;
  readonly isDead: boolean;
}

type Lock = { readonly held?: boolean; readonly owner?: string };

/** Null: nobody. Of a process of another host nobody can say from here whether it lives. */
export async function advanceHolder(
  { state, host }: Pick<Drivers, 'state' | 'host'>,
  job: JobId,
): Promise<AdvanceHolder | null> {
  const lock = (await state.get(lockKey(advanceLeaseName(job)))) as Lock | null;
  if (lock?.held !== true || lock.owner === undefined) return null;
  return { owner: lock.owner, isDead: !host.mayBeAlive(lock.owner) };
}
