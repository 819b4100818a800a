/**
 * Jobs of compute nodes without a route to the services live in a spool, a directory that they see, and are carried to the services by hosts
 * that see both. The spool has the truth; what lies at the services is a copy, possibly an older one.
 */
import type { JobId } from './ids.ts';
import { jobPartition, type StateKey } from './state-keys.ts';

/** Where a job can be changed. */
export type SpoolPlace = {
  /** Host that carried the job last. */
  readonly host: string;
  /** Absolute path of the spool as that host sees it. */
  readonly directory: string;
};

/** State item `J#<job>/CARRY`, on both sides: how far the copy is. */
export type CarryRecord = SpoolPlace & {
  /** Epoch ms at which the last carry that came to its end began: the copy is at least as new. Absent in the spool before the first. */
  readonly asOfMs?: number;
  /** Tasks whose final state, with all its files, has been carried, and tasks in all. */
  readonly tasks: number;
  readonly total: number;
  /** The job is over and nothing of it is missing in the copy. */
  readonly complete: boolean;
  /** META.updatedMs as carried. */
  readonly updatedMs: number;
  /** sha-256 (hex) of final.json as carried. */
  readonly final?: string;
  /** Names of the publications carried. */
  readonly publications: readonly string[];
  /** Only in the spool: why the last carry did not come to its end; one line for people. */
  readonly problem?: string;
  /** Only in the spool: what was carried with less than there should have been; the latest few, one line each. */
  readonly notes?: readonly string[];
};

export const CARRY_SORT = 'CARRY';
export const carryKey = (job: JobId): StateKey => ({ partition: jobPartition(job), sort: CARRY_SORT });
