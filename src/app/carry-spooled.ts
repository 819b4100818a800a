/** What a command does after its own work on a job that lives in a spool: one carry, under a lease, whose failure is only reported. */
import { createHash } from 'node:crypto';
import { carryJob } from '../carrier/carry-job.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { acquireLease, createLeaseWatch, LEASE_MS, type Lease, type LeaseWatch } from '../coordinator/lease.ts';
import { carryKey, type CarryRecord } from '../domain/carry.ts';
import type { JobId } from '../domain/ids.ts';
import { finalKey } from '../domain/keys.ts';
import { isAppError } from '../errors/app-error.ts';
import type { LogFields } from '../ports/log.ts';
import type { StateItem } from '../ports/state-table.ts';
import { carryDocument, readCarryRecord } from './carry-view.ts';
import type { CarryDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';

export interface SpoolSides {
  readonly directory: string;
  readonly spool: Drivers;
  /** Opened when something is carried or asked there, and not before. */
  readonly far: () => Promise<Drivers>;
}

export interface CarryRequest {
  /** For callers that come again instead of waiting: keeps what they saw of another carrier. */
  readonly leaseWatch?: LeaseWatch;
  /** Ends the carry before its next write; what was carried stays. */
  readonly signal?: AbortSignal;
}

/** The lock lies in the spool, which every carrier sees, so that taking it costs no request. */
export const carryLeaseName = (job: JobId): string => `carry:${job}`;

const LOOK_AGAIN_MS = 2_000;
/** Longer than the lease of a dead carrier lasts. */
const MOST_WAIT_MS = LEASE_MS + 2 * LOOK_AGAIN_MS;

/** Carries what is new. Whatever hinders it is in the answer: the job itself goes on, and the next carry goes on from there. */
export async function carrySpooled(
  sides: SpoolSides,
  job: JobId,
  request: CarryRequest = {},
): Promise<CarryDocument | null> {
  try {
    const lease = await leaseUnlessBusy(sides.spool, job, request);
    if (lease === null) return await shown(sides, job, 'another process is carrying it');
    try {
      return await carryUnderLease(sides, job, lease, request.signal);
    } finally {
      await lease.release();
    }
  } catch (error) {
    if (request.signal?.aborted === true) return await shown(sides, job, 'it was interrupted');
    if (!isAppError(error)) throw error;
    const problem = `${error.message} [${error.code}]`;
    await note(sides, job, problem).catch((second: unknown) => {
      if (!isAppError(second)) throw second;
    });
    return await shown(sides, job, problem);
  }
}

/** One carry, for a caller that holds the lease. Null: the job is not stored yet. @throws what hinders it */
export async function carryUnderLease(
  sides: SpoolSides,
  job: JobId,
  lease: Lease,
  signal?: AbortSignal,
): Promise<CarryDocument | null> {
  const { spool, directory } = sides;
  const far = await sides.far();
  const { home, store, queue } = far.urls;
  const told: string[] = [];
  const { record, problems } = await carryJob(
    {
      from: spool,
      to: far,
      clock: spool.clock,
      log: { warn: (message, fields = {}) => void told.push(sentence(message, fields)) },
      place: { host: spool.host.hostname, directory },
      backends: { home, store, queue },
      assertHeld() {
        signal?.throwIfAborted();
        lease.assertHeld();
      },
    },
    job,
  );
  if (record === null) return null;
  const notes = [...((await readCarryRecord(spool.state, job))?.notes ?? []), ...told].slice(-MOST_NOTES);
  const kept: CarryRecord = {
    ...record,
    ...(problems.length === 0 ? {} : { problem: damage(problems) }),
    ...(notes.length === 0 ? {} : { notes }),
  };
  await keep(spool, job, kept);
  return carryDocument(kept, 'spool', spool.clock.nowMs());
}

/** Notes that are kept. */
const MOST_NOTES = 5;

const sentence = (message: string, { task, error }: LogFields): string =>
  `task ${String(task)}: ${message}: ${String(error)}`;

const damage = (problems: readonly string[]): string =>
  problems.length === 1 ? `${problems[0]}` : `${problems[0]}; and ${problems.length - 1} more tasks like it`;

/** True when the copy has everything and nothing happened since: no service has to be asked. */
export async function isCarried({ spool }: Pick<SpoolSides, 'spool'>, job: JobId): Promise<boolean> {
  const record = await readCarryRecord(spool.state, job);
  if (record === null || !record.complete || record.problem !== undefined) return false;
  const meta = await readMeta(spool.state, job);
  const pointer = await spool.store.get(finalKey(job));
  const final = pointer === null ? undefined : createHash('sha256').update(pointer).digest('hex');
  return meta?.updatedMs === record.updatedMs && final === record.final;
}

/** Null when somebody who is alive carries the job. A holder that shows no sign of life for a whole lease is replaced. */
async function leaseUnlessBusy(spool: Drivers, job: JobId, request: CarryRequest): Promise<Lease | null> {
  const watch = request.leaseWatch ?? createLeaseWatch();
  const untilMs = spool.clock.monotonicMs() + (request.leaseWatch === undefined ? MOST_WAIT_MS : 0);
  for (;;) {
    try {
      return await acquireLease(spool, { name: carryLeaseName(job), waitMs: 0, watch });
    } catch (error) {
      if (!isAppError(error, 'LEASE_HELD')) throw error;
      if (watch.sawLife || spool.clock.monotonicMs() >= untilMs) return null;
    }
    await spool.clock.sleep(LOOK_AGAIN_MS, request.signal);
  }
}

async function shown({ spool, directory }: SpoolSides, job: JobId, problem: string): Promise<CarryDocument> {
  const known = await readCarryRecord(spool.state, job).catch((error: unknown) => {
    if (!isAppError(error)) throw error;
    return null;
  });
  const record = known ?? nothingYet(spool, directory);
  return carryDocument({ ...record, problem }, 'spool', spool.clock.nowMs());
}

const nothingYet = (spool: Drivers, directory: string): CarryRecord => ({
  host: spool.host.hostname,
  directory,
  tasks: 0,
  total: 0,
  complete: false,
  updatedMs: 0,
  publications: [],
});

/** Remembered for `status`, which asks no service. */
async function note(sides: SpoolSides, job: JobId, problem: string): Promise<void> {
  const known = await readCarryRecord(sides.spool.state, job);
  await keep(sides.spool, job, { ...(known ?? nothingYet(sides.spool, sides.directory)), problem });
}

async function keep({ state }: Drivers, job: JobId, record: CarryRecord): Promise<void> {
  if ((await readMeta(state, job)) === null) return;
  const item = record as unknown as StateItem;
  const remove = (['problem', 'final'] as const).filter((name) => record[name] === undefined);
  await state.write(
    carryKey(job),
    { set: item, ...(remove.length === 0 ? {} : { remove }) },
    { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] },
  );
}
