import { createSystemClock } from '../../src/backends/clock.ts';
import { probeServices, type ServiceFindings, type ServiceUrl } from '../../src/backends/probe/services.ts';
import { createSystemIds, createSystemRandom } from '../../src/backends/random.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import type { Clock } from '../../src/ports/clock.ts';

export interface ProbeOptions {
  /** This host's clock is so much ahead, milliseconds. */
  readonly aheadMs?: number;
}

/** Probes these addresses as `doctor` does. */
export function probe(urls: readonly ServiceUrl[], { aheadMs = 0 }: ProbeOptions = {}): Promise<ServiceFindings> {
  const real = createSystemClock();
  const clock: Clock = { ...real, nowMs: () => real.nowMs() + aheadMs };
  const ids = createSystemIds(clock);
  const context = { clock, random: createSystemRandom(), ids, meter: createRequestMeter() };
  return probeServices(urls, { context, env: process.env });
}

/** `name: verdict` of everything that was found. */
export const verdictsOf = ({ verdicts }: ServiceFindings): Record<string, string> =>
  Object.fromEntries(verdicts.map(({ name, verdict }) => [name, verdict]));

/** What was found under one name, as `verdict: found`; fails the test by being absent. */
export function lineOf({ verdicts }: ServiceFindings, name: string): string {
  const one = verdicts.find((verdict) => verdict.name === name);
  return one === undefined ? `no verdict named ${name}` : `${one.verdict}: ${one.found} → ${one.remedy ?? 'nothing'}`;
}
