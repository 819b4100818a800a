/** Checks every change of META, of the outbox and of the lock, and every submission. */
import { BREAKER_PREFIX, jobPartition } from '../../../src/domain/state-keys.ts';
import type { JobMeta, SubmissionItem, SubmitStage } from '../../../src/domain/job-item.ts';
import { finalKey, redoPlanKey } from '../../../src/domain/keys.ts';
import type { BreakerItem } from '../../../src/domain/breaker.ts';
import type { JobId } from '../../../src/domain/ids.ts';
import { canJobMove, canJobReopen, isFinalJobState, type SubmissionState } from '../../../src/domain/states.ts';
import type { SubmitRequest } from '../../../src/ports/batch-system.ts';
import type { SimProcess } from '../core/processes.ts';
import type { SimSubmission } from '../ports/batch-system.ts';
import type { StateEvent } from '../ports/state-table.ts';
import type { Watched } from './report.ts';

export interface JobWatch {
  onWrite(event: StateEvent, job: string): void;
  onLock(event: StateEvent): void;
  onSubmit(process: SimProcess, request: SubmitRequest): void;
}

const LONGEST_PAUSE_MS = 60 * 60_000;
const STAGES: readonly SubmitStage[] = ['splitting', 'storing-tasks', 'redoing', 'ready'];
const GROWING = ['fence', 'wave', 'submittedWave', 'generation'] as const;
const ROW_ARROWS: Readonly<Record<SubmissionState, readonly SubmissionState[]>> = {
  INTENT: ['INTENT', 'SUBMITTED', 'REJECTED'],
  SUBMITTED: ['SUBMITTED', 'ENDED'],
  REJECTED: ['REJECTED'],
  ENDED: ['ENDED'],
};
/** Older than this, a submission under the same name has to be found before it is sent again. */
const MUST_BE_FOUND_MS = 90_000;

export const processNameOf = (process: SimProcess): string => `${process.node.name}:${process.pid}:0`;

export function createJobWatch(watched: Watched, submissions: () => readonly SimSubmission[]): JobWatch {
  const { state, store, time, violate } = watched;

  /** A job is opened again by a retry alone, one generation at a time, and with the plan of what it opens. */
  const checkReopening = (process: SimProcess, job: string, old: JobMeta, meta: JobMeta): void => {
    const where = `${job}: generation ${old.generation} → ${meta.generation} by ${process.name}`;
    const seen = process.seen.get(`${jobPartition(job as JobId)}/META`) as unknown as JobMeta | null | undefined;
    const told = (one: JobMeta | null | undefined): string =>
      `${one?.state} generation ${one?.generation} after ${one?.lastEvent?.kind ?? 'nothing'} ${one?.lastEvent?.id ?? ''}`;
    if (told(seen) !== told(old)) violate('stale-write', `${where}: it saw ${told(seen)}, it was ${told(old)}`);
    if (process.kind !== 'retry' || meta.generation !== old.generation + 1 || !canJobReopen(old.state))
      violate('illegal-move', `${where} (${old.state} → ${meta.state})`);
    if (old.stage !== 'ready') violate('illegal-move', `${where} while it is ${old.stage}`);
    if (store.peek(redoPlanKey(job as JobId, meta.generation, meta.redoPlan ?? '')) === null)
      violate('redo', `${where} without a plan`);
  };
  const onMeta = ({ process, before, after, change }: StateEvent, job: string): void => {
    const old = before as unknown as JobMeta | null;
    const meta = after as unknown as JobMeta | null;
    if (meta === null || old === null) return;
    for (const name of GROWING)
      if (meta[name] < old[name])
        violate('only-grows', `${job}: META.${name} ${old[name]} → ${meta[name]} by ${process.name}`);
    const isReopened = meta.generation === old.generation + 1;
    if (meta.generation > old.generation) checkReopening(process, job, old, meta);
    if (!isReopened && STAGES.indexOf(meta.stage) < STAGES.indexOf(old.stage))
      violate('only-grows', `${job}: META.stage ${old.stage} → ${meta.stage} by ${process.name}`);
    const seenBy = process.seen.get(`${jobPartition(job as JobId)}/META`)?.['generation'];
    if (meta.state === 'CANCELLED' && old.state !== 'CANCELLED' && seenBy !== old.generation)
      violate('stale-write', `${job}: ${process.name} cancels generation ${old.generation}, it saw another`);
    const fence = change?.set?.['fence'];
    if (typeof fence === 'number' && fence < old.fence)
      violate('stale-write', `${job}: META written with fence ${fence} after ${old.fence} by ${process.name}`);
    if (old.state !== meta.state && !isReopened && !canJobMove(old.state, meta.state))
      violate('illegal-move', `${job}: ${old.state} → ${meta.state} by ${process.name}`);
    if (old.stage !== 'ready' && meta.stage === 'ready') {
      const stored = state.partitions().flatMap((one) => (one.startsWith(`J#${job}#T#`) ? state.peekAll(one) : []));
      if (stored.length !== meta.tasks) violate('sums', `${job}: ready with ${stored.length} of ${meta.tasks} tasks`);
    }
    const isEnding = isFinalJobState(meta.state) && !isFinalJobState(old.state);
    // A cancel may come after the pointer has moved and before META says so.
    if (isEnding && meta.state !== 'CANCELLED' && meta.publication !== undefined) {
      const pointer = store.peek(finalKey(job as JobId));
      const points = pointer === null ? null : (JSON.parse(Buffer.from(pointer).toString()) as { publication: string });
      if (points?.publication !== meta.publication)
        violate(
          'pointer',
          `${job}: ends as ${meta.state} with ${meta.publication}, final.json says ${points?.publication}`,
        );
    }
  };
  const onRow = ({ process, key, before, after }: StateEvent): void => {
    const old = before as unknown as SubmissionItem | null;
    const row = after as unknown as SubmissionItem | null;
    if (old === null || row === null) return;
    if (!ROW_ARROWS[old.state].includes(row.state))
      violate('illegal-move', `${key.sort}: ${old.state} → ${row.state} by ${process.name}`);
    if (old.handle !== undefined && row.handle !== old.handle)
      violate('illegal-move', `${key.sort}: handle ${old.handle} → ${row.handle} by ${process.name}`);
  };

  const onBreaker = ({ process, key, before, after, change }: StateEvent): void => {
    const old = before as unknown as BreakerItem | null;
    const breaker = after as unknown as BreakerItem | null;
    if (breaker === null || change === null) return;
    if (breaker.version !== (old?.version ?? 0) + 1)
      violate('breaker', `${key.sort}: version ${old?.version ?? 0} → ${breaker.version} by ${process.name}`);
    if ((breaker.failedCanaries ?? 0) > (old?.failedCanaries ?? 0) + 1)
      violate('breaker', `${key.sort}: ${old?.failedCanaries ?? 0} → ${breaker.failedCanaries} failed canaries`);
    if ((breaker.pauseMs ?? 0) > LONGEST_PAUSE_MS) violate('breaker', `${key.sort}: a pause of ${breaker.pauseMs} ms`);
  };

  return {
    onWrite(event, job) {
      if (event.key.sort === 'META') onMeta(event, job);
      else if (event.key.sort.startsWith('SUB#')) onRow(event);
      else if (event.key.sort.startsWith(BREAKER_PREFIX)) onBreaker(event);
    },
    onLock({ process, before, after }) {
      if (before === null || after === null) return;
      const [old, lock] = [before, after] as unknown as { fence: number; owner: string; held: boolean }[];
      if (old === undefined || lock === undefined) return;
      if (lock.fence < old.fence) violate('only-grows', `lock: fence ${old.fence} → ${lock.fence}`);
      const isOwner = processNameOf(process) === old.owner;
      if (lock.fence === old.fence && !isOwner)
        violate('stale-write', `lock: ${process.name} changes the lease of ${old.owner} (fence ${old.fence})`);
    },
    onSubmit(process, request) {
      const [job = ''] = request.name.split('.');
      const earlier = submissions().find((one) => one.request.name === request.name);
      const since = earlier === undefined ? 0 : time.nowMs() - earlier.visibleMs;
      // A process that was stopped meanwhile could not know.
      if (since > MUST_BE_FOUND_MS && time.nowMs() - process.stoppedUntilMs > MUST_BE_FOUND_MS)
        violate('submissions', `${request.name} is sent again by ${process.name}, ${since} ms after it was accepted`);
      const meta = state.peek({ partition: jobPartition(job as JobId), sort: 'META' });
      if (meta === null) violate('submissions', `${request.name} is sent for a job that has no META`);
    },
  };
}
