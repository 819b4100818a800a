import { summariseJob, type Summary } from '../coordinator/summarise.ts';
import { readSubmissions, type Submission } from '../coordinator/submissions.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { NodesItem } from '../domain/nodes.ts';
import { nodesKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { readEvents } from '../coordinator/job-events.ts';
import { readBreakers } from '../coordinator/breakers.ts';
import { eventDocument } from './event-document.ts';
import { advanceHolder } from './advance-holder.ts';
import { viewCarry } from './carry-view.ts';
import type { CarryDocument, StatusDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { turnDocument } from './job-turn.ts';
import { createPaceWatch } from './status-pace.ts';
import { queueDocument } from './status-queue.ts';
import type { QueueView } from '../ports/queue-view.ts';
import { publishedGeneration, publishedPath } from './published-path.ts';
import { standstill } from '../observe/standstill.ts';
import { readUndelivered, undeliveredDocument } from './undelivered.ts';
import { waitingResults } from './waiting-results.ts';

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();

/**
 * Everything `status` shows of a job, from what is stored. `seenFrom`: for a job that lives in a spool. `queue`: also why the batch system keeps elements
 * waiting.
 */
export async function statusDocument(
  drivers: Drivers,
  job: JobId,
  seenFrom?: CarryDocument['seenFrom'],
  queue?: QueueView,
): Promise<StatusDocument> {
  const nowMs = drivers.clock.nowMs();
  const watch = createPaceWatch(nowMs);
  const summary = await summariseJob(drivers.state, job, watch.begin);
  const { meta } = summary;
  const rows = await readSubmissions(drivers.state, job);
  const turn = await turnDocument(drivers.state, job, meta);
  const carry = seenFrom === undefined ? null : await viewCarry(drivers, job, seenFrom);
  const undelivered = await readUndelivered(drivers.state, nowMs, job);
  const document: Omit<StatusDocument, 'standstill'> = {
    schema: 'slurmctl.status/1',
    job: {
      id: job,
      name: meta.name,
      state: meta.state,
      reason:
        (await tellReason(drivers.state, job, meta)) ??
        (seenFrom === 'copy' ? null : await tellInterrupted(drivers, job, meta)),
      createdAt: isoTime(meta.createdMs),
      finishedAt: meta.finishedMs === undefined ? null : isoTime(meta.finishedMs),
      scheduler: meta.scheduler,
      wave: Math.max(0, meta.wave),
      generation: meta.generation,
    },
    items: summary.items,
    tasks: summary.tasks,
    ...speed(summary, nowMs),
    ...watch.view({ left: summary.items.pending, tasks: summary.tasks }),
    ...(queue === undefined || meta.scheduler === 'local' || isFinalJobState(meta.state) || seenFrom === 'copy'
      ? {}
      : { queue: await queueDocument(queue, rows) }),
    undelivered: undelivered.map(undeliveredDocument),
    causes: summary.causes,
    // What finished after the output was published is not among the items that failed by then.
    failures: summary.failures.map((failure) => ({
      ...failure,
      share: failure.items === 0 ? 0 : failure.items / Math.max(failure.items, summary.items.failed),
    })),
    ungroupedItems: summary.ungroupedItems,
    ...(await troubleView(drivers, job, summary)),
    ...(await waitingResults(drivers, job, meta)),
    ...(turn === null ? {} : { turn }),
    lastEvent: meta.lastEvent === undefined ? null : eventDocument(meta.lastEvent),
    submissions: rows.map(submissionView),
    output: publishedPath(drivers.store, job, meta),
    outputGeneration: publishedGeneration(meta),
    ...(carry === null ? {} : { carry }),
  };
  return { ...document, standstill: standstill(document, nowMs) };
}

/** The same for a job that was paused and then had something else done to it, such as a retry: what it waits for is still the pause. */
export async function tellReason(state: Drivers['state'], job: JobId, meta: JobMeta): Promise<string | null> {
  if (meta.state !== 'PAUSED' || meta.lastEvent?.kind === 'pause') return reasonOf(meta);
  const pause = (await readEvents(state, job, meta)).findLast(({ kind }) => kind === 'pause');
  return pause === undefined ? reasonOf(meta) : `${pause.text} (${pause.by})`;
}

/** A submit that was killed leaves nobody who goes on with the job by itself; null while somebody is at it, and for jobs that are submitted. Copies do not know. */
export async function tellInterrupted(
  drivers: Pick<Drivers, 'state' | 'host'>,
  job: JobId,
  { state }: Pick<JobMeta, 'state'>,
): Promise<string | null> {
  if (state !== 'SUBMITTING') return null;
  const holder = await advanceHolder(drivers, job);
  return holder === null || holder.isDead ? `its submit was interrupted; go on with: slurmctl advance ${job}` : null;
}

/** One line about why the job is where it is; null when there is nothing to say. */
function reasonOf({ state, reason, waitingFor, lastEvent }: JobMeta): string | null {
  if (state === 'PAUSED' && lastEvent?.kind === 'pause') return `${lastEvent.text} (${lastEvent.by})`;
  return reason ?? waitingFor ?? null;
}

type TroubleView = Pick<
  StatusDocument,
  'retries' | 'cost' | 'quarantinedItems' | 'isolatingTasks' | 'waits' | 'heldBack' | 'avoidedNodes' | 'notes'
>;

async function troubleView(
  { state, clock }: Drivers,
  job: JobId,
  { meta, trouble, causes }: Summary,
): Promise<TroubleView> {
  const nowMs = clock.nowMs();
  return {
    retries: trouble.retries.map(({ firstMs, ...group }) => ({
      ...group,
      firstAt: firstMs === null ? null : isoTime(firstMs),
      firstInMs: firstMs === null ? null : Math.max(0, firstMs - nowMs),
    })),
    cost: trouble.cost,
    quarantinedItems: trouble.quarantinedItems,
    isolatingTasks: trouble.isolating,
    waits: trouble.waits.map(({ nextMs, ...group }) => ({
      ...group,
      nextAt: nextMs === null ? null : isoTime(nextMs),
      nextInMs: nextMs === null ? null : Math.max(0, nextMs - nowMs),
    })),
    // A job without trouble costs no question: only what waits can be held back, and where nothing failed no node is avoided.
    heldBack: trouble.retries.length === 0 ? [] : await heldBack(state, job),
    avoidedNodes: causes.length === 0 ? [] : await avoidedNodes(state, job, nowMs),
    notes: isFinalJobState(meta.state) ? [] : (meta.notes ?? []),
  };
}

async function avoidedNodes(
  state: Drivers['state'],
  job: JobId,
  nowMs: number,
): Promise<StatusDocument['avoidedNodes']> {
  const { avoided } = ((await state.get(nodesKey(job))) as NodesItem | null) ?? { avoided: [] };
  return avoided
    .filter(({ untilMs }) => untilMs > nowMs)
    .map(({ node, untilMs, why }) => ({ node, until: isoTime(untilMs), why }));
}

async function heldBack(state: Drivers['state'], job: JobId): Promise<StatusDocument['heldBack']> {
  const { stored } = await readBreakers(state, job);
  return [...stored]
    .filter(([, breaker]) => breaker.state === 'OPEN' || breaker.state === 'HALF')
    .map(([fingerprint, { cause, tasks, example, canary, untilMs, state: is }]) => ({
      fingerprint,
      cause,
      tasks,
      example,
      canary: is === 'HALF' ? (canary ?? null) : null,
      nextAt: is === 'OPEN' && untilMs !== undefined ? isoTime(untilMs) : null,
    }));
}

const submissionView = (row: Submission): StatusDocument['submissions'][number] => ({
  state: row.state,
  kind: row.kind,
  jobName: row.jobName,
  wave: row.wave,
  elements: row.elements,
  handle: row.handle ?? null,
  reason: row.reason ?? null,
});

/** Mean rate over the life of the job, or since it was opened again, and what that leaves to wait for. */
export function speed({ meta, items }: Summary, nowMs: number): Pick<StatusDocument, 'itemsPerSec' | 'etaMs'> {
  const finished = items.succeeded + items.failed - (meta.carriedItems ?? 0);
  const elapsedMs = (meta.finishedMs ?? nowMs) - (meta.reopenedMs ?? meta.createdMs);
  // Of a cancelled job items count as failed that nobody came to.
  if (finished <= 0 || elapsedMs <= 0 || meta.state === 'CANCELLED') return { itemsPerSec: null, etaMs: null };
  const itemsPerSec = (finished * 1_000) / elapsedMs;
  const done = isFinalJobState(meta.state) || items.pending === 0;
  return { itemsPerSec, etaMs: done ? null : Math.round((items.pending * 1_000) / itemsPerSec) };
}
