import type { JobId, TaskId } from '../domain/ids.ts';
import { taskPartition, type StateKey } from '../domain/state-keys.ts';
import { isFinalTaskState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { NewItem, StateItem } from '../ports/state-table.ts';
import { eachBounded } from './bounded.ts';
import { firstCopy, isSameItem, seenOf, type Seen } from './copied-item.ts';
import { copyItem } from './copy-item.ts';
import { IN_FLIGHT, type CarrierDeps } from './needs.ts';
import { carryHistory } from './task-history.ts';
import { carryTaskFiles, copiedTask, filesBehind } from './task-files.ts';

export interface TaskTally {
  /** Tasks in the spool. */
  total: number;
  /** Of those, the ones whose final state was carried, by this carry or an earlier one. */
  final: number;
  /** Tasks that changed in the copy. */
  changed: number;
  /** One sentence a task whose files in the spool are damaged: it stays as it was in the copy. */
  readonly problems: string[];
}

/** New tasks stored together: what a carrier that dies has to send again. */
const GROUP = 100;

/** A file in the spool that is not what it should be keeps its own task back and no other. */
const DAMAGE: readonly ErrorCode[] = ['STORE_CORRUPT', 'STORE_NOT_FOUND', 'MANIFEST_CORRUPT'];

interface DueTask {
  readonly task: TaskId;
  readonly key: StateKey;
  readonly seen: Seen | null;
  readonly truth: StateItem;
}

/** Carries the tasks of a job that differ, with the files and records behind them, shard by shard: a shard is what is in memory. */
export async function carryTasks(deps: CarrierDeps, job: JobId, shards: number): Promise<TaskTally> {
  const tally: TaskTally = { total: 0, final: 0, changed: 0, problems: [] };
  for (let shard = 0; shard < shards; shard += 1) {
    const due = await differingTasks(deps, taskPartition(job, shard), tally);
    const fresh = due.filter(({ seen }) => seen === null);
    for (let at = 0; at < fresh.length; at += GROUP) await carryNew(deps, job, fresh.slice(at, at + GROUP), tally);
    await eachBounded(
      due.filter(({ seen }) => seen !== null),
      IN_FLIGHT,
      (one) => noteDamage(tally, one, () => carryOne(deps, job, one, tally)),
    );
  }
  return tally;
}

/** The copies are read to their end before the first task of the truth: see copied-item.ts. */
async function differingTasks(deps: CarrierDeps, partition: string, tally: TaskTally): Promise<DueTask[]> {
  const copies = new Map<string, Seen | null>();
  for await (const { sort, item } of deps.to.state.query(partition)) copies.set(sort, seenOf(item));
  const due: DueTask[] = [];
  for await (const { sort, item } of deps.from.state.query(partition)) {
    const truth = copiedTask(item);
    const seen = copies.get(sort) ?? null;
    tally.total += 1;
    if (isSameItem(seen, truth)) countIfFinal(tally, truth);
    else due.push({ task: sort as TaskId, key: { partition, sort }, seen, truth });
  }
  return due;
}

function countIfFinal(tally: TaskTally, item: StateItem | null): void {
  if (item !== null && isFinalTaskState((item as unknown as TaskItem).state)) tally.final += 1;
}

/** Files and records of the whole group, then its items in one go; whatever turns out to exist already is treated like any other task. */
async function carryNew(deps: CarrierDeps, job: JobId, group: readonly DueTask[], tally: TaskTally): Promise<void> {
  const ready: DueTask[] = [];
  await eachBounded(group, IN_FLIGHT, (one) =>
    noteDamage(tally, one, async () => {
      await carryBehind(deps, { job, task: one.task }, null, one.truth);
      ready.push(one);
    }),
  );
  if (ready.length === 0) return;
  deps.assertHeld();
  if (await createAll(deps, ready)) {
    tally.changed += ready.length;
    for (const { truth } of ready) countIfFinal(tally, truth);
    return;
  }
  await eachBounded(ready, IN_FLIGHT, (one) =>
    noteDamage(tally, one, async () => {
      const seen = seenOf(await deps.to.state.get(one.key));
      const truth = await readTask(deps, one.key);
      if (truth !== null) await carryOne(deps, job, { ...one, seen, truth }, tally);
    }),
  );
}

/** False when some may have existed before, or nobody knows. */
async function createAll(deps: CarrierDeps, tasks: readonly DueTask[]): Promise<boolean> {
  const items: NewItem[] = tasks.map(({ key, truth }) => ({ key, item: firstCopy(truth) }));
  try {
    return (await deps.to.state.createMany(items)) === items.length;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return false;
  }
}

async function carryOne(deps: CarrierDeps, job: JobId, due: DueTask, tally: TaskTally): Promise<void> {
  const copied = await copyItem(deps, {
    ...due,
    again: () => readTask(deps, due.key),
    before: (truth, seen) => carryBehind(deps, { job, task: due.task }, seen === null ? null : seen.item, truth),
  });
  tally.changed += 1;
  countIfFinal(tally, copied);
}

/** Files and records that the copy may lack once it is equal to `truth`. */
async function carryBehind(
  deps: CarrierDeps,
  of: { readonly job: JobId; readonly task: TaskId },
  seen: StateItem | null,
  truth: StateItem,
): Promise<void> {
  await carryTaskFiles(deps, of, filesBehind(seen, truth));
  await carryHistory(deps, of, { seen, truth });
}

async function readTask(deps: CarrierDeps, key: StateKey): Promise<StateItem | null> {
  const item = await deps.from.state.get(key);
  return item === null ? null : copiedTask(item);
}

async function noteDamage(tally: TaskTally, { task }: DueTask, carry: () => Promise<void>): Promise<void> {
  try {
    await carry();
  } catch (error) {
    if (!isAppError(error) || !DAMAGE.includes(error.code)) throw error;
    tally.problems.push(`task ${task}: ${error.message}`);
  }
}
