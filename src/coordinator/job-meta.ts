/** Reads and conditional writes of a job's META item. */
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta, SubmitStage } from '../domain/job-item.ts';
import { jobIndexKey, metaKey } from '../domain/state-keys.ts';
import { isFinalJobState, jobStatesBefore, type JobState } from '../domain/states.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateCondition, StateTable, StateValue } from '../ports/state-table.ts';

export const readMeta = async (state: Pick<StateTable, 'get'>, job: JobId): Promise<JobMeta | null> =>
  (await state.get(metaKey(job))) as JobMeta | null;

/** @throws JOB_NOT_FOUND */
export async function requireMeta(state: StateTable, job: JobId): Promise<JobMeta> {
  const meta = await readMeta(state, job);
  if (meta === null) throw new AppError('JOB_NOT_FOUND', { message: `no job ${job}` });
  return meta;
}

export interface MetaWrite {
  readonly fence: number;
  readonly nowMs: number;
  readonly set?: Partial<Record<keyof JobMeta, StateValue>>;
  readonly remove?: readonly (keyof JobMeta)[];
}

/** Who writes META, and when: what every write of it carries. */
export const stamp = ({
  deps,
  lease,
}: {
  readonly deps: { readonly clock: Clock };
  readonly lease: { readonly fence: number };
}) => ({
  fence: lease.fence,
  nowMs: deps.clock.nowMs(),
});

/** Changes META while keeping its state. @throws LEASE_LOST when a later fence wrote, JOB_BAD_STATE when the job left `states`. */
export async function updateMeta(
  state: StateTable,
  job: JobId,
  states: readonly JobState[],
  write: MetaWrite,
): Promise<JobMeta> {
  const result = await writeTwice(() =>
    state.write(
      metaKey(job),
      {
        set: { ...write.set, fence: write.fence, updatedMs: write.nowMs },
        ...(write.remove === undefined ? {} : { remove: write.remove }),
      },
      {
        op: 'and',
        of: [
          { op: 'in', path: 'state', values: states },
          { op: 'at-most', path: 'fence', value: write.fence },
          ...onlyForward(write.set ?? {}),
        ],
      },
    ),
  );
  if (result.applied) return result.item as unknown as JobMeta;
  const current = result.current as unknown as JobMeta | null;
  if (current === null) throw new AppError('JOB_NOT_FOUND', { message: `no job ${job}` });
  const overtaken = current.fence > write.fence || states.includes(current.state);
  if (overtaken) throw new AppError('LEASE_LOST', { message: `another process advanced job ${job}` });
  throw new AppError('JOB_BAD_STATE', {
    message: `job ${job} is ${current.state}`,
    hint: `Look at it with: slurmctl status ${job}`,
    details: { state: current.state },
  });
}

const STAGES: readonly SubmitStage[] = ['splitting', 'storing-tasks', 'redoing', 'ready'];

/** A write that arrives late, after later ones of the same process, must not take back how far the job has come. */
function onlyForward(set: NonNullable<MetaWrite['set']>): StateCondition[] {
  const forward: StateCondition[] = [];
  const { stage } = set;
  if (stage !== undefined)
    forward.push({ op: 'in', path: 'stage', values: STAGES.slice(0, STAGES.indexOf(stage as SubmitStage) + 1) });
  for (const path of ['wave', 'submittedWave'] as const) {
    const value = set[path];
    if (typeof value === 'number') forward.push({ op: 'at-most', path, value });
  }
  return forward;
}

/** Moves the job to another state along an arrow; never out of PAUSED, which only a person ends. @throws as updateMeta */
export const moveJob = (state: StateTable, job: JobId, to: JobState, write: MetaWrite): Promise<JobMeta> =>
  // `to` itself is allowed: a repeated move after a lost answer changes nothing.
  updateMeta(state, job, [...jobStatesBefore(to).filter((from) => from !== 'PAUSED'), to], {
    ...write,
    set: { ...write.set, state: to },
  });

/** The same conditional write may be sent again after a lost answer: setting the same values twice changes nothing. */
async function writeTwice<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return write();
  }
}

/** Marks the job as final in the index, so that `tick` leaves it alone; unless a retry has opened it again meanwhile. */
export async function retireFromIndex(state: StateTable, job: JobId): Promise<void> {
  await writeIndex(state, job, { live: false });
  const meta = await readMeta(state, job);
  if (meta !== null && !isFinalJobState(meta.state)) await returnToIndex(state, job);
}

/** The contrary, for a job that is opened again. */
export async function returnToIndex(state: StateTable, job: JobId): Promise<void> {
  await writeIndex(state, job, { live: true });
}

const writeIndex = (state: StateTable, job: JobId, set: { readonly live: boolean }): Promise<unknown> =>
  writeTwice(() => state.write(jobIndexKey(job), { set }, { op: 'item-present' }));
