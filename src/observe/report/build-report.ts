/** From what was read of a job to its report; pure. */
import { CAUSES } from '../../domain/causes.ts';
import type { EfficiencyReport } from '../../domain/efficiency-report.ts';
import type { JobAsked, JobMeta } from '../../domain/job-item.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { adviseRequest, rssOf } from './advise.ts';
import type { Usage } from './collect-usage.ts';
import { quantile } from './quantile.ts';

const HOUR_MS = 3_600_000;
const GIB = 1024 ** 3;

export interface ReportSources {
  readonly nowMs: number;
  readonly id: string;
  readonly meta: Pick<JobMeta, 'name' | 'state' | 'scheduler' | 'tasks'>;
  /** Null where it cannot be read. */
  readonly asked: JobAsked | null;
  readonly usage: Usage;
  /** Epoch ms at which arrays were submitted, by id in the batch system. */
  readonly submittedMs: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

export function buildReport({ nowMs, id, meta, asked, usage, submittedMs, notes }: ReportSources): EfficiencyReport {
  const isCommand = asked?.handler === 'command';
  const isOver = isFinalJobState(meta.state);
  const cpus = asked?.cpus ?? 1;
  const { withResult, measured, failed, running, elements } = usage;
  const cpu = asked === null || isCommand || usage.measuredMs === 0 ? null : cpuOf(usage, cpus);
  const memory = asked === null || isCommand ? null : memoryOf(usage, asked.memoryBytes);
  return {
    schema: 'slurmctl.report/1',
    jobId: id,
    name: meta.name,
    state: meta.state,
    scheduler: meta.scheduler,
    readAt: new Date(nowMs).toISOString(),
    asked: asked === null ? null : { cpus, memoryBytes: asked.memoryBytes, timeMs: asked.timeMs },
    attempts: { withResult, measured, failed, running, elements: elements.size },
    cpu,
    memory,
    time: asked === null ? null : timeOf(usage, asked.timeMs),
    wait: waitOf(usage, submittedMs),
    missing: missingWords({ asked, usage, isCommand, hasMemory: memory !== null, scheduler: meta.scheduler }),
    cost: costOf(usage, cpus, asked?.memoryBytes ?? 0),
    wasted: wastedOf(usage, cpus),
    advice: asked === null ? [] : adviseRequest({ asked, usage, tasks: meta.tasks, isOver }),
    notes,
  };
}

const cpuOf = ({ cpuMs, measuredMs }: Usage, cpus: number) => ({
  usedMs: Math.round(cpuMs),
  askedMs: Math.round(measuredMs * cpus),
  share: cpuMs / (measuredMs * cpus),
});

function memoryOf(usage: Usage, askedBytes: number): EfficiencyReport['memory'] {
  const used = rssOf(usage);
  if (used.length === 0) return null;
  const shares = [...usage.elements.values()].map(
    ({ maxRssBytes, memoryBytes }) => (maxRssBytes ?? 0) / (memoryBytes || askedBytes),
  );
  return {
    p50Bytes: quantile(used, 0.5),
    p95Bytes: quantile(used, 0.95),
    mostBytes: quantile(used, 1),
    share: quantile(shares, 1),
  };
}

function timeOf({ elements, longestTaskMs }: Usage, askedMs: number): EfficiencyReport['time'] {
  if (elements.size === 0) return null;
  const all = [...elements.values()];
  const lengths = all.map(({ firstMs, lastMs }) => lastMs - firstMs);
  const shares = all.map(({ firstMs, lastMs, timeMs }) => (lastMs - firstMs) / (timeMs || askedMs));
  return {
    p50Ms: quantile(lengths, 0.5),
    p95Ms: quantile(lengths, 0.95),
    mostMs: quantile(lengths, 1),
    longestTaskMs,
    share: quantile(shares, 1),
  };
}

function waitOf({ elements }: Usage, submittedMs: ReadonlyMap<string, number>): EfficiencyReport['wait'] {
  const waits = [...elements].flatMap(([element, { firstMs }]) => {
    const sentMs = submittedMs.get(element.slice(0, element.lastIndexOf('_')));
    // Clocks of nodes differ a little from that of whoever submitted.
    return sentMs === undefined ? [] : [Math.max(0, firstMs - sentMs)];
  });
  if (waits.length === 0) return null;
  return { p50Ms: quantile(waits, 0.5), p95Ms: quantile(waits, 0.95), mostMs: quantile(waits, 1) };
}

function costOf({ allMs, raisedByteMs, raisedMs }: Usage, cpus: number, bytes: number): EfficiencyReport['cost'] {
  return {
    cpuHours: (allMs * cpus) / HOUR_MS,
    memoryGibHours: (raisedByteMs + (allMs - raisedMs) * bytes) / GIB / HOUR_MS,
  };
}

function wastedOf({ wasted, allMs }: Usage, cpus: number): EfficiencyReport['wasted'] {
  const causes = [...wasted]
    .map(([cause, sums]) => ({ cause, explanation: CAUSES[cause].explanation, ...sums }))
    .toSorted((a, b) => b.ms - a.ms || b.attempts - a.attempts);
  const ms = causes.reduce((sum, each) => sum + each.ms, 0);
  const attempts = causes.reduce((sum, each) => sum + each.attempts, 0);
  return { attempts, ms, cpuHours: (ms * cpus) / HOUR_MS, share: allMs === 0 ? 0 : ms / allMs, causes };
}

function missingWords(known: {
  readonly asked: JobAsked | null;
  readonly usage: Usage;
  readonly isCommand: boolean;
  readonly hasMemory: boolean;
  readonly scheduler: 'slurm' | 'local';
}): string[] {
  const { asked, usage, isCommand, hasMemory, scheduler } = known;
  if (asked === null)
    return ['What the job asks for cannot be read: its input is still being split, or its manifest is damaged.'];
  if (isCommand) {
    const elsewhere =
      scheduler === 'slurm' ? ' Where the site has accounting, `sacct` knows them for each element.' : '';
    return [
      `CPU time and memory are known of the worker alone, and here the work is done by commands that it starts.${elsewhere}`,
    ];
  }
  if (usage.measured === 0)
    return ['No attempt has ended with a result yet, so nothing is known of CPU time and memory.'];
  return hasMemory ? [] : ['The tasks were committed by an older slurmctl, which did not say how much memory it had.'];
}
