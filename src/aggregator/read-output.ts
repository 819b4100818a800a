import { join } from 'node:path';
import type { JobId } from '../domain/ids.ts';
import type { FileDigest, PublicationManifest } from '../domain/manifest.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { QueryResult } from '../ports/columnar.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ScratchDir } from '../ports/scratch.ts';
import type { AggregatorDeps } from './deps.ts';
import { exportRows, type ExportFormat } from './export-rows.ts';
import { readPublication } from './publication.ts';

/** A published output whose files lie on this host. */
export interface OpenedOutput {
  readonly manifest: PublicationManifest;
  readonly resultsPath: string;
  readonly errorsPath: string;
  /** Removes what was fetched; the stored output stays. */
  dispose(): Promise<void>;
}

/**
 * What a job has published, without reading more than its manifest; lengths are checked.
 * @throws OUTPUT_NOT_READY, MANIFEST_CORRUPT, RESULT_CORRUPT
 */
export async function describeOutput(store: ObjectStore, job: JobId): Promise<PublicationManifest> {
  const manifest = await readPublication(store, job);
  if (manifest === null)
    throw new AppError('OUTPUT_NOT_READY', {
      message: `job ${job} has no output yet`,
      hint: `Wait for it with: slurmctl status ${job} --watch`,
    });
  const { results, errors } = manifest.files;
  for (const file of [results, errors]) await expectLength(store, job, file);
  return manifest;
}

/** Copies the current results to a local file: whole and hashed, or not at all. @throws as describeOutput, SCRATCH_FULL */
export async function copyOutput(
  store: ObjectStore,
  job: JobId,
  { path, signal }: { readonly path: string; readonly signal?: AbortSignal },
): Promise<PublicationManifest> {
  const manifest = await describeOutput(store, job);
  const file = manifest.files.results;
  await fetchFile(store, job, { file, path, ...(signal === undefined ? {} : { signal }) });
  return manifest;
}

/**
 * The current output of a job: in place where the store has local files (lengths checked, not hashes: they may be many gigabytes), else
 * fetched to scratch and hashed. @throws OUTPUT_NOT_READY, MANIFEST_CORRUPT, RESULT_CORRUPT
 */
export async function openOutput(
  { store, scratch }: Pick<AggregatorDeps, 'store' | 'scratch'>,
  job: JobId,
): Promise<OpenedOutput> {
  const manifest = await describeOutput(store, job);
  const { results, errors } = manifest.files;
  const [resultsPath, errorsPath] = [store.localPath(results.key), store.localPath(errors.key)];
  if (resultsPath !== null && errorsPath !== null)
    return { manifest, resultsPath, errorsPath, dispose: async () => {} };
  const fetched = await scratch.open('output');
  const fetch = async (file: FileDigest, name: string): Promise<string> => {
    const path = join(fetched.path, name);
    await fetchFile(store, job, { file, path });
    return path;
  };
  try {
    return {
      manifest,
      resultsPath: await fetch(results, 'results.parquet'),
      errorsPath: await fetch(errors, 'errors.parquet'),
      dispose: () => fetched.dispose(),
    };
  } catch (error) {
    await fetched.dispose();
    throw error;
  }
}

/** Runs SQL over the views `results` and `errors`. @throws QUERY_INVALID, also from the rows */
export async function queryOutput(
  { columnar, scratch }: Pick<AggregatorDeps, 'columnar' | 'scratch'>,
  output: OpenedOutput,
  sql: string,
): Promise<QueryResult> {
  const spill = await scratch.open('query');
  try {
    const result = await columnar.query({
      sql,
      views: { results: output.resultsPath, errors: output.errorsPath },
      scratch: spill.path,
    });
    return {
      ...result,
      rows: disposing(result.rows, spill),
      close: async () => Promise.all([result.close(), spill.dispose()]).then(() => {}),
    };
  } catch (error) {
    await spill.dispose();
    throw error;
  }
}

/** The whole output in item order as text, in pieces. */
export async function* exportOutput(
  deps: Pick<AggregatorDeps, 'columnar' | 'scratch'>,
  output: OpenedOutput,
  format: ExportFormat,
): AsyncGenerator<string> {
  const result = await queryOutput(deps, output, 'SELECT * FROM results ORDER BY item_index');
  try {
    const jsonColumns = output.manifest.columns.filter(({ type }) => type === 'json').map(({ name }) => name);
    yield* exportRows(result, { format, jsonColumns });
  } finally {
    await result.close();
  }
}

async function* disposing(
  rows: QueryResult['rows'],
  spill: ScratchDir,
): AsyncGenerator<readonly (readonly unknown[])[]> {
  try {
    yield* rows;
  } finally {
    await spill.dispose();
  }
}

async function fetchFile(
  store: ObjectStore,
  job: JobId,
  { file, path, signal }: { readonly file: FileDigest; readonly path: string; readonly signal?: AbortSignal },
): Promise<void> {
  const options = { sha256: file.sha256, ...(signal === undefined ? {} : { signal }) };
  await store.getFile(file.key, path, options).catch((error: unknown) => {
    throw isAppError(error, 'STORE_CORRUPT') ? damaged(store, job, file, error.message) : error;
  });
}

async function expectLength(store: ObjectStore, job: JobId, file: FileDigest): Promise<void> {
  const info = await store.head(file.key);
  if (info === null) throw damaged(store, job, file, 'it is missing');
  if (info.bytes !== file.bytes) throw damaged(store, job, file, `found ${info.bytes} bytes, expected ${file.bytes}`);
}

const damaged = (store: ObjectStore, job: JobId, file: FileDigest, what: string): AppError =>
  new AppError('RESULT_CORRUPT', {
    message: `output of ${job}: ${store.url(file.key)}: ${what}`,
    hint: `Make it anew with: slurmctl aggregate ${job}`,
    details: { key: file.key },
  });
