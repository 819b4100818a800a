import type { Arrival, ProviderRate } from './fake-provider.ts';

interface UnitRate {
  readonly unit: string;
  readonly rate: ProviderRate;
}

export function overAdmission(arrivals: readonly Arrival[], of: UnitRate & { readonly windowMs: number }): number;
export function utilisation(
  arrivals: readonly Arrival[],
  of: UnitRate & { readonly spans: readonly { readonly fromMs: number; readonly toMs: number }[] },
): number;
export function jainIndex(shares: readonly number[]): number;
export function admittedShares(
  arrivals: readonly Arrival[],
  of: { readonly unit: string; readonly callers: readonly string[] },
): number[];
export function refusedShare(arrivals: readonly Arrival[]): number;
