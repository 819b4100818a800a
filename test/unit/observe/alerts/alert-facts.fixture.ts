import type { AlertFacts } from '../../../../src/observe/alerts/facts.ts';
import { asJobId } from '../../../../src/domain/ids.ts';

export const START_MS = 1_700_000_000_000;
export const MINUTE_MS = 60_000;

/** A job that runs well; `minutes` after its submission. */
export const factsAt = (minutes: number, over: Partial<AlertFacts> = {}): AlertFacts => ({
  nowMs: START_MS + minutes * MINUTE_MS,
  job: asJobId('embed-7k3f9q2m'),
  name: 'embed',
  state: 'RUNNING',
  generation: 0,
  reason: null,
  beganMs: START_MS,
  items: { total: 1_000, succeeded: 100, failed: 0, pending: 900 },
  runningTasks: 4,
  queuedTasks: 2,
  retryingTasks: 0,
  timedOutTasks: 0,
  givenUpTasks: 0,
  heldRetries: 0,
  left: null,
  quotas: [],
  worst: null,
  ...over,
});

export const itemsOf = (succeeded: number, failed: number): AlertFacts['items'] => ({
  total: 1_000,
  succeeded,
  failed,
  pending: 1_000 - succeeded - failed,
});
