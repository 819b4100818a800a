import type { Deferral } from './deferral.ts';
import type { Phase } from './isolation.ts';
import { laterOf, type QuotaSpent } from './quota-spent.ts';
import type { RunningItems } from './run-items.ts';

export interface PhasesOptions {
  readonly phases: readonly Phase[];
  readonly start: (phase: Phase) => RunningItems;
  /** Says on the task item what is about to run; false: the attempt no longer owns the task. */
  readonly announce: (phase: Phase) => Promise<boolean>;
  /** Saves what a phase has brought; false: the attempt no longer owns the task. */
  readonly save: () => Promise<boolean>;
  /** Says that every suspect has survived: a death from here on is none of theirs. */
  readonly acquit: () => Promise<void>;
}

/** `isFenced`: the attempt no longer owns its task. */
export interface RunningPhases extends RunningItems {
  isFenced(): boolean;
}

/** Runs the phases one after the other, as one piece of work. */
export function runPhases(options: PhasesOptions): RunningPhases {
  const deferrals: Deferral[] = [];
  let current: RunningItems | null = null;
  let stopped = false;
  let fenced = false;
  let spent: QuotaSpent | null = null;

  const runOne = async (phase: Phase): Promise<boolean> => {
    if (phase.suspected !== null) fenced = !(await options.announce(phase));
    if (stopped || fenced) return false;
    current = options.start(phase);
    const complete = await current.ended;
    const deferral = current.deferred();
    if (deferral !== null) deferrals.push(deferral);
    spent = laterOf(spent, current.spent());
    // Suspects are not to be tried beside, or after, others that wait.
    if (spent !== null) stopped = true;
    return complete;
  };
  const run = async (): Promise<boolean> => {
    let complete = true;
    for (const [number, phase] of options.phases.entries()) {
      if (stopped || fenced) return false;
      complete = (await runOne(phase)) && complete;
      const isLast = number === options.phases.length - 1;
      if (!isLast && !stopped && !fenced) fenced = !(await options.save());
    }
    if (complete && !stopped && !fenced) await options.acquit();
    return complete && !fenced;
  };
  return {
    ended: run(),
    deferred: () => (stopped || fenced ? null : joined(deferrals)),
    spent: () => (fenced ? null : spent),
    onlyWaits: () => current?.onlyWaits() ?? false,
    stopTaking() {
      stopped = true;
      current?.stopTaking();
    },
    abort: (reason) => current?.abort(reason),
    isFenced: () => fenced,
  };
}

/** One reason for all of them: a need before a wait, and the first of the waits. */
function joined(deferrals: readonly Deferral[]): Deferral | null {
  const [first] = deferrals;
  if (first === undefined) return null;
  const urgent = deferrals.find(({ needsMore }) => needsMore) ?? first;
  const dueMs = Math.min(...deferrals.map((one) => one.dueMs ?? Infinity));
  const { dueMs: _own, ...rest } = urgent;
  const items = deferrals.flatMap((one) => one.items);
  return { ...rest, items, ...(Number.isFinite(dueMs) ? { dueMs } : {}) };
}
