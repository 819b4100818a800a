import { describe, expect, it } from 'vitest';
import { CAUGHT_BY } from './mutations/caught-by.ts';
import { mutations } from './mutations/list.ts';
import type { Mutation } from './mutations/mutation.ts';
import { runSeed } from './run-seed.ts';

/** Looked through when the remembered seed has changed its story. */
const MOST_SEEDS = 800;

/** The first seed that is red without the guard and green with it. */
async function findSeed(mutation: Mutation): Promise<number | null> {
  const known = CAUGHT_BY[mutation.name];
  const others = Array.from({ length: MOST_SEEDS }, (_, at) => at + 1);
  for (const seed of known === undefined ? others : [known, ...others]) {
    const { violations } = await runSeed(seed, { mutation });
    if (violations.length === 0) continue;
    const intact = await runSeed(seed);
    if (intact.violations.length === 0) return seed;
  }
  return null;
}

describe('a guard that is taken away is missed', () => {
  it.each(mutations.map((mutation) => [mutation.name, mutation] as const))('%s', async (_name, mutation) => {
    expect(await findSeed(mutation), `no seed up to ${MOST_SEEDS} is red`).not.toBeNull();
  });

  it('and each of them is remembered', () => {
    expect(Object.keys(CAUGHT_BY).toSorted()).toEqual(mutations.map(({ name }) => name).toSorted());
  });
});
