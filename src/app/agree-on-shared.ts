import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { describeLimit } from '../domain/limit-rate.ts';
import type { SubmitDocument } from './documents.ts';

/**
 * Before anything of a job is stored: what it says of limits and pools is the site's, or becomes the site's. All of it is compared before any of it is
 * written. @throws LIMIT_CONFLICT, LIMIT_UNKNOWN, POOL_CONFLICT, POOL_UNKNOWN
 */
export async function agreeOnShared(
  { state, clock, host }: Pick<CoordinatorDeps, 'state' | 'clock' | 'host'>,
  { name, limits, pools }: Pick<JobSpec, 'name' | 'limits' | 'pools'>,
): Promise<Pick<SubmitDocument, 'limits' | 'pools'>> {
  if (limits === undefined && pools === undefined) return {};
  const { agreeOnLimits } = await import('../limiter/site-limits.ts');
  const { agreeOnPools, comparePools } = await import('../limiter/site-pools.ts');
  const said = { source: `job ${name} by ${host.user}@${host.hostname}`, nowMs: clock.nowMs() };
  await comparePools(state, pools ?? [], said);
  const ofLimits = await agreeOnLimits(state, limits ?? [], said);
  const ofPools = await agreeOnPools(state, pools ?? [], said);
  return {
    ...(ofLimits.length === 0
      ? {}
      : { limits: ofLimits.map(({ definition, ...limit }) => ({ ...limit, figures: describeLimit(definition) })) }),
    ...(ofPools.length === 0
      ? {}
      : { pools: ofPools.map(({ definition, ...pool }) => ({ ...pool, slots: definition.slots })) }),
  };
}
