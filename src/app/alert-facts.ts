/** What alert rules are judged by, read from what is stored about a job. */
import type { Summary } from '../coordinator/summarise.ts';
import { summariseJob } from '../coordinator/summarise.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { readLimit } from '../limiter/site-limits.ts';
import type { AlertFacts } from '../observe/alerts/facts.ts';
import type { Drivers } from './job-backends.ts';
import { windowsOf } from './limit-commands.ts';
import { speed, tellReason } from './status-document.ts';
import { tableNowMs } from './table-time.ts';

/** `limits`: those whose quotas a rule asks for. */
export async function readAlertFacts(
  drivers: Drivers,
  job: JobId,
  limits: NonNullable<JobSpec['limits']>,
): Promise<AlertFacts> {
  const summary = await summariseJob(drivers.state, job);
  const { meta, items, tasks, causes, failures, trouble } = summary;
  const nowMs = drivers.clock.nowMs();
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
    retryingTasks: trouble.retries.reduce((sum, group) => sum + group.tasks, 0),
    timedOutTasks: causes.find(({ cause }) => cause === 'time-limit')?.tasks ?? 0,
    givenUpTasks: tasks.dead,
    etaMs: speed(summary, nowMs).etaMs,
    quotas: await readQuotas(drivers, limits),
    worst: worstOf(failures),
  };
}

const worstOf = ([first]: Summary['failures']): string | null =>
  first === undefined
    ? null
    : `${first.tasks} ${first.tasks === 1 ? 'task' : 'tasks'} with ${first.cause} (${first.example})`;

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
