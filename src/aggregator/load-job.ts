import { canonicalJson } from '../domain/canonical-json.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { jobManifestKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type JobManifest } from '../domain/manifest.ts';
import { metaKey } from '../domain/state-keys.ts';
import { AppError } from '../errors/app-error.ts';
import type { AggregatorDeps } from './deps.ts';
import { expectSame, readStored, sha256Of } from './read-stored.ts';

export interface LoadedJob {
  readonly job: JobId;
  readonly generation: number;
  readonly manifest: JobManifest;
}

/** The job's manifest, checked against what the state table remembers. @throws JOB_NOT_FOUND, JOB_BAD_STATE, MANIFEST_CORRUPT */
export async function loadJob(
  { store, state }: Pick<AggregatorDeps, 'store' | 'state'>,
  job: JobId,
): Promise<LoadedJob> {
  const meta = (await state.get(metaKey(job))) as JobMeta | null;
  if (meta === null) throw new AppError('JOB_NOT_FOUND', { message: `there is no job ${job}` });
  if (meta.stage !== 'ready')
    throw new AppError('JOB_BAD_STATE', {
      message:
        meta.stage === 'redoing'
          ? `tasks of job ${job} are being opened again by a retry, so its output cannot be made`
          : `job ${job} is still being submitted (${meta.stage}), so there is nothing to aggregate`,
      ...(meta.stage === 'redoing' ? { hint: `Go on with: slurmctl advance ${job}` } : {}),
    });
  const key = jobManifestKey(job);
  const where = { code: 'MANIFEST_CORRUPT', owner: `job ${job}` } as const;
  const manifest = await readStored<JobManifest>(store, key, { ...where, schema: MANIFEST_SCHEMAS.job });
  if (manifest === null)
    throw new AppError('MANIFEST_CORRUPT', {
      message: `${where.owner}: ${store.url(key)} is missing`,
      details: { key },
    });
  const check = (what: string, found: unknown, expected: unknown): void =>
    expectSame(store, key, where, { what, found, expected });
  check('job', manifest.job, job);
  check(
    'hash of spec and backends',
    sha256Of(canonicalJson({ spec: manifest.spec, backends: manifest.backends })),
    manifest.specHash,
  );
  check('specHash', manifest.specHash, meta.specHash);
  check('counts.tasks', manifest.counts?.tasks, meta.tasks);
  check('counts.items', manifest.counts.items, meta.items);
  check('shards', manifest.shards, meta.shards);
  return { job, generation: meta.generation, manifest };
}

/**
 * A merge takes long, and nobody who makes one by hand holds a lease: a retry may have opened the job meanwhile, or even published its own output.
 * @throws JOB_BAD_STATE
 */
export async function requireGeneration(
  { state }: Pick<AggregatorDeps, 'state'>,
  { job, generation }: LoadedJob,
): Promise<void> {
  const meta = (await state.get(metaKey(job))) as JobMeta | null;
  if (meta?.generation !== generation)
    throw new AppError('JOB_BAD_STATE', {
      message: `job ${job} was opened again while its output was made; what was made is of generation ${generation} and not published`,
      hint: `Follow it with: slurmctl status ${job}`,
    });
}
