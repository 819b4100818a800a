import { optional } from './key-table.ts';
import { resourceName } from './limit-values.ts';
import { jobLimits } from './limits-type.ts';
import { wholeNumber } from './plain-types.ts';
import { jobPools } from './pools-type.ts';

/** Keys about what jobs share with others. */
export const limitKeys = {
  limits: optional(jobLimits(), 'none', {
    meaning:
      "Rate limits of the site that the job uses, each once. With `rate` (or the rate of another unit) it is the site's figure, or becomes it; without, the site's figure counts.",
    example: '[{name: openai, rate: 3000/min, tokens: 250k/min, cost: {tokens: "{payload.tokens}"}}]',
  }),
  pools: optional(jobPools(), 'none', {
    meaning: 'Pools of the site that the job uses, each once: at most `slots` holders at a time, over all jobs.',
    example: '[{name: db, slots: 20}]',
  }),
  'concurrency.group': optional(resourceName('group'), 'the job runs whatever others do', {
    meaning: 'Jobs of one group run at most `concurrency.max` at a time; the others wait, first come, first served.',
    example: 'nightly',
  }),
  'concurrency.max': optional(wholeNumber({ min: 1, max: 1_000 }), "the site's, or `1`", {
    meaning: "Most jobs of the group that run at the same time. It is the site's figure, or becomes it.",
    example: '1',
  }),
} as const;
