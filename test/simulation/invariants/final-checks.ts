/** What must hold when everything has come to rest. */
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import type { JobMeta, JobRollup, SubmissionItem } from '../../../src/domain/job-item.ts';
import { finalKey, partKey } from '../../../src/domain/keys.ts';
import type { FinalPointer, PublicationManifest } from '../../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import { jobIndexKey, metaKey, rollupKey } from '../../../src/domain/state-keys.ts';
import { isFinalJobState, isFinalTaskState } from '../../../src/domain/states.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import type { SimSlurm } from '../ports/batch-system.ts';
import { decodeRows } from '../ports/disk.ts';
import { isDeadly, outputOf, type ItemBehaviour } from '../ports/handler.ts';
import type { Watched } from './report.ts';
import { findOther, keptOf } from './watch-redo.ts';
import type { PublishedTasks } from './watch-store.ts';

export interface FinalContext extends Watched {
  readonly slurm: SimSlurm;
  readonly behaviours: readonly ItemBehaviour[];
  readonly bad: ReadonlySet<number>;
  /** Faults that end elements or waves; they bound the number of submissions. */
  readonly incidents: number;
  readonly mayBeStopped: boolean;
  /** Nothing goes wrong but what items do. */
  readonly isCalm: boolean;
  /** Nothing but deadly items ends a worker before its time. */
  readonly onlyItemsKill: boolean;
  readonly published: PublishedTasks;
}

type Task = TaskItem & { readonly id: string };

/** Checks one job. */
export function checkEnd(context: FinalContext, job: JobId): void {
  const { state, slurm, violate } = context;
  const meta = state.peek(metaKey(job)) as unknown as JobMeta | null;
  if (meta === null) return;
  if (!isFinalJobState(meta.state)) {
    violate(
      'liveness',
      `${job} is still ${meta.state} (${meta.stage}${meta.waitingFor === undefined ? '' : `; ${meta.waitingFor}`})`,
    );
    return;
  }
  if (state.peek(jobIndexKey(job))?.['live'] !== false) violate('liveness', `${job} is final but still listed as live`);
  for (const { sort, item } of state.peekAll(`J#${job}`)) {
    const row = item as unknown as SubmissionItem;
    if (!sort.startsWith('SUB#') || row.sentMs === undefined) continue;
    if (row.state === 'INTENT' || row.state === 'SUBMITTED')
      violate('left-running', `${job}: outbox row ${sort} is still ${row.state}`);
  }
  for (const { submission, index, phase } of slurm.live())
    if (submission.request.name.startsWith(`${job}.`))
      violate('left-running', `${job} is ${meta.state}, but element ${submission.id}_${index} is ${phase}`);
  const tasks = state
    .partitions()
    .filter((one) => one.startsWith(`J#${job}#T#`))
    .flatMap((one) => state.peekAll(one))
    .map(({ sort, item }): Task => ({ ...(item as unknown as TaskItem), id: sort }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  checkTasks(context, job, meta, tasks);
  checkSubmissions(context, job, tasks);
  if (context.isCalm) checkCalm(context, job, tasks);
  if (meta.publication !== undefined || context.store.peek(finalKey(job)) !== null)
    checkOutput(context, job, meta, tasks);
  else if (meta.state !== 'CANCELLED' && meta.submittedWave >= 0)
    violate('output-is-exact', `${job} is ${meta.state} and has no output: ${meta.reason ?? 'no reason'}`);
}

function checkTasks({ state, violate }: FinalContext, job: JobId, meta: JobMeta, tasks: readonly Task[]): void {
  if (meta.stage !== 'ready' || meta.submittedWave < 0) return;
  const unfinished = tasks.filter((task) => !isFinalTaskState(task.state));
  if (unfinished.length > 0)
    violate('sums', `${job} is ${meta.state}, but task ${unfinished[0]?.id} is ${unfinished[0]?.state}`);
  const items = tasks.reduce((sum, task) => sum + task.items, 0);
  if (tasks.length !== meta.tasks || items !== meta.items)
    violate('sums', `${job}: ${tasks.length} tasks with ${items} items, META says ${meta.tasks} with ${meta.items}`);
  const rollup = state.peek(rollupKey(job)) as unknown as (Partial<JobRollup> & Pick<JobRollup, 'generation'>) | null;
  const done = tasks.filter((task) => task.state === 'DONE').length;
  // The sums of an earlier generation stay until a later one is published.
  if (isFinalJobState(meta.state) && meta.state !== 'CANCELLED' && rollup?.generation !== meta.generation)
    violate('sums', `${job}: generation ${meta.generation} is ${meta.state}, the rollup is of ${rollup?.generation}`);
  else if (
    meta.publication !== undefined &&
    rollup?.generation === meta.generation &&
    (rollup.tasks?.total !== tasks.length || rollup.tasks.done > done)
  )
    violate(
      'sums',
      `${job}: the rollup says ${JSON.stringify(rollup?.tasks)}, there are ${tasks.length}, ${done} done`,
    );
  else if (rollup?.generation === meta.generation) checkRollupFailures({ violate }, job, rollup, tasks);
}

/** The groups of a rollup are those of the commits. What finished after the output was published is in no rollup. */
function checkRollupFailures(
  { violate }: Pick<FinalContext, 'violate'>,
  job: JobId,
  { items, failures }: Partial<JobRollup>,
  tasks: readonly Task[],
): void {
  const named = tasks.flatMap(({ win }) => win?.failures ?? []);
  const ofGroup = (fingerprint: string): number =>
    named.reduce((sum, group) => sum + (group.fingerprint === fingerprint ? group.items : 0), 0);
  const { groups, ungrouped } = failures ?? { groups: [], ungrouped: items?.failed ?? 0 };
  const inGroups = groups.reduce((sum, group) => sum + group.items, 0);
  const isTrue = groups.every((group) => group.items <= ofGroup(group.fingerprint));
  if (!isTrue || inGroups + ungrouped > (items?.failed ?? 0) || (failures === undefined && ungrouped > 0))
    violate(
      'sums',
      `${job}: the rollup says ${JSON.stringify({ items, failures })}, the commits ${JSON.stringify(named)}`,
    );
}

/** Each deadly item is found and put aside, or gets what it needs; nobody else pays for it. */
function checkCalm({ violate, spec, behaviours }: FinalContext, job: JobId, tasks: readonly Task[]): void {
  const perTask = spec.batch.items ?? 1;
  for (const [number, task] of tasks.entries()) {
    const own = behaviours.slice(number * perTask, (number + 1) * perTask);
    const deadly = own.filter(isDeadly).length;
    const failed = task.win?.failed ?? 0;
    if (task.state !== 'DONE')
      violate(
        'quarantine',
        `${job}: nothing went wrong but ${deadly} deadly items, and task ${task.id} is ${task.state} (${task.cause})`,
      );
    else if (failed > deadly)
      violate('quarantine', `${job}: task ${task.id} has ${failed} failed items and ${deadly} deadly ones`);
    else if (failed < own.filter(({ kind }) => kind === 'poison').length)
      violate('quarantine', `${job}: task ${task.id} has only ${failed} failed items`);
  }
}

function checkSubmissions({ slurm, violate, incidents }: FinalContext, job: JobId, tasks: readonly Task[]): void {
  const arrays = slurm.submissions.filter(({ request }) => request.array && request.name.startsWith(`${job}.`));
  const attempts = tasks.reduce((sum, task) => sum + task.attempts, 0);
  const most = 12 + 2 * attempts + 2 * incidents;
  if (arrays.length > most)
    violate('budget', `${job}: ${arrays.length} arrays for ${attempts} attempts, at most ${most}`);
}

/**
 * The output is held against the tasks as they were when it was published: a zombie may commit afterwards, or a retry that was cancelled open
 * them again, which changes the task and not the output.
 */
function checkOutput(context: FinalContext, job: JobId, meta: JobMeta, all: readonly Task[]): void {
  const { store, violate } = context;
  const read = <T>(key: string): T => JSON.parse(Buffer.from(store.peek(key) ?? '{}').toString()) as T;
  const pointer = read<FinalPointer>(finalKey(job));
  const then = context.published.get(pointer.manifest.key);
  const tasks = all.map(({ id }): Task => ({ ...(then?.get(id) as TaskItem), id }));
  if (meta.state !== 'CANCELLED' && pointer.publication !== meta.publication)
    violate('pointer', `${job} has ended with ${meta.publication}, final.json says ${pointer.publication}`);
  const manifest = read<PublicationManifest>(pointer.manifest.key);
  const rows = decodeRows(store.peek(manifest.files.results.key) ?? new Uint8Array()) ?? [];
  const expected = tasks.flatMap((task) => Array.from({ length: task.items }, () => task));
  if (rows.length !== expected.length || rows.some((row, at) => row.itemIndex !== at)) {
    violate('output-is-exact', `${job}: items ${rows.map((row) => row.itemIndex).join()} of ${expected.length}`);
    return;
  }
  const kept = new Map(tasks.map((task) => [task.id, keptIn(context, job, task)] as const));
  for (const task of tasks) {
    const flaw = findOther(kept.get(task.id) ?? new Map(), rows);
    if (flaw !== null) violate('redo', `${job}: task ${task.id} (${task.state}): ${flaw}`);
  }
  const winners = new Map(tasks.map((task) => [task.id, winnerRows(context, job, task)] as const));
  for (const [at, row] of rows.entries()) {
    const task = expected[at] as Task;
    const winner = winners.get(task.id);
    const source = winner?.find((one) => one.itemIndex === at);
    if (winner !== null && JSON.stringify(source) !== JSON.stringify(row))
      violate('output-is-exact', `${job}: item ${at} is not the winner's: ${JSON.stringify(row)}`);
    const flaw = kept.get(task.id)?.has(at) === true ? null : findRowFlaw(context, task, row);
    if (flaw !== null) violate('output-is-exact', `${job}: item ${at} of task ${task.id} (${task.state}): ${flaw}`);
  }
}

/** What a retry left alone of the task, which was checked when it was made; null: nothing. */
const keptIn = ({ store }: FinalContext, job: JobId, { redo, id, generation }: Task) =>
  redo === true ? keptOf(store, job, id, generation) : null;

/** Null for a task without a winner, or one whose part was damaged after it was published. */
function winnerRows({ store }: FinalContext, job: JobId, task: Task): ItemOutcome[] | null {
  if (task.win === undefined) return null;
  const key = partKey(job, task.id as TaskId, task.win.attempt);
  return store.isCorrupt(key) ? null : decodeRows(store.peek(key) ?? new Uint8Array());
}

function findRowFlaw(context: FinalContext, task: Task, row: ItemOutcome): string | null {
  const { runs, behaviours, bad, mayBeStopped } = context;
  const item = row.itemIndex;
  if (bad.has(item)) return row.cause === 'bad-input' ? null : `a bad record has cause ${row.cause}`;
  if (row.status === 'succeeded') {
    const output = JSON.parse(row.output ?? 'null') as { value: number; by: string } | null;
    if (output?.value !== outputOf(item)) return `output ${row.output}, expected ${outputOf(item)}`;
    const ran = runs.some((run) => run.item === item && run.attempt === output.by && run.ended === 'succeeded');
    return ran ? null : `attempt ${output.by} never ended it with success`;
  }
  if (row.cause === null) return 'it failed without a cause';
  if (row.errorClass === 'quarantined') return findQuarantineFlaw(context, item);
  // A process that is stopped while an item runs finds it timed out when it goes on.
  const isFaulty = behaviours[item]?.kind !== 'fine' || (row.cause === 'timeout-item' && mayBeStopped);
  return task.state === 'DONE' && !isFaulty ? `it failed (${row.cause}) though its handler never does` : null;
}

/** Where nothing else kills workers, whoever is put aside is the one that did. */
function findQuarantineFlaw({ behaviours, onlyItemsKill }: FinalContext, item: number): string | null {
  const behaviour = behaviours[item];
  return onlyItemsKill && behaviour !== undefined && !isDeadly(behaviour)
    ? 'it was put aside, though only others end their workers'
    : null;
}
