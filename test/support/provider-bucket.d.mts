import type { ProviderLimits } from './fake-provider.ts';

export interface Buckets {
  take(
    cost: Readonly<Record<string, number>>,
    nowMs: number,
  ): { readonly admitted: true } | { readonly admitted: false; readonly retryAfterMs: number };
}

export function createBuckets(limits: ProviderLimits): Buckets;
