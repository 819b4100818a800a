/** What became of the attempts at a task, carried with the task, by key: only of tasks that changed, and of those only what is newer than the copy. */
import type { JobId, TaskId } from '../domain/ids.ts';
import { historyKey, unclaimedKey, type StateKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { StateItem } from '../ports/state-table.ts';
import { copyItem } from './copy-item.ts';
import type { CarrierDeps } from './needs.ts';

interface OfTask {
  readonly job: JobId;
  readonly task: TaskId;
}

/**
 * Where there may be records that the copy of a task lacks, given the copy and the truth; pure. A record is written before its task moves on, so the
 * copy of a task that did not move has them all. The copy's last attempt counts: its end may have been decided, or given up, since.
 */
export function historyKeysBehind({ job, task }: OfTask, seen: StateItem | null, truth: StateItem): StateKey[] {
  const before = seen as unknown as TaskItem | null;
  const { state, attempts, attemptsBefore = attempts, generation } = truth as unknown as TaskItem;
  const first = before?.attempts ?? 0;
  const keys: StateKey[] = [];
  for (let number = Math.max(1, first); number <= attempts; number += 1) keys.push(historyKey(job, task, number));
  // A generation that nobody came to, or whose result turned out corrupt, has a record of its own: those left behind, and the one given up.
  for (let left = before?.generation ?? 0; left < generation; left += 1)
    for (let number = first; number <= attemptsBefore; number += 1)
      keys.push(unclaimedKey(job, task, { attempts: number, generation: left }));
  if (state === 'DEAD') keys.push(unclaimedKey(job, task, { attempts, generation }));
  return keys;
}

/** Before the task itself, so that whoever sees an attempt to be over in the copy finds there how it ended. */
export async function carryHistory(
  deps: CarrierDeps,
  of: OfTask,
  { seen, truth }: { readonly seen: StateItem | null; readonly truth: StateItem },
): Promise<void> {
  const { state } = deps.from;
  for (const key of historyKeysBehind(of, seen, truth)) {
    const record = await state.get(key);
    // Most are new in the copy. One that is there already is found by the write that it refuses.
    if (record !== null) await copyItem(deps, { key, seen: null, truth: record, again: () => state.get(key) });
  }
}
