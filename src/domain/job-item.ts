import type { SpoolPlace } from './carry.ts';
import type { FailureSums } from './failure-sum.ts';
import type { JobEvent } from './history.ts';
import type { JobId, SubmissionId } from './ids.ts';
import type { BackendUrls, JobSpec } from './job-spec.ts';
import type { NodeTally } from './nodes.ts';
import type { JobState, SubmissionState } from './states.ts';

/** How far a crash-safe submit has come, or a `retry` (`redoing`: its tasks are being opened again); `advance` goes on from here. */
export type SubmitStage = 'splitting' | 'storing-tasks' | 'redoing' | 'ready';

/** The tasks of a job may not all be stored yet, so there is nothing to merge, carry or retry. */
export const isBeingStored = ({ stage }: Pick<JobMeta, 'stage'>): boolean =>
  stage === 'splitting' || stage === 'storing-tasks';

/** What each element of a job asks for unless a failure raised it, and who does the work: the worker's own process, or commands that it starts. */
export type JobAsked = {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly timeMs: number;
  readonly handler: 'module' | 'command';
};

export const askedOf = ({ resources, handler }: Pick<JobSpec, 'resources' | 'handler'>): JobAsked => {
  const { cpus, memoryBytes, timeMs } = resources;
  return { cpus, memoryBytes, timeMs, handler: handler.kind };
};

/** State item `J#<job>/META`. Optional fields are absent, never null. */
export type JobMeta = {
  readonly state: JobState;
  readonly stage: SubmitStage;
  readonly name: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** How often finished parts of the job were opened again by `retry`. */
  readonly generation: number;
  /** The `retry` that opened this generation: name of its plan (`redoPlanKey`). Absent in generation 0. */
  readonly redoPlan?: string;
  /** Epoch ms at which it did, and the items of tasks that it left alone. */
  readonly reopenedMs?: number;
  readonly carriedItems?: number;
  /** sha-256 (hex) of the canonical JSON of spec and backends. */
  readonly specHash: string;
  /** Where its elements run; here as well as in the manifests, because cancelling must work without them. */
  readonly scheduler: BackendUrls['scheduler'];
  /** Here as well as in the manifests, because looking at a job must work without them. Absent for jobs of versions that did not write it. */
  readonly asked?: JobAsked;
  /** Jobs of this group do not run together (`domain/turns.ts`). Absent: none. */
  readonly group?: string;
  /** Its job file says who is told about it, or what is run when it ends. Absent: it does not, and nobody has to look. */
  readonly tells?: true;
  /** Fence of the last advance lease that wrote here; only grows. */
  readonly fence: number;
  /** Totals; 0 until the input is split. */
  readonly tasks: number;
  readonly items: number;
  readonly shards: number;
  /** Highest wave planned, −1 before the first; its elements may or may not be submitted yet. */
  readonly wave: number;
  /** Highest wave with an accepted array; −1 before the first. Tasks PENDING in such a wave are shown as `submitted`. */
  readonly submittedWave: number;
  /** While PAUSED: the state that `resume` goes back to. */
  readonly pausedFrom?: 'SUBMITTING' | 'RUNNING';
  /** How often the job was paused. */
  readonly pauses?: number;
  /** The last pause, resume or cancel: written with the state it brought, and from here into the item `jobEventKey(job, id)`. */
  readonly lastEvent?: JobEvent & { readonly id: string };
  /** For FAILED and CANCELLED: one line for people. */
  readonly reason?: string;
  /** What a live job waits for (a submit limit, an unreachable controller): one line for people. */
  readonly waitingFor?: string;
  /** What the last pass over a live job found out about its retries and its failures: sentences for people. */
  readonly notes?: readonly string[];
  /** Of a live job: epoch ms from which a pass stores its page again. Written without the lease, nothing is decided by it. Absent: none was stored. */
  readonly pageDueMs?: number;
  /** Name of the current publication under output/. */
  readonly publication?: string;
  readonly finishedMs?: number;
};

/** State item `JOBS/<job>`: what `list` needs without reading every META, and where the rest of the job is. */
export type JobIndexItem = {
  readonly name: string;
  readonly createdMs: number;
  /** False once the job is final. */
  readonly live: boolean;
  /**
   * What the job was submitted with. Here rather than in META, because the index is written before anything else of a job, read to find it
   * anyway, and hardly ever written again. Absent for jobs of versions that did not write it.
   */
  readonly backends?: Pick<BackendUrls, 'home' | 'store' | 'queue'>;
  /** Who submitted it. Absent for jobs of versions that did not write it. */
  readonly user?: string;
  /** In the copy of a job that lives in a spool: where it can be changed. */
  readonly spool?: SpoolPlace;
};

/** State item `J#<job>/SUB#<ulid>`: the outbox row of one sbatch call. */
export type SubmissionItem = {
  readonly state: SubmissionState;
  readonly kind: 'array' | 'finaliser';
  /** Unguessable name in the batch system: `<job>.<submission>`. */
  readonly jobName: string;
  readonly wave: number;
  /** Array elements (1 for a finaliser) and the number of the first one within its group. */
  readonly elements: number;
  readonly offset: number;
  /** Array elements of the group over all its submissions: the stride of each of them. */
  readonly waveElements: number;
  /** Which group of the wave's manifest it is for. Absent: all tasks of the wave. */
  readonly group?: number;
  /** What its elements ask for. Absent: what the job asks for. */
  readonly memoryBytes?: number;
  readonly timeMs?: number;
  /** Generation of the job it was planned in; absent: 0. */
  readonly generation?: number;
  /** Attempts begun, over all tasks that ask for this much, when it was planned: unchanged afterwards, its elements claimed nothing. */
  readonly attemptsBefore?: number;
  /** Submissions of this size in a row, before this one, whose elements all ended without claiming a task. */
  readonly fruitlessBefore?: number;
  /** Nodes that it must not run on; empty when that was dropped because the batch system refused it. */
  readonly exclude?: readonly string[];
  /** For ENDED: what its elements told about their nodes; the worst ones of many. */
  readonly nodes?: Readonly<Record<string, NodeTally>>;
  /**
   * For an array whose job waits for turns of a rate limit: the most elements that may run at once, as `advance` set it last, and why. Absent: as it
   * was submitted. `idleAt`: the most with which no calls queued. `atMs`: when that was; versions before did not say.
   */
  readonly throttle?: {
    readonly most: number;
    readonly why: string;
    readonly idleAt?: number;
    readonly atMs?: number;
  };
  /** For a finaliser of a job that waits for its turn in a group: the job whose end starts it, `*` when its time does. */
  readonly turn?: string;
  /** For a finaliser that does not wait for arrays: epoch ms at which it starts. */
  readonly beginMs?: number;
  readonly createdMs: number;
  /** Epoch ms at which it was last handed to the batch system; absent: never, so nothing can exist under this name. */
  readonly sentMs?: number;
  /** Id in the batch system, once known. */
  readonly handle?: string;
  /** Cluster name when sbatch printed one. */
  readonly cluster?: string;
  readonly submittedMs?: number;
  /** For REJECTED: what the batch system said. */
  readonly reason?: string;
};

/** State item `J#<job>/ROLLUP`: counts once the job is final, so that status needs no task query. */
export type JobRollup = {
  /** Of the job when it was written; absent: 0. The counts of an earlier generation say nothing of this one. */
  readonly generation?: number;
  /** Of the pass that wrote it. */
  readonly fence?: number;
  readonly tasks: TaskCounts;
  readonly items: ItemCounts;
  /** Absent: nothing failed, or written by a version that did not say. */
  readonly failures?: FailureSums;
};

/** Field names are those of `status --json`. */
export type TaskCounts = {
  readonly total: number;
  readonly pending: number;
  readonly submitted: number;
  readonly running: number;
  readonly wait: number;
  readonly done: number;
  readonly dead: number;
  readonly cancelled: number;
};
/**
 * Items by their outcome. Of a task that is not done, the items count that its running attempt has finished or that a checkpoint has saved for the
 * next one: fewer may be finished later on, when an attempt dies with what it had not saved. `pending` is the rest.
 */
export type ItemCounts = {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly pending: number;
};

export const submissionName = (job: JobId, submission: SubmissionId): string => `${job}.${submission}`;
