/** Holds what the state says of failures against what was done to the run; pure. */
import type { Cause } from '../../src/domain/causes.ts';
import type { FaultKind } from './chaos-plan.ts';
import { ALLOWED, type Injected, type Victim } from './chaos-record.ts';

/** What the history says of one attempt that ended without a commit. */
export interface EndedAttempt {
  readonly task: string;
  readonly attempt?: string;
  readonly node?: string;
  readonly endedMs: number;
  readonly cause: Cause;
  readonly detail: string;
}

/** Slurm and `advance` may come to know of the end of an attempt this long after the fault was over. */
const LATE_MS = 90_000;
/** Only these leave the element's next run in possession of the task, without anybody's decision. */
const TAKEN_OVER: readonly FaultKind[] = ['kill-node', 'requeue', 'preempt'];

/** Every fault that hit a running task has a record with a cause that the fault may have, and every record has a fault, or an item that kills. */
export function judgeCauses(
  injected: readonly Injected[],
  history: readonly EndedAttempt[],
  deadlyTasks: ReadonlySet<string> = new Set(),
): string[] {
  const found: string[] = [];
  for (const deadly of deadlyTasks)
    if (history.filter(({ task, cause }) => task === deadly && cause === 'killed').length < 2)
      found.push(`task ${deadly} has an item that kills its worker, and its history does not say so`);
  for (const one of injected)
    for (const victim of one.victims) {
      const flaw = victim.task === null || one.fault.kind === 'freeze' ? null : flawOf(one, victim, injected, history);
      if (flaw !== null) found.push(`${one.what}: task ${victim.task} of ${victim.attempt} ${flaw}`);
    }
  for (const record of history) {
    const faults = injected.filter((one) => mayHaveHit(one, record));
    const allowed = new Set(faults.flatMap(({ fault }) => ALLOWED[fault.kind]));
    if (record.cause === 'killed' && deadlyTasks.has(record.task)) continue;
    if (!allowed.has(record.cause))
      found.push(
        `task ${record.task}, attempt ${record.attempt} on ${record.node}: ${record.cause} (${record.detail}) is explained by no fault; there were: ${faults.map(({ what }) => what).join('; ') || 'none'}`,
      );
  }
  return found;
}

function flawOf(
  one: Injected,
  victim: Victim,
  injected: readonly Injected[],
  history: readonly EndedAttempt[],
): string | null {
  if (victim.fate === 'committed') return null;
  const record = history.find(({ task, attempt }) => task === victim.task && attempt === victim.attempt);
  const cause = record?.cause ?? victim.cause;
  if (cause === null) {
    const mayBe = victim.fate === 'taken-over' && TAKEN_OVER.includes(one.fault.kind);
    return mayBe ? null : `has no cause (${victim.fate})`;
  }
  const faults = injected.filter(({ victims }) => victims.some(({ attempt }) => attempt === victim.attempt));
  const allowed = new Set(faults.flatMap(({ fault }) => ALLOWED[fault.kind]));
  return allowed.has(cause) ? null : `ended as ${cause} (${record?.detail ?? victim.detail})`;
}

function mayHaveHit(one: Injected, record: EndedAttempt): boolean {
  if (one.victims.some(({ attempt }) => attempt === record.attempt)) return true;
  return one.node === record.node && one.fromMs <= record.endedMs && record.endedMs <= one.untilMs + LATE_MS;
}

export interface Distribution {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly maxMs: number;
}

export interface Detection {
  /** From the fault to the moment at which the task's item said that the attempt was over. */
  readonly fromFault: Distribution;
  /** From the moment at which slurmctld knew; null where it never said so. A crash report is faster than Slurm: 0. */
  readonly fromSlurm: Distribution | null;
}

/** By kind of fault. */
export function detectionTimes(injected: readonly Injected[]): Partial<Record<FaultKind, Detection>> {
  const noticed: Partial<Record<FaultKind, { readonly ms: number; readonly slurmMs: number | null }[]>> = {};
  for (const { fault, victims } of injected)
    for (const { noticedMs, slurmMs } of victims)
      if (noticedMs !== null) (noticed[fault.kind] ??= []).push({ ms: noticedMs, slurmMs });
  return Object.fromEntries(
    Object.entries(noticed).map(([kind, times]) => {
      const known = times.flatMap(({ ms, slurmMs }) => (slurmMs === null ? [] : [Math.max(0, ms - slurmMs)]));
      const fromSlurm = known.length === 0 ? null : distribution(known);
      return [kind, { fromFault: distribution(times.map(({ ms }) => ms)), fromSlurm }];
    }),
  );
}

function distribution(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  return { count: sorted.length, p50Ms: at(0.5), p90Ms: at(0.9), maxMs: sorted.at(-1) as number };
}
