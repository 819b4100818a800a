/** `results`: the published output as a document, through SQL, or as text. */
import { describeOutput, exportOutput, openOutput, queryOutput, type OpenedOutput } from '../aggregator/read-output.ts';
import type { AggregatorDeps } from '../aggregator/deps.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import type { JobId } from '../domain/ids.ts';
import type { PublicationManifest } from '../domain/manifest.ts';
import { isFinalJobState } from '../domain/states.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { App } from './api.ts';
import type { ResultsDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { openAggregator } from './open-aggregator.ts';

/** @throws OUTPUT_NOT_READY, MANIFEST_CORRUPT, RESULT_CORRUPT */
export async function resultsDocument(drivers: Drivers, job: JobId): Promise<ResultsDocument> {
  return documentOf(drivers, await published(drivers, job, () => describeOutput(drivers.store, job)));
}

export function documentOf(drivers: Drivers, manifest: PublicationManifest): ResultsDocument {
  const where = (key: string): string => drivers.store.localPath(key) ?? drivers.store.url(key);
  return {
    schema: 'slurmctl.results/1',
    jobId: manifest.job,
    path: where(manifest.files.results.key),
    errorsPath: where(manifest.files.errors.key),
    bytes: manifest.files.results.bytes,
    rows: manifest.rows,
    succeeded: manifest.succeeded,
    failed: manifest.failed,
    columns: manifest.columns,
  };
}

/** A job that has ended publishes nothing by itself any more. */
export async function published<T>(drivers: Drivers, job: JobId, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isAppError(error, 'OUTPUT_NOT_READY')) throw error;
    const { state } = await requireMeta(drivers.state, job);
    if (!isFinalJobState(state)) throw error;
    throw new AppError('OUTPUT_NOT_READY', {
      message: `job ${job} is ${state} and has published no output`,
      hint: `Publish what there is with: slurmctl aggregate ${job}`,
    });
  }
}

/** @throws QUERY_INVALID and what `resultsDocument` throws */
export async function queryResults(drivers: Drivers, job: JobId, sql: string): ReturnType<App['query']> {
  const opened = await openWithEngine(drivers, job);
  try {
    const result = await queryOutput(opened.deps, opened.output, sql);
    return {
      columns: result.columns,
      rows: result.rows,
      async close() {
        await result.close();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

export async function* exportResults(drivers: Drivers, job: JobId, format: 'csv' | 'jsonl'): AsyncGenerator<string> {
  const opened = await openWithEngine(drivers, job);
  try {
    yield* exportOutput(opened.deps, opened.output, format);
  } finally {
    await opened.close();
  }
}

async function openWithEngine(
  drivers: Drivers,
  job: JobId,
): Promise<{ readonly deps: AggregatorDeps; readonly output: OpenedOutput; close(): Promise<void> }> {
  const { deps, close } = await openAggregator(drivers);
  try {
    const output = await published(drivers, job, () => openOutput(deps, job));
    return {
      deps,
      output,
      async close() {
        await output.dispose();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
