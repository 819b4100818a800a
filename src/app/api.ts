import type { AlertListDocument, AlertTestDocument } from './alert-documents.ts';
import type { CancelDocument, PauseDocument, ResumeDocument } from './decision-documents.ts';
import type {
  AdvanceDocument,
  AggregateDocument,
  DoctorDocument,
  GcDocument,
  InitDocument,
  ListDocument,
  LogLine,
  PlanDocument,
  RequestCount,
  ResultsDocument,
  RetryDocument,
  StatusDocument,
  SubmitDocument,
  TickDocument,
} from './documents.ts';
import type { DashboardDocument } from './dashboard-documents.ts';
import type { ExplainDocument } from './explain-documents.ts';
import type { HealthDocument } from './health-documents.ts';
import type { LifecycleEventDocument } from './lifecycle-documents.ts';
import type { MetricsDocument } from './metrics-documents.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import type { EfficiencyReport } from '../domain/efficiency-report.ts';
import type { ErrorGroups } from '../domain/error-groups.ts';
import type { LimitWords } from '../config/limit-words.ts';
import type { EvictWhom, PoolWords } from '../config/pool-words.ts';
import type { LimitDeleteDocument, LimitDocument, LimitListDocument, LimitSetDocument } from './limit-documents.ts';
import type {
  PoolDeleteDocument,
  PoolDocument,
  PoolEvictDocument,
  PoolListDocument,
  PoolSetDocument,
} from './pool-documents.ts';
import type { Problem } from '../errors/app-error.ts';
import type { InitAwsDocument } from './init-documents.ts';
import type { ListRequest } from './list-request.ts';
import type { LogsRequest } from './logs-request.ts';
import type { RetryWishes } from './retry-criteria.ts';

/** Flags every command takes; each beats environment, settings files and defaults. */
export interface GlobalFlags {
  readonly home?: string;
  readonly store?: string;
  readonly state?: string;
  readonly queue?: string;
  readonly spool?: string;
  readonly scheduler?: string;
  readonly profile?: string;
}

/** Progress of long work, for a bar: `done` of `total` (null while unknown) `unit`. */
export interface Progress {
  readonly phase: 'splitting' | 'submitting' | 'running' | 'merging';
  readonly done: number;
  readonly total: number | null;
  readonly unit: 'bytes' | 'items' | 'tasks' | 'elements' | 'parts';
  /** A sentence about a wait, e.g. for a submit limit. */
  readonly note?: string;
}
export type OnProgress = (progress: Progress) => void;

/**
 * Everything the command line can do, as data in and data out: no argv, no printing, no exit codes. A `job` argument is an id, a unique prefix,
 * a name (the newest of that name) or `@last`. Every method may throw AppError.
 */
export interface App {
  plan(request: { readonly jobFile: string; readonly set: readonly string[] }): Promise<PlanDocument>;
  submit(request: {
    readonly jobFile: string;
    readonly set: readonly string[];
    readonly onProgress?: OnProgress;
    /** Called as soon as the job exists, before anything is sent to the batch system. */
    readonly onJob?: (jobId: string) => void;
    /** Called before anything is stored, for each of what `plan` would list as warnings. */
    readonly onWarning?: (warning: Problem) => void;
    readonly signal?: AbortSignal;
  }): Promise<SubmitDocument>;
  /** Drives the job attached (advances it whenever something is due) until it is final; then its last status. */
  follow(request: {
    readonly job: string;
    readonly onStatus?: (status: StatusDocument) => void;
    /** A sentence about who was told of it, who could not be, what a hook said, or that the page could not be stored. */
    readonly onTold?: (words: string) => void;
    readonly signal?: AbortSignal;
  }): Promise<StatusDocument>;
  /** Yields a status at once and then whenever it may have changed, until the job is final. Never advances the job. */
  watch(request: { readonly job: string; readonly signal?: AbortSignal }): AsyncIterable<StatusDocument>;
  status(job: string): Promise<StatusDocument>;
  list(request: ListRequest): Promise<ListDocument>;
  /** What was logged, as `LogsRequest` says. */
  logs(request: Omit<LogsRequest, 'job'> & { readonly job: string }): AsyncIterable<LogLine>;
  /** What happened to the job, in order; with `follow` also what comes, until it is final. `agoMs` and `atMs`: what happened before is left out. */
  events(request: {
    readonly job: string;
    readonly follow: boolean;
    readonly atMs?: number;
    readonly agoMs?: number;
    readonly signal?: AbortSignal;
  }): AsyncIterable<LifecycleEventDocument>;
  /** Figures of these jobs (none: the live ones and the newest that have ended), and as text for Prometheus; written to `path` when it is given. */
  metrics(request: {
    readonly jobs: readonly string[];
    readonly path?: string;
  }): Promise<{ readonly document: MetricsDocument; readonly exposition: string }>;
  /** Serves them on loopback until `signal`; `port` 0: a free one; `tokenFile`: where the token is kept. `onListening` is told where, with the token. */
  serveMetrics(request: {
    readonly jobs: readonly string[];
    readonly port: number;
    readonly tokenFile?: string;
    readonly signal: AbortSignal;
    readonly onListening: (document: MetricsDocument) => Promise<void>;
  }): Promise<void>;
  /** What is wrong with jobs, and what to do about it; asks the batch system once. */
  health(): Promise<HealthDocument>;
  /** The story of a job, of the task with this number, or of the item with this id or `#` and ordinal. `job` may name the task too: `JOB/12`. */
  explain(request: { readonly job: string; readonly task?: number; readonly item?: string }): Promise<ExplainDocument>;
  /** The failures of a job in groups, as far as they are saved. */
  analyzeErrors(request: { readonly job: string; readonly by: Grouping }): Promise<ErrorGroups>;
  /** What the job asked for against what it used, and what it should ask for. */
  report(job: string): Promise<EfficiencyReport>;
  /** Writes the page about a job to `path` (from the working directory; absent: `<job id>.html`), in one step. */
  dashboard(request: { readonly job: string; readonly path?: string }): Promise<DashboardDocument>;
  /** Serves the page on loopback until `signal`; `port` 0: a free one. `onListening` is told where, with the token. */
  serveDashboard(request: {
    readonly job: string;
    readonly port: number;
    readonly signal: AbortSignal;
    readonly onListening: (document: DashboardDocument) => Promise<void>;
  }): Promise<void>;
  results(job: string): Promise<ResultsDocument>;
  /** Copies the Parquet file to `path` (from the working directory), hashed, in one step; the document names that file. */
  download(request: {
    readonly job: string;
    readonly path: string;
    readonly signal?: AbortSignal;
  }): Promise<ResultsDocument>;
  /** Runs SQL over the views `results` and `errors`; `columns` is known before the first row is read. */
  query(request: { readonly job: string; readonly sql: string }): Promise<{
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: AsyncIterable<readonly (readonly unknown[])[]>;
    close(): Promise<void>;
  }>;
  /** The whole output as text, in pieces. */
  export(request: { readonly job: string; readonly format: 'csv' | 'jsonl' }): AsyncIterable<string>;
  /** One reconcile pass. `waitLeaseMs`: how long to wait for another process that advances the job (`--wait-lease`, a duration; default 0). */
  advance(request: {
    readonly job: string;
    readonly waitLeaseMs?: number;
    readonly onProgress?: OnProgress;
  }): Promise<AdvanceDocument>;
  tick(): Promise<TickDocument>;
  /** Starts nothing any more. `now`: running elements save their work and end instead of finishing their task. */
  pause(request: { readonly job: string; readonly reason?: string; readonly now: boolean }): Promise<PauseDocument>;
  resume(request: {
    readonly job: string;
    readonly reason?: string;
    readonly onProgress?: OnProgress;
  }): Promise<ResumeDocument>;
  cancel(request: { readonly job: string; readonly reason?: string }): Promise<CancelDocument>;
  /** Opens chosen items of a job again, also of one that has ended, and submits them; a dry run only says which. */
  retry(
    request: RetryWishes & {
      readonly job: string;
      /** What elements for these items ask for; absent: as before. */
      readonly memoryBytes?: number;
      readonly timeMs?: number;
      readonly dryRun: boolean;
      /** What `items: '-'` reads. */
      readonly stdin: () => NodeJS.ReadableStream;
      readonly onProgress?: OnProgress;
      /** The job is open again: what fails from here on leaves it so, and `advance` goes on. */
      readonly onReopened?: (jobId: string) => void;
      readonly signal?: AbortSignal;
    },
  ): Promise<RetryDocument>;
  aggregate(job: string, onProgress?: OnProgress): Promise<AggregateDocument>;
  doctor(): Promise<DoctorDocument>;
  gc(request: {
    readonly dryRun: boolean;
    readonly olderThanMs: number;
    readonly job?: string;
    readonly purge: boolean;
  }): Promise<GcDocument>;
  /** States a rate limit of the site, in the words of its options: what they do not say, the limit does not have. */
  limitSet(request: { readonly name: string; readonly words: LimitWords }): Promise<LimitSetDocument>;
  limitList(): Promise<LimitListDocument>;
  limitShow(name: string): Promise<LimitDocument>;
  /** Yields the limit again and again until `signal`. */
  limitWatch(request: { readonly name: string; readonly signal?: AbortSignal }): AsyncIterable<LimitDocument>;
  /** `force`: also while live jobs use it. */
  limitDelete(request: { readonly name: string; readonly force: boolean }): Promise<LimitDeleteDocument>;
  /** States how many hold a pool at a time, in the words of its options; a lease that is not said stays as it is. */
  poolSet(request: { readonly name: string; readonly words: PoolWords }): Promise<PoolSetDocument>;
  poolList(): Promise<PoolListDocument>;
  poolShow(name: string): Promise<PoolDocument>;
  /** Yields the pool again and again until `signal`. */
  poolWatch(request: { readonly name: string; readonly signal?: AbortSignal }): AsyncIterable<PoolDocument>;
  /** `force`: also while somebody uses it. */
  poolDelete(request: { readonly name: string; readonly force: boolean }): Promise<PoolDeleteDocument>;
  /** Takes slots away from their holders. */
  poolEvict(request: { readonly name: string; readonly whom: EvictWhom }): Promise<PoolEvictDocument>;
  /** Sends a test message to a channel of the settings, or to an address. */
  alertTest(channel: string): Promise<AlertTestDocument>;
  /** Channels and rules of the settings, and what waits to be sent. */
  alertList(): Promise<AlertListDocument>;
  /** Templates that `init` can write, with one line about each. */
  examples(): Promise<readonly { readonly name: string; readonly summary: string }[]>;
  init(request: { readonly example: string; readonly directory: string }): Promise<InitDocument>;
  /** What all drivers together asked of services so far. */
  requests(): readonly RequestCount[];
  /** Creates what the settings name in AWS and is missing; a dry run creates nothing and adds policies and templates. */
  initAws(request: { readonly dryRun: boolean }): Promise<InitAwsDocument>;
  close(): Promise<void>;
}

/** Opens the app for one command; drivers are constructed when first used, so that a light command stays light. */
export type CreateApp = (options: {
  readonly flags: GlobalFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly jobFile?: string;
}) => Promise<App>;
