/** From what was read of a job to what its dashboard shows; pure. */
import type { ErrorGroups } from '../../domain/error-groups.ts';
import type { ItemCounts, JobMeta, TaskCounts } from '../../domain/job-item.ts';
import type { JobSpec } from '../../domain/job-spec.ts';
import { redactText } from '../../domain/redact.ts';
import { isFinalJobState } from '../../domain/states.ts';
import type { Dashboard, Distribution, LimitUse, Panel, Retries } from './document.ts';
import { distributionOfTimes } from './distribution.ts';
import { efficiencyOf } from './efficiency.ts';
import { heatMapOf } from './heat-map.ts';
import { nodeChartOf } from './node-chart.ts';
import { clip, clipLine } from './plain-text.ts';
import { progressOf } from './progress.ts';
import type { Facts } from './task-facts.ts';

const JOB_FILE_CHARS = 64_000;
const MOST_NOTES = 50;
/** Of a name, a path, and a sentence. */
const NAME_CHARS = 200;
const PATH_CHARS = 1_000;
const SENTENCE_CHARS = 1_000;

export interface DashboardSources {
  readonly nowMs: number;
  readonly id: string;
  readonly meta: Pick<JobMeta, 'name' | 'state' | 'createdMs' | 'finishedMs' | 'scheduler' | 'generation'>;
  /** As `status` has them. */
  readonly status: {
    readonly reason: string | null;
    readonly items: ItemCounts;
    readonly tasks: TaskCounts;
    readonly itemsPerSec: number | null;
    readonly etaMs: number | null;
    readonly notes: readonly string[];
    readonly output: string | null;
  };
  readonly facts: Facts;
  readonly retries: Retries;
  /** Null while the input is being split. */
  readonly spec: JobSpec | null;
  readonly itemTimes: Panel<Distribution>;
  readonly errors: Panel<ErrorGroups>;
  readonly limits: Panel<{ readonly limits: readonly LimitUse[] }>;
  readonly jobFile: string | null;
  readonly versions: Dashboard['versions'];
}

export function buildDashboard(sources: DashboardSources): Dashboard {
  const { nowMs, meta, status, facts, jobFile } = sources;
  const { reason, notes, output, ...figures } = status;
  const endMs = meta.finishedMs ?? nowMs;
  const lengths = facts.tasks.flatMap(({ startedMs, finishedMs }) =>
    startedMs === null || finishedMs === null ? [] : [finishedMs - startedMs],
  );
  return {
    madeMs: nowMs,
    job: {
      id: sources.id,
      name: clipLine(meta.name, NAME_CHARS),
      state: meta.state,
      isOver: isFinalJobState(meta.state),
      reason: reason === null ? null : clipLine(redactText(reason), SENTENCE_CHARS),
      createdMs: meta.createdMs,
      finishedMs: meta.finishedMs ?? null,
      scheduler: meta.scheduler,
      generation: meta.generation,
    },
    ...figures,
    notes: notes.slice(0, MOST_NOTES).map((note) => clipLine(redactText(note), SENTENCE_CHARS)),
    output: output === null ? null : clip(output, PATH_CHARS),
    progress: progressOf(facts, { createdMs: meta.createdMs, endMs, items: figures.items.total }),
    heatMap: heatMapOf(facts, nowMs),
    taskTimes: distributionOfTimes(lengths, 'No attempt with a result is known with its beginning and its end.'),
    itemTimes: sources.itemTimes,
    retries: sources.retries,
    errors: sources.errors,
    nodes: nodeChartOf(facts),
    efficiency: efficiencyOf(facts.tasks, sources.spec),
    limits: sources.limits,
    // A page is mailed; what a job file should not have held is not mailed with it.
    jobFile: jobFile === null ? null : clip(redactText(jobFile), JOB_FILE_CHARS),
    versions: sources.versions,
  };
}
