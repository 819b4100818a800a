/** Takes the breakers of a job one step further, and says which waiting tasks they let go on. */
import type { BreakerItem } from '../domain/breaker.ts';
import { hasItemsLeft } from '../domain/items-left.ts';
import { formatDuration } from '../domain/units.ts';
import { writeBreaker } from './breakers.ts';
import type { CoordinatorDeps } from './needs.ts';
import type { Pass } from './reconcile.ts';
import type { RetrySums } from './retry-sums.ts';
import type { Task } from './task-list.ts';

/** `last-try`: once more, in an attempt that leaves no item for later. */
export type Gate =
  | { readonly lets: 'all' | 'none' | 'canary' }
  | { readonly lets: 'give-up' | 'last-try'; readonly why: string };

export interface Gates {
  of(task: Task): Gate;
  /** One sentence a breaker that changed. */
  readonly steps: readonly string[];
  nextMs(): number | null;
}

interface Kind {
  /** What the breaker was before this pass. */
  readonly was: BreakerItem['state'] | undefined;
  readonly breaker: BreakerItem | null;
  readonly tasks: readonly Task[];
  /** False: what was to be stored is not, so nothing moves in this pass. */
  readonly isStored: boolean;
}

export async function gateOf(
  deps: CoordinatorDeps,
  pass: Pass,
  { waiting, sums }: { readonly waiting: readonly Task[]; readonly sums: RetrySums },
): Promise<Gates> {
  const alike = groupAlike(deps, waiting);
  const kinds = new Map<string, Kind>();
  for (const fingerprint of new Set([...alike.keys(), ...pass.breakers.stored.keys()]))
    kinds.set(fingerprint, await step(deps, pass, { fingerprint, tasks: alike.get(fingerprint) ?? [], sums }));
  const nowMs = deps.clock.nowMs();
  return {
    of: (task) => gateIn(kindOf(deps, kinds, task), task),
    steps: [...kinds.values()].flatMap((kind) => sayStep(kind)),
    nextMs() {
      const due = [...kinds.values()].flatMap(({ breaker, tasks }) => dueOf(breaker, tasks, nowMs));
      return due.length === 0 ? null : Math.min(...due);
    },
  };
}

function groupAlike({ planner }: CoordinatorDeps, waiting: readonly Task[]): Map<string, Task[]> {
  const alike = new Map<string, Task[]>();
  for (const task of waiting) {
    if (task.fingerprint === undefined || !planner.isPlainRetry(task)) continue;
    const group = alike.get(task.fingerprint);
    if (group === undefined) alike.set(task.fingerprint, [task]);
    else group.push(task);
  }
  return alike;
}

const kindOf = ({ planner }: CoordinatorDeps, kinds: ReadonlyMap<string, Kind>, task: Task): Kind | undefined =>
  task.fingerprint !== undefined && planner.isPlainRetry(task) ? kinds.get(task.fingerprint) : undefined;

async function step(
  { planner, state, clock }: CoordinatorDeps,
  { job, breakers }: Pass,
  kind: { readonly fingerprint: string; readonly tasks: readonly Task[]; readonly sums: RetrySums },
): Promise<Kind> {
  const { fingerprint, tasks, sums } = kind;
  const before = breakers.stored.get(fingerprint) ?? null;
  const nowMs = clock.nowMs();
  const [first] = tasks;
  const [next] = tasks
    .filter((task) => (task.notBeforeMs ?? 0) <= nowMs)
    .toSorted((a, b) => a.attempts - b.attempts || (a.id < b.id ? -1 : 1));
  const after = planner.stepBreaker(before, {
    fingerprint,
    cause: first?.cause ?? before?.cause ?? 'unknown',
    example: first?.causeDetail ?? before?.example ?? '',
    tasks: tasks.length,
    done: sums.budget.done,
    next: next === undefined ? null : { id: next.id, attempts: next.attempts },
    canary: before?.canary === undefined ? null : (sums.canaries.get(before.canary) ?? null),
    nowMs,
  });
  if (after === null || (before !== null && isSame(before, after)))
    return { was: before?.state, breaker: before, tasks, isStored: true };
  const isStored = await writeBreaker(state, job, { fingerprint, before, after });
  return { was: before?.state, breaker: after, tasks, isStored };
}

const isSame = (a: BreakerItem, b: BreakerItem): boolean => {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof BreakerItem>;
  return [...names].every((name) => name === 'version' || a[name] === b[name]);
};

function gateIn(kind: Kind | undefined, task: Task): Gate {
  if (kind === undefined || kind.breaker === null) return { lets: 'all' };
  const { breaker, isStored } = kind;
  if (!isStored) return { lets: 'none' };
  switch (breaker.state) {
    case 'CLOSED':
      return { lets: 'all' };
    case 'OPEN':
      return { lets: 'none' };
    case 'HALF':
      return { lets: breaker.canary === task.id ? 'canary' : 'none' };
    case 'SPENT':
      return {
        lets: hasItemsLeft(task) ? 'last-try' : 'give-up',
        why: `${breaker.failedCanaries ?? 0} tries with one task, ever further apart, failed in the same way`,
      };
  }
}

const EXAMPLE_CHARS = 120;

/** What changed, in words. */
function sayStep({ was, breaker, tasks }: Kind): string[] {
  if (breaker === null || breaker.state === (was ?? 'CLOSED')) return [];
  const alike = `${tasks.length} tasks failed alike (${breaker.cause}: ${breaker.example.slice(0, EXAMPLE_CHARS)})`;
  switch (breaker.state) {
    case 'OPEN':
      return [`${alike} and wait; one of them is tried in ${formatDuration(breaker.pauseMs ?? 0)}`];
    case 'HALF':
      return [`${alike}; task ${breaker.canary} is tried first`];
    case 'CLOSED':
      return tasks.length === 0 ? [] : [`${alike}; one of them got through, so all are retried`];
    case 'SPENT':
      return [`${alike}${saySpent(tasks)}`];
  }
}

function saySpent(tasks: readonly Task[]): string {
  const ended = tasks.filter((task) => !hasItemsLeft(task)).length;
  if (ended === tasks.length) return ' and are given up';
  const others = 'have items left and are tried once more';
  return ended === 0
    ? ` and ${others}`
    : `; ${ended} of them ${ended === 1 ? 'is' : 'are'} given up, the others ${others}`;
}

/** A canary that is under way brings about the next pass by its end. */
function dueOf(breaker: BreakerItem | null, tasks: readonly Task[], nowMs: number): number[] {
  if (breaker?.state !== 'OPEN' || tasks.length === 0) return [];
  const earliest = tasks.reduce((least, task) => Math.min(least, task.notBeforeMs ?? nowMs), Infinity);
  return [Math.max(breaker.untilMs ?? 0, earliest)];
}
