/** Holds one task whose attempt is not decided about against the batch system: is it over, and then what? */
import { elementOf } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ElementState } from '../ports/batch-system.ts';
import { judgeReleased, judgeRunning, type Gone, type Verdict } from './judge-running.ts';
import { moveTask, sameOwner } from './move-task.ts';
import type { CoordinatorDeps } from './needs.ts';
import type { Pass, Settled } from './reconcile.ts';
import { decide } from './record-decision.ts';
import { handleOf } from './submissions.ts';
import type { Task } from './task-list.ts';

/** A task in WAIT without a time is one that nobody has decided about. */
export const isUndecided = (task: Task): boolean =>
  task.state === 'RUNNING' || (task.state === 'WAIT' && task.notBeforeMs === undefined);

export async function settleTask(deps: CoordinatorDeps, pass: Pass, task: Task): Promise<Settled> {
  const verdict = judge(deps, pass, task);
  switch (verdict.fate) {
    case 'alive':
      return { task };
    case 'unclear':
      return { task, unclear: true };
    case 'stalled':
      return noteStalled(deps, pass, task);
    case 'gone':
      return verdict.isStuck === true ? endStuck(deps, pass, task, verdict) : decide(deps, pass, task, verdict);
  }
}

function judge({ clock }: CoordinatorDeps, { elements }: Pass, task: Task): Verdict {
  const element = task.owner === undefined ? undefined : elements.get(elementOf(task.owner));
  return task.state === 'RUNNING'
    ? judgeRunning(task, element, clock.nowMs())
    : judgeReleased(task, element, clock.nowMs());
}

async function noteStalled(deps: CoordinatorDeps, pass: Pass, task: Task): Promise<Settled> {
  const heartbeatMs = task.heartbeatMs ?? 0;
  const { task: after } = await moveTask(deps, pass, task, {
    change: { set: { stalled: { heartbeatMs, seenMs: deps.clock.nowMs() } } },
    when: { op: 'and', of: [sameOwner(task), { op: 'equals', path: 'heartbeatMs', value: heartbeatMs }] },
  });
  return { task: after, unclear: true };
}

/** The element is cancelled first: a pass that dies before the task moves finds it cancelled, and knows by the task's note why. */
async function endStuck(deps: CoordinatorDeps, pass: Pass, task: Task, verdict: Gone): Promise<Settled> {
  const element = task.owner === undefined ? undefined : pass.elements.get(elementOf(task.owner));
  try {
    if (element !== undefined) await cancelElement(deps, pass, element);
  } catch (error) {
    if (!isAppError(error)) throw error;
    deps.log.warn('element that hangs not cancelled', { job: pass.job, task: task.id, error: error.message });
    return { task, unclear: true };
  }
  return decide(deps, pass, task, verdict);
}

async function cancelElement({ batch }: CoordinatorDeps, { rows = [] }: Pass, element: ElementState): Promise<void> {
  const row = rows.find(({ handle }) => handle === element.id);
  await batch.cancel(row === undefined ? { id: element.id } : handleOf(row), [element.index]);
}
