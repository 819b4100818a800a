/** What `health` returns. */
import type { HealthFinding } from '../domain/health.ts';

export interface HealthDocument {
  readonly schema: 'slurmctl.health/1';
  /** The worst of the findings. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly at: string;
  /** Jobs that were looked at: the live ones, and those that ended lately. */
  readonly jobs: number;
  /** Those that fail first. */
  readonly findings: readonly HealthFinding[];
  /** What could not be judged, as sentences. */
  readonly notes: readonly string[];
}
