/** What `doctor` found out about services, kept in the home directory for the commands that are about to use them. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceFindings } from '../backends/probe/services.ts';
import type { Verdict } from '../backends/probe/verdict.ts';
import { isSameBackend, shortBackendUrl } from '../domain/backend-url.ts';
import { messageOf, type Problem } from '../errors/app-error.ts';
import type { StateUrls, Surroundings } from './job-backends.ts';

const SCHEMA = 'slurmctl.services/1';

/** The last verdicts on one address. */
interface StoredService {
  readonly url: string;
  /** ISO-8601 UTC. */
  readonly checkedAt: string;
  /** Host that looked: another one may have another clock, route or credentials. */
  readonly host: string;
  readonly verdict: Verdict['verdict'];
  readonly checks: readonly Verdict[];
}

/** Addresses that are remembered; the most recently checked stay. */
const MOST_SERVICES = 20;

/** The file of verdicts, in the home directory. */
export const verdictsPath = (home: string): string => join(home, 'services.json');

/** Replaces the verdicts on these addresses and keeps those on others; what went wrong, or null. */
export async function storeVerdicts(
  { clock, host, ids }: Pick<Surroundings, 'clock' | 'host' | 'ids'>,
  home: string,
  found: ServiceFindings['services'],
): Promise<string | null> {
  const path = verdictsPath(home);
  const checkedAt = new Date(clock.nowMs()).toISOString();
  const fresh = found.map(({ url, verdicts }) => ({
    url,
    checkedAt,
    host: host.hostname,
    verdict: worstOf(verdicts),
    checks: verdicts,
  }));
  const others = (await readStored(home)).filter(({ url }) => !fresh.some((one) => isSameBackend(one.url, url)));
  const services = [...fresh, ...others].slice(0, MOST_SERVICES);
  const beside = `${path}.${ids.token(8)}`;
  try {
    await writeFile(beside, `${JSON.stringify({ schema: SCHEMA, services }, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(beside, path);
    return null;
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    return messageOf(error);
  }
}

/** One warning for each fault that doctor found when it last looked at these addresses. */
export async function warnOfFailures({ home, store, state, queue }: StateUrls): Promise<Problem[]> {
  const urls = [store, state, queue].filter((url) => !url.startsWith('file:'));
  if (urls.length === 0) return [];
  const faults = new Map<string, string[]>();
  for (const { url, checkedAt, host, checks } of await readStored(home)) {
    const failed = checks.find(({ verdict }) => verdict === 'fail');
    if (failed === undefined || !urls.some((one) => isSameBackend(one, url))) continue;
    const fault = `at ${checkedAt.slice(0, 16).replace('T', ' ')} UTC on ${host} (${failed.name}: ${failed.found})`;
    // A clock or credentials are at fault for several.
    faults.set(fault, [...(faults.get(fault) ?? []), shortBackendUrl(url)]);
  }
  return [...faults].map(([fault, places]) => ({
    message: `slurmctl doctor found a fault in ${places.join(', ')} ${fault}; look again with: slurmctl doctor`,
  }));
}

function worstOf(verdicts: readonly Verdict[]): Verdict['verdict'] {
  if (verdicts.some(({ verdict }) => verdict === 'fail')) return 'fail';
  return verdicts.some(({ verdict }) => verdict === 'warn') ? 'warn' : 'ok';
}

/** Nothing when there is no file, or none that can be understood: it is a memory, not the truth. */
async function readStored(home: string): Promise<StoredService[]> {
  try {
    const stored = JSON.parse(await readFile(verdictsPath(home), 'utf8')) as { schema?: unknown; services?: unknown };
    if (stored.schema !== SCHEMA || !Array.isArray(stored.services)) return [];
    return stored.services.filter(isStoredService);
  } catch {
    return [];
  }
}

function isStoredService(value: unknown): value is StoredService {
  const { url, checkedAt, host, checks } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return (
    [url, checkedAt, host].every((text) => typeof text === 'string') && Array.isArray(checks) && checks.every(isVerdict)
  );
}

function isVerdict(value: unknown): value is Verdict {
  const { name, verdict, found, remedy } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return (
    [name, verdict, found].every((text) => typeof text === 'string') && (remedy === null || typeof remedy === 'string')
  );
}
