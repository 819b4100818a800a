/** Checks every change of a task item at the moment of its write. */
import { elementOf, type AttemptId, type JobId, type TaskId } from '../../../src/domain/ids.ts';
import { segmentKey } from '../../../src/domain/keys.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import { decodeSegment } from '../../../src/domain/segment.ts';
import type { StateChange } from '../../../src/ports/state-table.ts';
import { canTaskMove } from '../../../src/domain/states.ts';
import {
  MAX_ATTEMPTS_IN_ALL,
  MAX_IDLE_ATTEMPTS,
  type CheckpointPointer,
  type TaskItem,
} from '../../../src/domain/task-item.ts';
import type { SimProcess } from '../core/processes.ts';
import type { Run } from '../ports/handler.ts';
import type { SimObjectStore } from '../ports/object-store.ts';
import type { StateEvent } from '../ports/state-table.ts';
import { createDecisionWatch, type DecisionContext } from './watch-decisions.ts';
import { createRedoWatch } from './watch-redo.ts';
import { findWinnerFlaw } from './winner.ts';

export interface TaskWatch {
  /** Commits of work that its attempt could not report so far. */
  adopted(): number;
  onWrite(event: StateEvent, job: string): void;
  onRun(process: SimProcess, run: Run): void;
}

/** That a retry will not come to this task any more; the task stays as it is. */
const isMark = ({ set = {}, add, remove }: StateChange): boolean =>
  Object.keys(set).join(',') === 'redoClosed' && add === undefined && remove === undefined;

const asTask = (item: StateEvent['after']): TaskItem | null => item as unknown as TaskItem | null;

/** @param kept attempts whose finished work could not be reported, as `<job>/<task>/<attempt>`: anybody may commit them */
export function createTaskWatch(
  watched: DecisionContext,
  wasSubmitted: (job: string) => boolean,
  kept: ReadonlySet<string>,
): TaskWatch {
  const decisions = createDecisionWatch(watched);
  const redone = createRedoWatch(watched);
  const { store, spec, violate } = watched;
  const winners = new Map<string, string>();
  let adopted = 0;
  /** Items that were saved when an attempt took its task over, by `attempt/task`. */
  const savedAtClaim = new Map<
    string,
    { readonly job: JobId; readonly generation: number; readonly items: Set<number> }
  >();

  const checkCommit = (job: string, task: string, item: TaskItem): void => {
    const name = `${job}/${task} generation ${item.generation}`;
    const attempt = item.win?.attempt ?? '';
    const earlier = winners.get(name);
    if (earlier !== undefined) violate('one-winner', `${name}: ${attempt} wins after ${earlier}`);
    winners.set(name, attempt);
    const flaw = findWinnerFlaw(store, job, task, item);
    if (flaw !== null) violate('winner-is-complete', `${name}: ${attempt} wins, but ${flaw}`);
  };
  const checkNeeds = (where: string, attempt: AttemptId, { needs = {} }: TaskItem): void => {
    const { memoryBytes = 0, timeMs = 0 } = watched.resourcesOf(attempt) ?? {};
    if ((needs.memoryBytes ?? 0) > memoryBytes || (needs.timeMs ?? 0) > timeMs)
      violate(
        'needs',
        `${where}: ${attempt} with ${memoryBytes} B and ${timeMs} ms takes it, it needs ${JSON.stringify(needs)}`,
      );
  };
  const checkWorker = (process: SimProcess, where: string, before: TaskItem, after: TaskItem): void => {
    const me = process.attempt as AttemptId;
    if (after.win !== undefined && before.win === undefined) {
      if (after.win.attempt !== me) violate('stale-write', `${where}: ${me} commits ${after.win.attempt}`);
      return;
    }
    if (after.owner === me && before.owner !== me) {
      if (after.attempts !== before.attempts + 1) violate('only-grows', `${where}: a claim did not count`);
      checkNeeds(where, me, after);
      if (before.state === 'PENDING') return;
      const restarts = (owner: string): number => Number(owner.slice(owner.lastIndexOf('.') + 1));
      const mayTakeOver =
        before.state === 'RUNNING' &&
        before.owner !== undefined &&
        elementOf(before.owner) === elementOf(me) &&
        restarts(before.owner) < restarts(me);
      if (!mayTakeOver) violate('stale-write', `${where}: ${me} takes it from ${before.owner} (${before.state})`);
      return;
    }
    if (before.owner !== me || before.state !== 'RUNNING')
      violate('stale-write', `${where}: ${me} writes while ${before.owner ?? 'nobody'} owns it (${before.state})`);
  };
  /** A decision holds only for the task as it was when it was made. */
  const checkDecision = (event: StateEvent, where: string, before: TaskItem, after: TaskItem): void => {
    const seen = asTask(event.process.seen.get(`${event.key.partition}/${event.key.sort}`) ?? null);
    if (after.state === 'CANCELLED') {
      if (seen?.generation !== before.generation)
        violate('stale-write', `${where}: ${event.process.name} cancels a generation that it has not seen`);
      return;
    }
    const told = (item: TaskItem | null): string =>
      item === null
        ? 'nothing'
        : `${item.state} attempts ${item.attempts} owner ${item.owner ?? '-'} generation ${item.generation} not before ${item.notBeforeMs ?? '-'}`;
    if (told(seen) !== told(before))
      violate('stale-write', `${where}: ${event.process.name} saw ${told(seen)}, it was ${told(before)}`);
  };
  const checkCheckpoint = (job: string, where: string, task: string, before: TaskItem, after: TaskItem): void => {
    const old = before.checkpoint;
    const pointer = after.checkpoint;
    if (pointer === undefined || JSON.stringify(pointer) === JSON.stringify(old)) return;
    if (old !== undefined && before.generation === after.generation) {
      const back = old.attempt === pointer.attempt ? pointer.seq < old.seq : pointer.items < old.items;
      if (back && savedItems(store, job, task, old) !== null)
        violate('only-grows', `${where}: checkpoint moves from ${JSON.stringify(old)} to ${JSON.stringify(pointer)}`);
    }
    if (savedItems(store, job, task, pointer) === null && !isDamaged(store, job, task, pointer))
      violate('winner-is-complete', `${where}: checkpoint ${JSON.stringify(pointer)} names what is not stored`);
  };

  return {
    adopted: () => adopted,
    onWrite(event, job) {
      const { process, key } = event;
      const where = `${job}/${key.sort}`;
      const before = asTask(event.before);
      const after = asTask(event.after);
      if (after === null) {
        if (wasSubmitted(job)) violate('deletion', `${where}: deleted after a submission was accepted`);
        return;
      }
      if (before === null) {
        if (after.state !== 'PENDING') violate('illegal-move', `${where}: created as ${after.state}`);
        return;
      }
      if (event.change !== null && isMark(event.change)) return;
      if (event.change === null) violate('done-is-absorbing', `${where}: created again over ${before.state}`);
      if (before.state !== after.state && !canTaskMove(before.state, after.state))
        violate('illegal-move', `${where}: ${before.state} → ${after.state} by ${process.name}`);
      if (before.state === 'DONE' && before.generation === after.generation)
        violate('done-is-absorbing', `${where}: changed by ${process.name} to ${JSON.stringify(after)}`);
      if (after.attempts < before.attempts || after.generation < before.generation)
        violate('only-grows', `${where}: attempts ${before.attempts} → ${after.attempts} by ${process.name}`);
      if (after.generation > before.generation + 1) violate('only-grows', `${where}: skips a generation`);
      const begun = after.attempts - (after.attemptsBefore ?? 0);
      if (begun > MAX_ATTEMPTS_IN_ALL + MAX_IDLE_ATTEMPTS) violate('budget', `${where}: ${begun} attempts`);
      // The last of them is counted when the task is given up.
      if ((after.idleAttempts ?? 0) > MAX_IDLE_ATTEMPTS && after.state !== 'DEAD')
        violate('budget', `${where}: ${after.idleAttempts} attempts in a row came no further`);
      const mayCharge = spec.retry.attempts + (after.escalations ?? 0);
      if (after.charged < 0 || after.charged > Math.min(after.attempts, mayCharge))
        violate('budget', `${where}: charged ${after.charged} of ${spec.retry.attempts} (${after.attempts} attempts)`);
      if (after.win !== undefined && JSON.stringify(after.win) !== JSON.stringify(before.win)) {
        checkCommit(job, key.sort, after);
        redone.onCommit(job, key.sort, after);
      }
      const isAdopted =
        after.win !== undefined && before.win === undefined && kept.has(`${where}/${after.win.attempt}`);
      if (isAdopted) adopted += 1;
      else if (event.change?.set?.['redo'] === true) redone.onOpening(process, job, key.sort, { before, after });
      else if (process.kind === 'worker' || process.kind === 'report') checkWorker(process, where, before, after);
      else {
        checkDecision(event, where, before, after);
        decisions.onMove(job, key.sort, before, after);
      }
      checkCheckpoint(job, where, key.sort, before, after);
      if (after.owner !== undefined && after.owner !== before.owner) redone.onClaim(job, key.sort, after);
      if (after.owner !== undefined && after.owner !== before.owner && after.checkpoint !== undefined) {
        const items = savedItems(store, job, key.sort, after.checkpoint);
        const claim = { job: job as JobId, generation: after.generation };
        if (items !== null) savedAtClaim.set(`${after.owner}/${key.sort}`, { ...claim, items });
      }
    },
    onRun(process, run) {
      redone.onRun(process, run);
      const saved = savedAtClaim.get(`${run.attempt}/${run.task}`);
      if (saved?.items.has(run.item) !== true) return;
      // Whoever won has removed the segments, and perhaps the task was opened again since; what is run then is wasted anyway.
      const task = asTask(watched.state.peek(taskKey(saved.job, run.task as TaskId, 1)));
      if (task?.state !== 'DONE' && task?.generation === saved.generation)
        violate('rerun', `${process.name} runs item ${run.item} of ${run.task}, which a checkpoint holds`);
    },
  };
}

/** Items a checkpoint holds; null when a segment is missing or unusable. */
export function savedItems(
  store: SimObjectStore,
  job: string,
  task: string,
  pointer: CheckpointPointer,
): Set<number> | null {
  const items = new Set<number>();
  for (let seq = 1; seq <= pointer.seq; seq += 1) {
    const bytes = store.peek(segmentKey(job as JobId, task as TaskId, pointer.attempt, seq));
    const segment = bytes === null ? 'missing' : decodeSegment(bytes);
    if (typeof segment === 'string') return null;
    for (const { itemIndex } of segment.outcomes) items.add(itemIndex);
  }
  return items.size === pointer.items ? items : null;
}

const isDamaged = (store: SimObjectStore, job: string, task: string, pointer: CheckpointPointer): boolean =>
  Array.from({ length: pointer.seq }, (_, at) => at + 1).some((seq) =>
    store.isCorrupt(segmentKey(job as JobId, task as TaskId, pointer.attempt, seq)),
  );
