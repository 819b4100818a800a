/** The part of `doctor` that asks services: probes what the addresses in use name, and stores the verdicts. */
import type { DoctorDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';

type Check = DoctorDocument['checks'][number];

export interface CheckedServices {
  readonly checks: readonly Check[];
  /** Keeps the verdicts for other commands; a check when that failed. To be called when the home directory can be written. */
  remember(): Promise<readonly Check[]>;
}

const NOTHING: CheckedServices = { checks: [], remember: async () => [] };

/** Loads no SDK while everything lives in directories. */
export async function checkServices(drivers: Drivers): Promise<CheckedServices> {
  const { store, state, queue, home } = drivers.urls;
  const urls = (
    [
      ['store', store],
      ['state', state],
      ['queue', queue],
    ] as const
  ).map(([area, url]) => ({ area, url }));
  if (urls.every(({ url }) => url.startsWith('file:'))) return NOTHING;
  const { probeServices } = await import('../backends/probe/services.ts');
  const found = await probeServices(urls, { context: drivers, env: drivers.env });
  return {
    checks: found.verdicts,
    async remember() {
      const { storeVerdicts } = await import('./service-verdicts.ts');
      const problem = await storeVerdicts(drivers, home, found.services);
      if (problem === null) return [];
      const remedy = 'Free the place of this file; submit cannot remind of these verdicts until then';
      return [{ name: 'verdicts', verdict: 'warn', found: problem, remedy }];
    },
  };
}
