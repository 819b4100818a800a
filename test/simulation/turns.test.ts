import { expect, it } from 'vitest';
import { createChance } from './core/chance.ts';
import { drawPlan } from './plan.ts';
import { runSeed } from './run-seed.ts';

const SEEDS = 15;

it('jobs of a group never work together, whatever fails, and all of them come to their end', async () => {
  const red: string[] = [];
  let jobs = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const plan = drawPlan(seed, createChance(seed));
    const concurrency = { group: 'nightly', max: 1 + (seed % 2), source: 'job.yaml' };
    const { violations, states } = await runSeed(seed, {
      submits: 4,
      plan: { ...plan, spec: { ...plan.spec, concurrency } },
    });
    jobs += states.filter((state) => state !== 'none').length;
    for (const { invariant, message } of violations) red.push(`seed ${seed}: ${invariant}: ${message}`);
  }
  expect(red).toEqual([]);
  expect(jobs).toBeGreaterThan(2 * SEEDS);
});
