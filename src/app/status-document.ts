import { summariseJob, type Summary } from '../coordinator/summarise.ts';
import { readSubmissions, type Submission } from '../coordinator/submissions.ts';
import type { JobId } from '../domain/ids.ts';
import { isFinalJobState } from '../domain/states.ts';
import { viewCarry } from './carry-view.ts';
import type { CarryDocument, StatusDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { publishedGeneration, publishedPath } from './published-path.ts';

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();

/** Everything `status` shows of a job, from stored state alone. `seenFrom`: for a job that lives in a spool. */
export async function statusDocument(
  drivers: Drivers,
  job: JobId,
  seenFrom?: CarryDocument['seenFrom'],
): Promise<StatusDocument> {
  const summary = await summariseJob(drivers.state, job);
  const { meta } = summary;
  const rows = await readSubmissions(drivers.state, job);
  const carry = seenFrom === undefined ? null : await viewCarry(drivers, job, seenFrom);
  return {
    schema: 'slurmctl.status/1',
    job: {
      id: job,
      name: meta.name,
      state: meta.state,
      reason: meta.reason ?? meta.waitingFor ?? null,
      createdAt: isoTime(meta.createdMs),
      finishedAt: meta.finishedMs === undefined ? null : isoTime(meta.finishedMs),
      scheduler: meta.scheduler,
      wave: Math.max(0, meta.wave),
      generation: meta.generation,
    },
    items: summary.items,
    tasks: summary.tasks,
    ...speed(summary, drivers.clock.nowMs()),
    causes: summary.causes,
    submissions: rows.map(submissionView),
    output: publishedPath(drivers.store, job, meta),
    outputGeneration: publishedGeneration(meta),
    ...(carry === null ? {} : { carry }),
  };
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
function speed({ meta, items }: Summary, nowMs: number): Pick<StatusDocument, 'itemsPerSec' | 'etaMs'> {
  const finished = items.succeeded + items.failed - (meta.carriedItems ?? 0);
  const elapsedMs = (meta.finishedMs ?? nowMs) - (meta.reopenedMs ?? meta.createdMs);
  if (finished <= 0 || elapsedMs <= 0) return { itemsPerSec: null, etaMs: null };
  const itemsPerSec = (finished * 1_000) / elapsedMs;
  const done = isFinalJobState(meta.state) || items.pending === 0;
  return { itemsPerSec, etaMs: done ? null : Math.round((items.pending * 1_000) / itemsPerSec) };
}
