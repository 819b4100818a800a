/** What alert rules are judged by, read from what is stored about a job. */
import { createRetrySums } from '../coordinator/retry-sums.ts';
import type { Summary } from '../coordinator/summarise.ts';
import { summariseJob } from '../coordinator/summarise.ts';
import type { BudgetCounts } from '../domain/breaker.ts';
import { counted } from '../domain/counted.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { readLimit } from '../limiter/site-limits.ts';
import type { AlertFacts } from '../observe/alerts/facts.ts';
import { retriesAllowed } from '../retry/budget.ts';
import type { Drivers } from './job-backends.ts';
import { windowsOf } from './limit-commands.ts';
import type { PaceDocument } from './pace-documents.ts';
import { speed, tellReason } from './status-document.ts';
import { createPaceWatch } from './status-pace.ts';
import { tableNowMs } from './table-time.ts';

/** `limits`: those whose quotas a rule asks for. */
export async function readAlertFacts(
  drivers: Drivers,
  job: JobId,
  limits: NonNullable<JobSpec['limits']>,
): Promise<AlertFacts> {
  const nowMs = drivers.clock.nowMs();
  const watch = createPaceWatch(nowMs);
  const sums = createRetrySums(new Set());
  const summary = await summariseJob(drivers.state, job, (meta) => {
    const show = watch.begin(meta);
    return (id, item) => {
      show(id, item);
      sums.add({ ...item, id });
    };
  });
  const { meta, items, tasks, causes, failures, trouble } = summary;
  const retryingTasks = trouble.retries.reduce((sum, group) => sum + group.tasks, 0);
  return {
    nowMs,
    job,
    name: meta.name,
    state: meta.state,
    generation: meta.generation,
    reason: await tellReason(drivers.state, job, meta),
    beganMs: meta.reopenedMs ?? meta.createdMs,
    items,
    runningTasks: tasks.running,
    queuedTasks: tasks.pending + tasks.submitted,
    retryingTasks,
    timedOutTasks: causes.find(({ cause }) => cause === 'time-limit')?.tasks ?? 0,
    givenUpTasks: tasks.dead,
    heldRetries: isSpent(sums.sums().budget) ? retryingTasks : 0,
    left: leftOf(summary, watch.view({ left: items.pending, tasks }).pace, nowMs),
    quotas: await readQuotas(drivers, limits),
    worst: worstOf(failures),
  };
}

/** The one retry that is always let through, so that the job goes on, is none that is left. */
const isSpent = (budget: BudgetCounts): boolean => retriesAllowed({ ...budget, underWay: 1 }) <= 0;

/** Where nobody can tell its pace at the moment, as while it is paused or nothing of it runs, it needs what it needs at its mean pace. */
function leftOf(summary: Summary, pace: PaceDocument | null, nowMs: number): AlertFacts['left'] {
  const { leftAtLeastMs = null, leftAtMostMs = null } = pace ?? {};
  if (leftAtLeastMs !== null) return { atLeastMs: leftAtLeastMs, atMostMs: leftAtMostMs };
  const { etaMs } = speed(summary, nowMs);
  return etaMs === null ? null : { atLeastMs: etaMs, atMostMs: null };
}

function worstOf([first]: Summary['failures']): string | null {
  if (first === undefined) return null;
  const { items, tasks, atLeast, cause, example } = first;
  const counts = [...(items === 0 ? [] : [counted(items, 'item')]), ...(tasks === 0 ? [] : [counted(tasks, 'task')])];
  return `${atLeast ? 'at least ' : ''}${counts.join(' and ')} with ${cause} (${example})`;
}

async function readQuotas(drivers: Drivers, limits: NonNullable<JobSpec['limits']>): Promise<AlertFacts['quotas']> {
  const quotas: AlertFacts['quotas'][number][] = [];
  if (limits.length === 0) return quotas;
  const nowMs = await tableNowMs(drivers);
  for (const { name } of limits) {
    const item = await readLimit(drivers.state, name);
    // Without quotas, or deleted meanwhile: nothing to count.
    if (item === null) continue;
    for (const { unit, amount, used, every } of windowsOf(item, nowMs))
      quotas.push({ words: `the ${unit} of this ${every} of limit ${name}`, used, amount });
  }
  return quotas;
}
