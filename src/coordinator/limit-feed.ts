/** How many elements of a job its rate limits can keep busy: more of them would only hold slots of the cluster while they wait for a turn. */
import type { JobSpec } from '../domain/job-spec.ts';
import { mostWorkers } from '../domain/limit-feed.ts';
import { limitKey, type LimitItem } from '../domain/limit.ts';
import { formatDuration } from '../domain/units.ts';
import type { StateTable } from '../ports/state-table.ts';

export interface FedElements {
  readonly elements: number;
  /** In plain words. */
  readonly reason: string;
}

/**
 * The most that any limit of the job can feed; null when nothing is known. Only limits that every item passes count, and with the longest that an item
 * may take: a figure that is too high wastes some slots, one that is too low would waste the rate.
 */
export async function fedElements(
  state: Pick<StateTable, 'get'>,
  { limits, handler }: Pick<JobSpec, 'limits' | 'handler'>,
): Promise<FedElements | null> {
  let least: FedElements | null = null;
  for (const { name, cost, per, definition } of limits ?? []) {
    if (per !== 'item') continue;
    const site = (await state.get(limitKey(name))) as LimitItem | null;
    // A share that fell by refusals grows back within minutes: a job is planned for longer.
    const known = site?.definition ?? definition;
    const calls = { cost, latencyMs: handler.timeoutMs, inFlight: handler.concurrency };
    const feed = known === undefined ? null : mostWorkers(known, calls);
    if (feed === null || (least !== null && least.elements <= feed.workers)) continue;
    least = {
      elements: feed.workers,
      reason: `limit ${name} feeds this many, even with items of ${formatDuration(handler.timeoutMs)} (handler.timeout)`,
    };
  }
  return least;
}
