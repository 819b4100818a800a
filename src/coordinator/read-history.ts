import type { AttemptRecord, CorruptRecord } from '../domain/history.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import { HISTORY_PREFIX, jobPartition } from '../domain/state-keys.ts';
import type { StateTable } from '../ports/state-table.ts';

/** An attempt that ended without a commit, or a committed result that was found damaged. */
export interface HistoryEntry {
  readonly task: TaskId;
  /** What the key ends with: it tells the records of a task apart. */
  readonly number: string;
  readonly record: AttemptRecord | CorruptRecord;
}

/** Every record of a job, task by task in the order of their keys. */
export async function* readHistory(state: Pick<StateTable, 'query'>, job: JobId): AsyncGenerator<HistoryEntry> {
  for await (const { sort, item } of state.query(jobPartition(job), HISTORY_PREFIX)) {
    const [task = '', number = ''] = sort.slice(HISTORY_PREFIX.length).split('#');
    yield { task: task as TaskId, number, record: item as unknown as AttemptRecord | CorruptRecord };
  }
}
