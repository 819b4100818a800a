import type { ResourceSpec } from '../domain/job-spec.ts';

/** A pass over many tasks, a wait for another one, and a merge take this long, however short the elements of the job are. */
export const LEAST_TIME_MS = 15 * 60_000;
const LEAST_MEMORY_BYTES = 512 * 1024 ** 2;

/**
 * What the small job that advances and merges asks for; pure. The job's own figures are made for its handler and may be too small.
 * @param maxTimeMs longest time limit of the partition; null when unlimited or unknown
 */
export const finaliserResources = (spec: ResourceSpec, maxTimeMs: number | null): ResourceSpec => ({
  ...spec,
  cpus: 1,
  memoryBytes: Math.max(spec.memoryBytes, LEAST_MEMORY_BYTES),
  timeMs: Math.max(spec.timeMs, Math.min(LEAST_TIME_MS, maxTimeMs ?? LEAST_TIME_MS)),
});
