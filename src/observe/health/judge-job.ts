/** What is wrong with one job, and what to do about it; pure. Nothing is concluded from a moment alone: everything has had time to come right by itself. */
import { counted } from '../../domain/counted.ts';
import type { HealthCheck, HealthFinding } from '../../domain/health.ts';
import type { JobId } from '../../domain/ids.ts';
import { isBeingStored, type JobMeta, type SubmissionItem } from '../../domain/job-item.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { formatDuration } from '../../domain/units.ts';
import type { QueuedSubmission } from '../../ports/batch-system.ts';
import type { TaskHealth } from './task-health.ts';

/** A finaliser that waits for its time, a tick of cron: whoever advances jobs comes by within this. */
const LATE_MS = 20 * 60_000;
/** Heartbeats come every 30 s, and `advance` gives a silent owner up after eleven minutes. */
const SILENT_MS = 20 * 60_000;
/** Jobs that ended longer ago are no news. */
const NEWS_MS = 24 * 3_600_000;

export interface JobHealthFacts {
  readonly job: JobId;
  readonly meta: JobMeta;
  readonly nowMs: number;
  /** Null: not read, because the job ended long ago or well. */
  readonly tasks: TaskHealth | null;
  readonly submissions: readonly SubmissionItem[];
  /** What waits and runs of this user, by id; null: the batch system was not asked, or did not answer. */
  readonly queue: ReadonlyMap<string, QueuedSubmission> | null;
  /** When a breaker lets the next task try, epoch ms; null: none is open. */
  readonly breakerDueMs: number | null;
  /** Who holds the lease to advance it, as `host:pid:…`, and whether that process is known to be dead; null: nobody. */
  readonly holder: { readonly owner: string; readonly isDead: boolean } | null;
}

export function judgeJob(facts: JobHealthFacts): HealthFinding[] {
  const isOver = isFinalJobState(facts.meta.state);
  return [
    ...(isOver ? endedBadly(facts) : [...standstill(facts), ...silence(facts)]),
    ...(isOver ? leftOvers(facts) : []),
    ...deadLetters(facts),
    ...staleLease(facts),
  ];
}

const finding = (
  { job }: JobHealthFacts,
  check: HealthCheck,
  words: Pick<HealthFinding, 'verdict' | 'found' | 'remedy'>,
): HealthFinding => ({ check, jobId: job, ...words });

/** Elements that wait or run, and why its finaliser waits; null: none does. */
function inQueue({ submissions, queue }: JobHealthFacts): {
  readonly alive: number;
  readonly finaliser: string | null;
} {
  let alive = 0;
  let finaliser: string | null = null;
  for (const { state, kind, handle } of submissions) {
    const queued = handle === undefined || state !== 'SUBMITTED' ? undefined : queue?.get(handle);
    if (queued === undefined) continue;
    alive += queued.running + (kind === 'array' ? queued.waiting : 0);
    if (kind === 'finaliser' && queued.waiting > 0) finaliser = queued.reasons[0]?.reason ?? 'no reason given';
  }
  return { alive, finaliser };
}

/** Reasons of Slurm that are as they should be: for its time, and for what it was told to wait for. */
const WELL: readonly string[] = ['BeginTime', 'Dependency'];

function standstill(facts: JobHealthFacts): HealthFinding[] {
  const { job, nowMs, tasks } = facts;
  if (!canJudge(facts) || tasks === null) return [];
  const quietMs = nowMs - lastSignMs(facts);
  const isDueLater = Math.max(tasks.nextDueMs ?? 0, facts.breakerDueMs ?? 0) > nowMs;
  const { alive, finaliser } = inQueue(facts);
  if (quietMs < LATE_MS || isDueLater || alive > 0 || (finaliser !== null && WELL.includes(finaliser))) return [];
  const remedy = `slurmctl advance ${job}`;
  const quiet = `nothing has happened for ${formatDuration(quietMs)}`;
  if (finaliser !== null) {
    const found = `${leftWords(facts)}; its arrays have ended, and its finaliser waits in the queue (${finaliser}): ${quiet}`;
    return [finding(facts, 'not-advanced', { verdict: 'warn', found, remedy })];
  }
  const { holder } = facts;
  // A merge takes its time, and writes nothing meanwhile.
  const atWork = holder === null || holder.isDead ? '' : `; ${processWords(holder.owner)} says it is at it`;
  const found = `${leftWords(facts)}; nothing of it waits or runs, and ${quiet}${atWork}`;
  return [finding(facts, 'stuck', { verdict: atWork === '' ? 'fail' : 'warn', found, remedy })];
}

/** Slurm answers for one cluster: whether submissions to another one are alive is not known. */
const canJudge = ({ meta, queue, submissions }: JobHealthFacts): boolean =>
  meta.state !== 'PAUSED' &&
  queue !== null &&
  (meta.scheduler === 'local' ||
    submissions.every(
      ({ state, handle = '', cluster }) => state !== 'SUBMITTED' || cluster === undefined || queue.has(handle),
    ));

function lastSignMs({ meta, tasks, submissions }: JobHealthFacts): number {
  const sent = submissions.map(({ submittedMs, createdMs }) => submittedMs ?? createdMs);
  return Math.max(meta.updatedMs, tasks?.lastSignMs ?? 0, ...sent);
}

function leftWords({ meta, tasks }: JobHealthFacts): string {
  if (isBeingStored(meta)) return `its submission stopped (${meta.stage})`;
  const why = meta.waitingFor === undefined ? '' : `, waiting for: ${meta.waitingFor}`;
  return `${meta.state}, ${counted(tasks?.unfinished ?? 0, 'task')} of ${meta.tasks} not done${why}`;
}

function processWords(owner: string): string {
  const [hostname = '', pid = ''] = owner.split(':');
  return `process ${pid} on ${hostname}`;
}

function silence(facts: JobHealthFacts): HealthFinding[] {
  const { job, tasks, nowMs } = facts;
  if (tasks === null || tasks.running === 0 || nowMs - tasks.heardMs < SILENT_MS) return [];
  if (inQueue(facts).alive === 0) return [];
  const found = `${counted(tasks.running, 'task')} running, and none was heard of for ${formatDuration(nowMs - tasks.heardMs)}`;
  return [finding(facts, 'silent', { verdict: 'warn', found, remedy: `slurmctl advance ${job}` })];
}

function endedBadly(facts: JobHealthFacts): HealthFinding[] {
  const { job, meta, nowMs } = facts;
  if (meta.state !== 'FAILED' || nowMs - (meta.finishedMs ?? meta.updatedMs) > NEWS_MS) return [];
  const found = meta.reason ?? 'it ended without a reason';
  return [finding(facts, 'failed', { verdict: 'warn', found, remedy: `slurmctl analyze-errors ${job}` })];
}

/** A job that ended a moment ago is being tidied up. */
function leftOvers(facts: JobHealthFacts): HealthFinding[] {
  const { job, meta, nowMs, submissions, queue } = facts;
  if (nowMs - (meta.finishedMs ?? meta.updatedMs) < LATE_MS) return [];
  const left = submissions.flatMap(({ handle }) => (handle === undefined ? [] : (queue?.get(handle) ?? [])));
  if (left.length === 0) return [];
  const elements = left.reduce((sum, { waiting, running }) => sum + waiting + running, 0);
  const found = `${meta.state}, and ${elements} of its elements still ${elements === 1 ? 'waits or runs' : 'wait or run'}`;
  const ids = left.map(({ handle }) => handle.id).join(' ');
  const remedy = meta.scheduler === 'slurm' ? `scancel ${ids}` : `slurmctl advance ${job}`;
  return [finding(facts, 'left-over', { verdict: 'fail', found, remedy })];
}

function deadLetters(facts: JobHealthFacts): HealthFinding[] {
  const { job, tasks } = facts;
  if (tasks === null || tasks.dead + tasks.quarantinedItems === 0) return [];
  const causes = tasks.deadCauses.slice(0, 3).map(([cause, count]) => `${cause} ${count}`);
  const { dead, quarantinedItems } = tasks;
  const given = dead === 0 ? [] : [`${counted(dead, 'task')} given up (${causes.join(', ')})`];
  const aside = quarantinedItems === 0 ? [] : [`${counted(quarantinedItems, 'item')} put aside`];
  const found = [...given, ...aside].join(', ');
  return [finding(facts, 'dead-letters', { verdict: 'warn', found, remedy: `slurmctl analyze-errors ${job}` })];
}

function staleLease(facts: JobHealthFacts): HealthFinding[] {
  const { job, holder } = facts;
  if (holder === null || !holder.isDead) return [];
  const found = `${processWords(holder.owner)} died while it advanced the job`;
  return [finding(facts, 'stale-lease', { verdict: 'warn', found, remedy: `slurmctl advance ${job}` })];
}

/** Does its health depend on its tasks, or is it known without them? */
export const isNews = ({ state, finishedMs, updatedMs }: JobMeta, nowMs: number): boolean =>
  !isFinalJobState(state) || (state !== 'COMPLETED' && nowMs - (finishedMs ?? updatedMs) <= NEWS_MS);
