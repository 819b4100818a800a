import { describe, expect, it } from 'vitest';
import { memoryLimit } from '../../../src/app/open-aggregator.ts';
import { finaliserResources, LEAST_TIME_MS } from '../../../src/coordinator/finaliser-resources.ts';

const MIB = 1024 ** 2;
const small = { cpus: 8, memoryBytes: 64 * MIB, timeMs: 60_000 };

describe('finaliserResources', () => {
  it('asks for enough time and memory, whatever the elements need', () => {
    expect(finaliserResources(small, null)).toEqual({ cpus: 1, memoryBytes: 512 * MIB, timeMs: LEAST_TIME_MS });
  });

  it('stays within the partition, but never below the job', () => {
    expect(finaliserResources(small, 600_000).timeMs).toBe(600_000);
    expect(finaliserResources({ ...small, timeMs: 700_000 }, 600_000).timeMs).toBe(700_000);
  });

  it('leaves larger figures alone', () => {
    const large = { cpus: 1, memoryBytes: 4_096 * MIB, timeMs: 10 * LEAST_TIME_MS };
    expect(finaliserResources(large, null)).toEqual(large);
  });
});

describe('memoryLimit', () => {
  it.each([
    ['outside of Slurm', {}, undefined],
    ['in a small job', { SLURM_MEM_PER_NODE: '512' }, 256 * MIB],
    ['in a tiny job', { SLURM_MEM_PER_NODE: '100' }, 128 * MIB],
    ['in a large job', { SLURM_MEM_PER_NODE: '64000' }, 1_024 * MIB],
    ['where all of the memory of a node was asked for', { SLURM_MEM_PER_NODE: '0' }, undefined],
  ])('%s', (_name, env, bytes) => {
    expect(memoryLimit(env).memoryLimitBytes).toBe(bytes);
  });
});
