import { readPublication } from '../aggregator/publication.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobManifest } from '../domain/manifest.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Dashboard } from '../observe/dashboard/document.ts';
import type { Drivers } from './job-backends.ts';
import { packageVersion } from './package-files.ts';

/** What exactly was run, and what exactly came out: enough to tell two jobs apart, or to find that they are the same. */
export async function dashboardVersions(
  { store }: Pick<Drivers, 'store'>,
  job: JobId,
  { meta, manifest }: { readonly meta: JobMeta; readonly manifest: JobManifest | null },
): Promise<Dashboard['versions']> {
  const published = await readPublication(store, job).catch((error: unknown) => {
    if (isAppError(error, 'MANIFEST_CORRUPT')) return null;
    throw error;
  });
  const rows: (readonly [string, string | null | undefined])[] = [
    ['submitted with slurmctl', manifest?.version],
    ['page made with slurmctl', `${packageVersion()} on Node ${process.versions.node}`],
    ['job file and places, sha-256', meta.specHash],
    ['handler, sha-256', manifest?.handlerSha256],
    ['input, sha-256', manifest?.inputDigest],
    ['publication', published?.publication],
    ['output, sha-256', published?.files.results.sha256],
  ];
  return rows.flatMap(([label, value]) => (typeof value === 'string' ? [[label, value] as const] : []));
}
