/** How long a worker that falls silent goes unnoticed, in virtual time: nothing else goes wrong, and cron ticks every minute. */
import type { TaskItem } from '../../src/domain/task-item.ts';
import { createChance } from './core/chance.ts';
import { drawPlan, type Plan } from './plan.ts';
import { runSeed } from './run-seed.ts';

const MINUTE = 60_000;

export interface Silence {
  /** ms from the stop of a worker that had a task until the task's item said `hung`, ascending. */
  readonly delaysMs: readonly number[];
  /** Seeds in which it had no task at that moment. */
  readonly idle: number;
  /** Seeds that broke a promise. */
  readonly red: readonly number[];
}

export async function measureSilence(from: number, count: number): Promise<Silence> {
  const delaysMs: number[] = [];
  const red: number[] = [];
  let idle = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const stopAtMs = createChance(seed)
      .fork('silence')
      .between(10_000, 2 * MINUTE);
    let noticedMs: number | null = null;
    const result = await runSeed(seed, {
      plan: silentPlan(seed, stopAtMs),
      onTask(before, after, atMs) {
        if (noticedMs === null && isNoticed(before, after)) noticedMs = atMs;
      },
    });
    if (result.violations.length > 0) red.push(seed);
    if (noticedMs === null) idle += 1;
    else delaysMs.push(noticedMs - stopAtMs);
  }
  return { delaysMs: delaysMs.toSorted((a, b) => a - b), idle, red };
}

const isNoticed = (before: TaskItem | null, after: TaskItem | null): boolean =>
  before?.state === 'RUNNING' && after?.state !== 'RUNNING' && after?.cause === 'hung';

/** The job and the cluster of the seed, with items that take their time, and one worker stopped for the rest of the job. */
function silentPlan(seed: number, stopAtMs: number): Plan {
  const chance = createChance(seed);
  const plan = drawPlan(seed, chance);
  const slow = chance.fork('slow items');
  const none = Object.fromEntries(Object.keys(plan.fatal).map((kind) => [kind, 0])) as unknown as Plan['fatal'];
  return {
    ...plan,
    special: null,
    spec: {
      ...plan.spec,
      handler: { ...plan.spec.handler, concurrency: 1, timeoutMs: MINUTE },
      resources: { ...plan.spec.resources, timeMs: 120 * MINUTE },
    },
    bad: new Set(),
    behaviours: plan.behaviours.map(() => ({ kind: 'fine', durationMs: slow.between(15_000, 30_000) })),
    incidents: [{ kind: 'stop', of: ['worker'], atMs: stopAtMs, forMs: 120 * MINUTE }],
    rates: {},
    fatal: none,
    naps: none,
    reports: 1,
    submitLimited: 0,
    tickEveryMs: MINUTE,
    healAtMs: 40 * MINUTE,
  };
}
