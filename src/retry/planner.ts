/** Everything this room decides, as the coordinator is given it. */
import { isPlainRetry, stepBreaker } from './breaker.ts';
import { retriesAllowed } from './budget.ts';
import { decideRetry } from './decide-retry.ts';

export const retryPlanner = { decideRetry, isPlainRetry, stepBreaker, retriesAllowed };
