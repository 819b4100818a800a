/**
 * A pass over a job that waits for its turn: nothing is sent, and something is left behind that brings about the next pass. That is a small job that
 * starts when everything has ended that a holder has in the batch system, whoever's it is (where a turn is free: that the job has there that is to take
 * it). Where no such thing is known, one that starts after a while.
 */
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { BatchHandle } from '../ports/batch-system.ts';
import { observe } from './element-states.ts';
import { longestTime } from './finaliser.ts';
import { readMeta, stamp, updateMeta } from './job-meta.ts';
import { avoiding, sendRow, type FinaliserOptions, type SendContext } from './send.ts';
import { handleOf, moveSubmission, readSubmissions, writeIntent, type Submission } from './submissions.ts';
import type { Turn } from './turns.ts';

/** The first look after nothing in particular, and the longest time between two such looks. */
const FIRST_LOOK_MS = 60_000;
const LONGEST_LOOK_MS = 10 * 60_000;
/** Jobs whose end is waited for, each with a small job of its own. */
const MOST_WATCHED = 4;
/** What `Submission.turn` says where no other job is waited for. */
const ANY = '*';

export interface WaitedForTurn {
  readonly meta: JobMeta;
  readonly steps: readonly string[];
  readonly nextDueMs: number;
}

export async function waitForTurn(context: SendContext, found: JobMeta, turn: Turn): Promise<WaitedForTurn> {
  const { deps, job } = context;
  const waitingFor = turnWords(turn);
  const states = [found.state === 'SUBMITTING' ? 'SUBMITTING' : 'RUNNING'] as const;
  const meta =
    found.waitingFor === waitingFor
      ? found
      : await updateMeta(deps.state, job, states, { ...stamp(context), set: { waitingFor } });
  const rows = await pendingRows(context);
  const steps = [`${waitingFor}; nothing is submitted before that`];
  const before = [...turn.holders, ...turn.ahead.slice(0, Math.max(0, turn.max - turn.holders.length))];
  let isBlind = before.length > MOST_WATCHED;
  for (const { job: other } of before.slice(0, MOST_WATCHED)) {
    if (rows.some((row) => row.turn === other && row.state === 'SUBMITTED')) continue;
    const after = await handlesOf(context, other);
    const isQueued = after.length > 0 && (await queue(context, { rows, turn: other, when: { after } }, steps));
    if (!isQueued) isBlind = true;
  }
  const lookInMs = nextLook(turn, deps.clock.nowMs());
  const dueBy = deps.clock.nowMs() + lookInMs;
  const isTimed = rows.some((row) => row.state === 'SUBMITTED' && row.beginMs !== undefined && row.beginMs <= dueBy);
  if (isBlind && !isTimed)
    await queue(context, { rows, turn: ANY, when: { beginAfterSec: Math.ceil(lookInMs / 1_000) } }, steps);
  return { meta, steps, nextDueMs: lookInMs };
}

/** For a job that has its turn and has been sent: what would have woken it is not needed any more. One that cannot be cancelled makes a pass too many, and nothing else. */
export async function stopWaiting({ deps, job }: SendContext, rows: readonly Submission[]): Promise<void> {
  for (const row of rows) {
    if (row.turn === undefined || row.state !== 'SUBMITTED' || row.handle === deps.ownBatchJobId) continue;
    try {
      await deps.batch.cancel(handleOf(row));
    } catch (error) {
      if (!isAppError(error)) throw error;
      deps.log.warn('waiter that is not needed not cancelled', { job, handle: row.handle, error: error.message });
      continue;
    }
    await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set: { state: 'ENDED' } });
  }
}

/** In plain words, for `status`. */
function turnWords({ group, max, holders, ahead }: Turn): string {
  const line = ahead.length === 0 ? '' : `; ${ahead.length === 1 ? '1 job is' : `${ahead.length} jobs are`} before it`;
  const names = holders.map(({ job, meta }) => (meta?.state === 'PAUSED' ? `${job}, which is paused` : job));
  const many = `${names.slice(0, MOST_WATCHED).join(', ')}${names.length > MOST_WATCHED ? ' and others' : ''}`;
  if (holders.length >= max)
    return `waits for job${names.length === 1 ? '' : 's'} ${many} (group ${group}, max ${max})${line}`;
  return `waits for job ${ahead[0]?.job ?? many}, whose turn comes first (group ${group}, max ${max})${line}`;
}

/** The longer it has waited, the less it matters when exactly the next look is. */
const nextLook = ({ sinceMs }: Turn, nowMs: number): number =>
  Math.round(Math.min(LONGEST_LOOK_MS, Math.max(FIRST_LOOK_MS, (nowMs - sinceMs) / 4)));

/** What may still wake the job, without the process that runs in one of them, and what could not be sent. */
async function pendingRows({ deps, job }: SendContext): Promise<Submission[]> {
  const all = (await readSubmissions(deps.state, job)).filter(({ turn }) => turn !== undefined);
  const { over } = await observe(deps, all);
  for (const row of over) await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set: { state: 'ENDED' } });
  const ended = new Set(over.map(({ id }) => id));
  return all.filter(({ id, handle }) => !ended.has(id) && (handle === undefined || handle !== deps.ownBatchJobId));
}

/** Everything of another job that waits or runs in the same batch system, as far as we may see it. */
async function handlesOf({ deps }: SendContext, job: JobId): Promise<BatchHandle[]> {
  const meta = await readMeta(deps.state, job);
  if (meta?.scheduler !== deps.batch.kind) return [];
  const { live, silent } = await observe(deps, await readSubmissions(deps.state, job));
  return live.filter(({ id }) => !silent.has(id)).map(handleOf);
}

/** False: it is not queued, and for good. A dependency that is refused is one on something that has ended meanwhile, or on what we may not name. */
async function queue(
  context: SendContext,
  waiter: {
    readonly rows: readonly Submission[];
    readonly turn: string;
    readonly when: Pick<FinaliserOptions, 'after' | 'beginAfterSec'>;
  },
  steps: string[],
): Promise<boolean> {
  const { deps, job } = context;
  const { rows, turn, when } = waiter;
  const { beginAfterSec } = when;
  const row =
    rows.find((one) => one.state === 'INTENT' && one.turn === turn) ??
    (await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], {
      kind: 'finaliser',
      turn,
      wave: 0,
      elements: 1,
      offset: 0,
      waveElements: 1,
      ...(beginAfterSec === undefined ? {} : { beginMs: deps.clock.nowMs() + beginAfterSec * 1_000 }),
      ...avoiding(context),
      createdMs: deps.clock.nowMs(),
    }));
  try {
    const sent = await sendRow(context, row, { ...when, maxTimeMs: await longestTime(context) });
    if (sent.row.state === 'SUBMITTED') steps.push(`queued the next look as ${sent.row.handle}`);
    else if (sent.waitingFor !== null) steps.push(`the next look is not queued yet: ${sent.waitingFor}`);
    return sent.row.state === 'SUBMITTED';
  } catch (error) {
    if (!isAppError(error, 'BATCH_REFUSED')) throw error;
    if (when.after === undefined)
      steps.push(
        `the next look was refused, so the job starts only when slurmctl advance or tick runs: ${error.message}`,
      );
    return false;
  }
}
