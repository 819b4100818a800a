import { carryKey, type CarryRecord } from '../domain/carry.ts';
import type { JobId } from '../domain/ids.ts';
import { formatDuration } from '../domain/units.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { CarryDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';

export const readCarryRecord = async (state: StateTable, job: JobId): Promise<CarryRecord | null> =>
  (await state.get(carryKey(job))) as unknown as CarryRecord | null;

/** How far the copy of a spooled job is, for people. */
export const carryDocument = (
  record: CarryRecord,
  seenFrom: CarryDocument['seenFrom'],
  nowMs: number,
): CarryDocument => ({
  seenFrom,
  host: record.host,
  directory: record.directory,
  upTo: record.asOfMs === undefined ? null : new Date(record.asOfMs).toISOString(),
  // Clocks of two hosts differ, and nothing comes from the future.
  ageMs: record.asOfMs === undefined ? null : Math.max(0, nowMs - record.asOfMs),
  tasks: record.tasks,
  total: record.total,
  complete: record.complete,
  problem: record.problem ?? null,
  notes: record.notes ?? [],
});

/** Null for a job whose carry never came so far as to say so. */
export async function viewCarry(
  { state, clock }: Pick<Drivers, 'state' | 'clock'>,
  job: JobId,
  seenFrom: CarryDocument['seenFrom'],
): Promise<CarryDocument | null> {
  const record = await readCarryRecord(state, job);
  return record === null ? null : carryDocument(record, seenFrom, clock.nowMs());
}

/** What whoever reads the copy of a spooled job should know. */
export async function copyNote(drivers: Pick<Drivers, 'state' | 'clock'>, job: JobId): Promise<string> {
  const carry = await viewCarry(drivers, job, 'copy');
  if (carry === null) return 'the job lives in a spool; this is what its copy knows';
  const { ageMs, directory, host } = carry;
  const age = ageMs === null ? 'of which nothing has been carried yet' : `${formatDuration(ageMs)} old`;
  return `the job lives in the spool ${directory} of ${host}; this is what its copy knows, ${age}`;
}
