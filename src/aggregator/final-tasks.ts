import { asTaskId, taskNumber, type TaskId } from '../domain/ids.ts';
import { isFinalTaskState } from '../domain/states.ts';
import { taskPartition } from '../domain/state-keys.ts';
import type { TaskItem, Win } from '../domain/task-item.ts';
import { AppError } from '../errors/app-error.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { LoadedJob } from './load-job.ts';

/** A task that needs no more work: committed, or given up. */
export type FinalTask =
  | { readonly task: TaskId; readonly item: TaskItem; readonly win: Win }
  | { readonly task: TaskId; readonly item: TaskItem; readonly win: null };

export interface SortedTasks {
  readonly final: readonly FinalTask[];
  /** Tasks that still have work to do, in order. */
  readonly unfinished: readonly TaskId[];
  /** Every task with its number of items, in order: neighbours are neighbours in the input. */
  readonly sizes: readonly { readonly task: TaskId; readonly items: number }[];
}

/** Every task of a job in order, whatever its state. */
export async function readSortedTasks(state: StateTable, { job, manifest }: LoadedJob): Promise<SortedTasks> {
  const tasks: { readonly task: TaskId; readonly item: TaskItem }[] = [];
  for (let shard = 0; shard < manifest.shards; shard += 1)
    for await (const { sort, item } of state.query(taskPartition(job, shard)))
      tasks.push({ task: asTaskId(sort), item: item as unknown as TaskItem });
  return sortTasks(tasks);
}

/** All tasks of a job, in any order, by what they need; pure. */
export function sortTasks(tasks: readonly { readonly task: TaskId; readonly item: TaskItem }[]): SortedTasks {
  const sorted = tasks.toSorted((a, b) => taskNumber(a.task) - taskNumber(b.task));
  const isFinal = ({ item }: { readonly item: TaskItem }): boolean => isFinalTaskState(item.state);
  return {
    final: sorted.filter(isFinal).map(({ task, item }) => finalTask(task, item)),
    unfinished: sorted.filter((one) => !isFinal(one)).map(({ task }) => task),
    sizes: sorted.map(({ task, item }) => ({ task, items: item.items })),
  };
}

/** Every task of the job in order. @throws JOB_BAD_STATE with how many are in which state, unless all are final */
export async function readFinalTasks(state: StateTable, { job, manifest }: LoadedJob): Promise<FinalTask[]> {
  const tasks: FinalTask[] = [];
  const unfinished = new Map<string, number>();
  let found = 0;
  for (let shard = 0; shard < manifest.shards; shard += 1)
    for await (const { sort, item } of state.query(taskPartition(job, shard))) {
      found += 1;
      const task = item as unknown as TaskItem;
      if (isFinalTaskState(task.state)) tasks.push(finalTask(asTaskId(sort), task));
      else unfinished.set(task.state, (unfinished.get(task.state) ?? 0) + 1);
    }
  if (found < manifest.counts.tasks) unfinished.set('missing', manifest.counts.tasks - found);
  if (unfinished.size > 0 || found > manifest.counts.tasks) {
    const counts = [...unfinished].map(([name, count]) => `${count} ${name}`).join(', ');
    throw new AppError('JOB_BAD_STATE', {
      message: `job ${job} has ${manifest.counts.tasks} tasks, found ${found} and of these ${tasks.length} final${counts === '' ? '' : ` (${counts})`}`,
      hint: `Wait until all are, or run: slurmctl advance ${job}`,
      details: Object.fromEntries(unfinished),
    });
  }
  return tasks.toSorted((a, b) => taskNumber(a.task) - taskNumber(b.task));
}

function finalTask(task: TaskId, item: TaskItem): FinalTask {
  if (item.state !== 'DONE') return { task, item, win: null };
  if (item.win === undefined)
    throw new AppError('RESULT_CORRUPT', { message: `task ${task} is DONE but names no committed attempt` });
  return { task, item, win: item.win };
}
