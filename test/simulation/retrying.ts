/** People who retry: what failed, what was given up, or items that they name; at once or when the job has ended, alone or two at a time. */
import { loadJob } from '../../src/aggregator/load-job.ts';
import type { AggregatorDeps } from '../../src/aggregator/deps.ts';
import { criteriaOf, type RetryWishes } from '../../src/app/retry-criteria.ts';
import type { NamedItems } from '../../src/app/retry-items.ts';
import { selectItems } from '../../src/app/retry-selection.ts';
import { prepareTasks } from '../../src/app/retry-tasks.ts';
import { redoJob } from '../../src/coordinator/redo.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import type { Chance } from './core/chance.ts';
import type { SimProcess } from './core/processes.ts';
import type { VirtualTime } from './core/virtual-time.ts';

export interface Wish extends Pick<RetryWishes, 'failed' | 'dead' | 'task' | 'all'> {
  /** Numbers of items; empty: none is named. */
  readonly items: readonly number[];
  /** What `--memory` asks for; null: as before. */
  readonly memoryBytes: number | null;
}

export type RetryIncident = {
  readonly atMs: number;
  readonly kind: 'retry-job';
  readonly wish: Wish;
  /** Waits until the job has ended. */
  readonly patient: boolean;
  /** Between the end of the job and the retry. */
  readonly afterMs: number;
  /** Somebody else has the same idea, this much later; null: nobody. */
  readonly twiceMs: number | null;
  /** How often it is repeated when it fails or dies; what is left is for whoever advances the job. */
  readonly again: number;
  /** Cancelled this much later; null: not. */
  readonly thenCancelMs: number | null;
};

const MINUTE = 60_000;
const LOOK_EVERY_MS = 20_000;

/** In two plans of five, one or two. */
export function drawRetries(chance: Chance, items: number, tasks: number): RetryIncident[] {
  if (!chance.one(0.4)) return [];
  return Array.from({ length: chance.whole(1, 2) }, () => ({
    atMs: chance.next() * 4 * MINUTE,
    kind: 'retry-job' as const,
    wish: drawWish(chance, items, tasks),
    patient: chance.one(0.6),
    afterMs: chance.pick([0, chance.between(0, 5_000), chance.between(0, 2 * MINUTE)]),
    twiceMs: chance.one(0.3) ? chance.between(0, 10_000) : null,
    again: chance.whole(0, 2),
    thenCancelMs: chance.one(0.3) ? chance.pick([chance.between(0, 3_000), chance.between(0, MINUTE)]) : null,
  }));
}

function drawWish(chance: Chance, items: number, tasks: number): Wish {
  const memoryBytes = chance.one(0.2) ? 2e9 : null;
  const some = Array.from({ length: chance.whole(1, 4) }, () => chance.whole(0, items - 1));
  return {
    items: [],
    memoryBytes,
    ...chance.pick<Partial<Wish>>([
      {},
      {},
      { dead: true },
      { items: some },
      { items: some },
      { task: `${chance.whole(0, tasks - 1)}`, all: true },
    ]),
  };
}

/** `slurmctl retry JOB`, as src/app/retry-job.ts goes about it. */
export async function runRetry(
  deps: CoordinatorDeps,
  aggregator: AggregatorDeps,
  job: JobId,
  { items, memoryBytes, ...wishes }: Wish,
): Promise<number> {
  const needs = memoryBytes === null ? {} : { memoryBytes };
  const named: NamedItems | null =
    items.length === 0 ? null : { file: 'ids', lines: new Map(items.map((item, at) => [String(item), at + 1])) };
  await redoJob(deps, {
    job,
    waitLeaseMs: MINUTE,
    patienceMs: MINUTE,
    async choose({ plan, assertHeld }) {
      const loaded = await loadJob(aggregator, job);
      const selection = await selectItems(aggregator, loaded, criteriaOf(wishes), named);
      if (selection.items === 0) return null;
      const tasks = await prepareTasks({ deps: aggregator, job: loaded, plan, needs, assertHeld }, selection.tasks);
      const opened = selection.tasks.reduce((sum, { task }) => sum + task.item.items, 0);
      return { tasks, carriedItems: loaded.manifest.counts.items - opened, text: 'again' };
    },
  });
  return 0;
}

/** Retries as the incident says, and cancels what has come of it. */
export function retrySomeTime(
  people: {
    readonly time: VirtualTime;
    readonly isOver: () => boolean;
    readonly metaOf: (job: JobId) => JobMeta | null;
    readonly retry: (job: JobId, wish: Wish) => SimProcess;
    readonly cancel: (job: JobId) => void;
  },
  job: JobId,
  incident: RetryIncident,
): void {
  const { time, isOver, metaOf, retry, cancel } = people;
  const { wish, patient, afterMs, twiceMs, thenCancelMs } = incident;
  let left = incident.again;
  const act = (): void => {
    if (isOver()) return;
    retry(job, wish).onEnd.push((code) => {
      if (code === 0 || left === 0) return;
      left -= 1;
      time.after(LOOK_EVERY_MS, true, act);
    });
  };
  const begin = (): void => {
    time.after(afterMs, true, act);
    if (twiceMs !== null) time.after(afterMs + twiceMs, true, act);
    if (thenCancelMs !== null) time.after(afterMs + thenCancelMs, true, () => isOver() || cancel(job));
  };
  const look = (): void => {
    const meta = metaOf(job);
    if (isOver()) return;
    if (!patient || (meta !== null && isFinalJobState(meta.state))) begin();
    else time.after(LOOK_EVERY_MS, true, look);
  };
  look();
}
