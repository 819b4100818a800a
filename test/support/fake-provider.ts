import { fileURLToPath } from 'node:url';

import { startListening } from './aws-servers.ts';

export interface ProviderRate {
  readonly amount: number;
  readonly perMs: number;
}

/** By unit; `requests` is counted for every call. `burst`: what may come at once. */
export type ProviderLimits = Readonly<Record<string, ProviderRate & { readonly burst: number }>>;

/** One call as the provider saw it, by its own clock. */
export interface Arrival {
  readonly atMs: number;
  readonly caller: string;
  readonly cost: Readonly<Record<string, number>>;
  readonly admitted: boolean;
  /** What the caller said of when it was its turn. */
  readonly turnMs?: number;
}

export interface FakeProviderOptions {
  readonly limits: ProviderLimits;
  /** Until an admitted call is answered; default 0. */
  readonly latencyMs?: number;
}

export interface FakeProvider {
  /** `POST url {caller, cost}`: 200, or 429 with `Retry-After` (seconds) and `Retry-After-Ms`. */
  readonly url: string;
  /** Everything that arrived so far. */
  ledger(): Promise<{ readonly nowMs: number; readonly arrivals: readonly Arrival[] }>;
  /** Other limits, with full buckets and an empty ledger. */
  begin(options: FakeProviderOptions): Promise<void>;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('fake-provider-main.mjs', import.meta.url));

/** A web service that refuses what is beyond its limits, strictly, in a process of its own on loopback. */
export async function startFakeProvider({ limits, latencyMs = 0 }: FakeProviderOptions): Promise<FakeProvider> {
  const argv = [MAIN, JSON.stringify({ limits, latencyMs })];
  const { port, stop } = await startListening('fake provider', process.execPath, argv);
  const at = (path: string): string => `http://127.0.0.1:${port}/${path}`;
  return {
    url: at('call'),
    ledger: async () => (await (await fetch(at('ledger'))).json()) as Awaited<ReturnType<FakeProvider['ledger']>>,
    async begin(options) {
      const body = JSON.stringify({ latencyMs: 0, ...options });
      await (await fetch(at('limits'), { method: 'POST', body })).text();
    },
    stop,
  };
}
