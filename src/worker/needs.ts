import type { AttemptId } from '../domain/ids.ts';
import type { WorkerAssignment } from '../domain/manifest.ts';
import type { Beacon } from '../ports/beacon.ts';
import type { Clock } from '../ports/clock.ts';
import type { HandlerHost } from '../ports/handler-host.ts';
import type { Host } from '../ports/host.ts';
import type { LeafParts } from '../ports/leaf-part.ts';
import type { Limiter, Pools } from '../ports/limiter.ts';
import type { LogFiles } from '../ports/log-file.ts';
import type { Log } from '../ports/log.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Random } from '../ports/random.ts';
import type { ResultFiles } from '../ports/result-file.ts';
import type { Scratch } from '../ports/scratch.ts';
import type { SpillPlaces } from '../ports/spill.ts';
import type { StateTable } from '../ports/state-table.ts';

/** From the retry room: wait before try `tries + 1`, whole milliseconds, full jitter. `random` is uniform in [0, 1). */
export type BackoffMs = (
  tries: number,
  bounds: { readonly baseMs: number; readonly maxMs: number },
  random: number,
) => number;

/** Why the process was told to stop; the abort reason of `WorkerDeps.stop`. */
export type StopReason = 'drain:time-limit' | 'drain:terminated';

export interface WorkerDeps {
  readonly store: ObjectStore;
  readonly state: StateTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly host: Host;
  readonly scratch: Scratch;
  readonly resultFiles: ResultFiles;
  readonly leafParts: LeafParts;
  readonly handlers: HandlerHost;
  /** Where finished work is kept that cannot be reported. */
  readonly spills: SpillPlaces;
  /** Absent: nobody looks at what this process leaves behind when it dies. */
  readonly beacon?: Beacon;
  /** Absent: logs of attempts are in memory alone until they are stored. */
  readonly logFiles?: LogFiles;
  /** Rate limits of the site, closed when the element ends. Absent: only for jobs that name none. */
  readonly limiter?: Limiter;
  /** Slots of the site's pools, with the job's priorities by name; closed when the element ends. Absent: only for jobs that name none. */
  readonly openPools?: (priorities: Readonly<Record<string, number>>) => Pools;
  /** The element's own log; the attempt's log is made by the worker and stored with the attempt. */
  readonly log: Log;
  readonly backoffMs: BackoffMs;
  /** Aborted with a StopReason: take nothing more, save what there is, leave. */
  readonly stop: AbortSignal;
  /** Version of slurmctl, recorded in done.json. */
  readonly version: string;
}

/** Which array element this process is. */
export interface ElementInput {
  readonly assignment: WorkerAssignment;
  readonly batchJobId: string;
  /** 0-based index in the array. */
  readonly index: number;
  /** How often the batch system has restarted this element. */
  readonly restarts: number;
  readonly node: string;
  /** Epoch ms at which the time limit ends the element; null when there is none. */
  readonly endsAtMs: number | null;
}

/** What the parts of the worker share while an element runs. */
export interface ElementContext {
  readonly deps: WorkerDeps;
  readonly input: ElementInput;
  readonly attempt: AttemptId;
  /** Absent: the job names none. */
  readonly pools?: Pools;
  /** Epoch ms since which finished work is being reported: there is more patience for that (patience.ts). Absent: it is not. */
  readonly reportingSinceMs?: number;
}

/** What a write on a task item needs: less than an element has, because others write for one that is dead. */
export interface WriteContext extends Pick<ElementContext, 'attempt' | 'reportingSinceMs'> {
  readonly deps: Pick<WorkerDeps, 'state' | 'clock' | 'random' | 'backoffMs' | 'stop'>;
  readonly input: Pick<ElementInput, 'endsAtMs'>;
}
