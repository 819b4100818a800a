import { describeLimit } from '../domain/limit-rate.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { readLimit } from '../limiter/site-limits.ts';
import type { LimitUse, Panel } from '../observe/dashboard/document.ts';
import type { Drivers } from './job-backends.ts';
import { soldAheadMs, windowsOf } from './limit-commands.ts';

/** The limits that a job names, as its site has them at this moment. `waiting`: its tasks that wait, by limit. */
export async function limitPanel(
  { state, clock }: Pick<Drivers, 'state' | 'clock'>,
  spec: Pick<JobSpec, 'limits'> | null,
  waiting: ReadonlyMap<string, number>,
): Promise<Panel<{ readonly limits: readonly LimitUse[] }>> {
  const names = (spec?.limits ?? []).map(({ name }) => name);
  if (names.length === 0) return { missing: 'The job uses no rate limit.' };
  const limits: LimitUse[] = [];
  for (const name of names) {
    const item = await readLimit(state, name);
    if (item === null) continue;
    limits.push({
      name,
      words: describeLimit(item.definition),
      share: item.m / 1_000_000,
      refusals: item.refusals,
      soldAheadMs: soldAheadMs(item, clock.nowMs()),
      sold: Object.entries(item.sold).map(([unit, units]) => ({ unit, units })),
      windows: windowsOf(item, clock.nowMs()),
      waitingTasks: waiting.get(name) ?? 0,
    });
  }
  return limits.length > 0
    ? { limits }
    : { missing: `Its site does not know the limits it names (${names.join(', ')}) any more.` };
}
