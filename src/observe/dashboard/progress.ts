import type { Panel, Progress } from './document.ts';
import type { Facts, TaskFacts } from './task-facts.ts';

const STEPS = 120;

/** When outcomes came about, over the life of the job so far; pure. The outcomes of a running attempt count at this moment. */
export function progressOf(
  { tasks, attempts, lastFailureMs }: Pick<Facts, 'tasks' | 'attempts' | 'lastFailureMs'>,
  job: { readonly createdMs: number; readonly endMs: number; readonly items: number },
): Panel<Progress> {
  const first = attempts.reduce((least, { fromMs }) => Math.min(least, fromMs), Infinity);
  if (!tasks.some(({ succeeded, failed }) => succeeded + failed > 0)) return { missing: 'No item has an outcome yet.' };
  const fromMs = Math.min(Number.isFinite(first) ? Math.max(first, job.createdMs) : job.createdMs, job.endMs - STEPS);
  const stepMs = (job.endMs - fromMs) / STEPS;
  const succeeded = Array.from<number>({ length: STEPS }).fill(0);
  const failed = Array.from<number>({ length: STEPS }).fill(0);
  let undated = 0;
  for (const task of tasks) {
    const atMs = endOf(task, lastFailureMs) ?? (task.state === 'running' || task.state === 'wait' ? job.endMs : null);
    if (atMs === null) undated += task.succeeded + task.failed;
    const step = atMs === null ? STEPS - 1 : Math.min(STEPS - 1, Math.max(0, Math.floor((atMs - fromMs) / stepMs)));
    succeeded[step] = (succeeded[step] ?? 0) + task.succeeded;
    failed[step] = (failed[step] ?? 0) + task.failed;
  }
  return { fromMs, stepMs, succeeded: sums(succeeded), failed: sums(failed), total: job.items, undated };
}

/** Of a task that was given up: when its last attempt had ended. */
const endOf = ({ task, state, finishedMs }: TaskFacts, lastFailureMs: Facts['lastFailureMs']): number | null =>
  finishedMs ?? (state === 'dead' ? (lastFailureMs.get(task) ?? null) : null);

function sums(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}
