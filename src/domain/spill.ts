/** A spill: a finished attempt that is kept beside the store because it could not be stored or committed, until somebody does that for it. */
import { isTaskId, type AttemptId, type JobId, type TaskId } from './ids.ts';
import type { FileDigest } from './manifest.ts';
import type { Win } from './task-item.ts';

export const SPILL_SCHEMA = 'slurmctl.spill/1';

/** `spill.json`, the last file of a spill to be written: without it there is none. */
export interface SpillRecord {
  readonly schema: typeof SPILL_SCHEMA;
  readonly job: JobId;
  readonly task: TaskId;
  readonly attempt: AttemptId;
  readonly generation: number;
  /** What the commit writes; its sha-256 is that of `done.json`. */
  readonly win: Win;
  /** Digests of the files beside `done.json`; their keys are those they are stored under. */
  readonly files: { readonly results: FileDigest; readonly part: FileDigest; readonly log: FileDigest | null };
  readonly node: string;
  /** Epoch ms. */
  readonly keptMs: number;
  /** Why it could not be reported: code and message of the error. */
  readonly reason: string;
}

/** Which attempt a spill is of. */
export interface SpillId {
  readonly job: JobId;
  readonly task: TaskId;
  readonly attempt: AttemptId;
}

export type SpillFile = 'results.sqlite' | 'part.parquet' | 'log.jsonl' | 'done.json' | 'spill.json';

/** Keys within a spill place. */
export const spillJobPrefix = (job: JobId): string => `${job}/`;
export const spillPrefix = ({ job, task, attempt }: SpillId): string => `${job}/${task}/${attempt}/`;
export const spillKey = (id: SpillId, file: SpillFile): string => `${spillPrefix(id)}${file}`;

const RECORD_KEY = /^([^/]+)\/([^/]+)\/([A-Za-z0-9-]{1,48}_\d{1,7}\.\d{1,4})\/spill\.json$/;

/** The spill that a key is the record of; null for every other key. */
export function spillOfRecord(key: string): SpillId | null {
  const [, job = '', task = '', attempt = ''] = RECORD_KEY.exec(key) ?? [];
  return isTaskId(task) ? { job: job as JobId, task, attempt: attempt as AttemptId } : null;
}

/** What the bytes of a record say, or what is wrong with them. */
export function decodeSpill(bytes: Uint8Array, id: SpillId): SpillRecord | string {
  let record: Partial<SpillRecord> | null;
  try {
    record = JSON.parse(new TextDecoder().decode(bytes)) as Partial<SpillRecord> | null;
  } catch {
    return 'spill.json is not JSON';
  }
  if (record?.schema !== SPILL_SCHEMA) return `the schema of spill.json is ${JSON.stringify(record?.schema ?? null)}`;
  for (const name of ['job', 'task', 'attempt'] as const)
    if (record[name] !== id[name]) return `spill.json is of ${name} ${String(record[name])}`;
  const { generation, win, files } = record;
  const counts = [generation, win?.rows, win?.succeeded, win?.failed];
  if (!counts.every((count) => Number.isInteger(count)) || win?.attempt !== id.attempt)
    return 'spill.json lacks a commit';
  const digests = [win.sha256, files?.results?.sha256, files?.part?.sha256, files?.log?.sha256 ?? win.sha256];
  if (!digests.every((digest) => typeof digest === 'string')) return 'spill.json lacks digests';
  return record as SpillRecord;
}
