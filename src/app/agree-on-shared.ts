import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { describeLimit } from '../domain/limit-rate.ts';
import type { SubmitDocument } from './documents.ts';
import { sharedWords } from './job-turn.ts';

/**
 * Before anything of a job is stored: what it says of limits, pools and its group is the site's, or becomes the site's.
 * @throws LIMIT_CONFLICT, LIMIT_UNKNOWN, POOL_CONFLICT, POOL_UNKNOWN with everything that does not fit
 */
export async function agreeOnShared(
  { state, clock, host }: Pick<CoordinatorDeps, 'state' | 'clock' | 'host'>,
  spec: Pick<JobSpec, 'name' | 'limits' | 'pools' | 'concurrency'>,
): Promise<Pick<SubmitDocument, 'limits' | 'pools' | 'concurrency'>> {
  const { name, limits, pools, concurrency } = spec;
  if (limits === undefined && pools === undefined && concurrency === undefined) return {};
  const shared = await import('../limiter/agree.ts');
  const said = { source: `job ${name} by ${host.user}@${host.hostname}`, nowMs: clock.nowMs() };
  const words = await sharedWords(state, spec);
  const { limits: ofLimits, pools: agreed } = await shared.agreeOnShared(state, words, said);
  const ofPools = agreed.slice(0, pools?.length ?? 0);
  const ofGroup = agreed[ofPools.length];
  return {
    ...(ofLimits.length === 0
      ? {}
      : { limits: ofLimits.map(({ definition, ...limit }) => ({ ...limit, figures: describeLimit(definition) })) }),
    ...(ofPools.length === 0
      ? {}
      : { pools: ofPools.map(({ definition, ...pool }) => ({ ...pool, slots: definition.slots })) }),
    ...(concurrency === undefined || ofGroup === undefined
      ? {}
      : {
          concurrency: {
            group: concurrency.group,
            max: ofGroup.definition.slots,
            isNew: ofGroup.isNew,
            source: ofGroup.source,
          },
        }),
  };
}
