import { finalKey, outputErrorsKey, outputManifestKey, outputResultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type FileDigest, type FinalPointer, type PublicationManifest } from '../domain/manifest.ts';
import { FIXED_COLUMNS, type ColumnType } from '../domain/output-columns.ts';
import { AppError } from '../errors/app-error.ts';
import type { MergeColumn } from '../ports/columnar.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { AggregatorDeps } from './deps.ts';
import type { FinalTask } from './final-tasks.ts';
import type { LoadedJob } from './load-job.ts';
import type { MergedOutput } from './merge-parts.ts';
import { sha256Of } from './read-stored.ts';

export interface Publishable {
  readonly job: LoadedJob;
  readonly inputDigest: string;
  readonly columns: readonly MergeColumn[];
  readonly tasks: readonly FinalTask[];
  readonly output: MergedOutput;
  /** Awaited right before the pointer moves; throws when the right to publish is gone. */
  readonly fenced: () => Promise<void>;
}

const FIXED_TYPES: Readonly<Record<(typeof FIXED_COLUMNS)[number], ColumnType>> = {
  item_id: 'string',
  item_index: 'bigint',
  status: 'string',
  attempts: 'int',
  duration_ms: 'double',
  error_class: 'string',
  error_message: 'string',
};

/**
 * Stores results, errors and manifest under a name that holds the digest of the input and of the content, then moves the pointer: two publishers
 * of the same bytes write the same objects, two of different bytes never touch each other's.
 */
export async function publish(
  { store }: Pick<AggregatorDeps, 'store'>,
  request: Publishable,
): Promise<PublicationManifest> {
  const { output, inputDigest } = request;
  const { job, generation } = request.job;
  const content = sha256Of(`${output.results.sha256} ${output.errors.sha256}`);
  const publication = `g${generation}-${inputDigest.slice(0, 12)}-${content.slice(0, 12)}`;
  const files = {
    results: await putFile(store, outputResultsKey(job, publication), output.results),
    errors: await putFile(store, outputErrorsKey(job, publication), output.errors),
  };
  const { rows, failed } = output.results;
  const manifest: PublicationManifest = {
    schema: MANIFEST_SCHEMAS.publication,
    job,
    publication,
    generation,
    inputDigest,
    files,
    rows,
    succeeded: rows - failed,
    failed,
    columns: [
      ...FIXED_COLUMNS.map((name) => ({ name, type: FIXED_TYPES[name] })),
      ...request.columns.map(({ name, type }) => ({ name, type })),
    ],
    tasks: countTasks(request.tasks),
  };
  const { sha256, bytes } = await store.put(outputManifestKey(job, publication), asText(manifest));
  const pointer: FinalPointer = {
    schema: MANIFEST_SCHEMAS.final,
    publication,
    manifest: { key: outputManifestKey(job, publication), sha256, bytes },
  };
  await request.fenced();
  await store.put(finalKey(job), asText(pointer));
  return manifest;
}

const asText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function putFile(store: ObjectStore, key: string, file: MergedOutput['results']): Promise<FileDigest> {
  const stored = await store.putFile(key, file.path);
  if (stored.sha256 !== file.sha256)
    throw new AppError('STORE_CORRUPT', {
      message: `${store.url(key)}: found sha-256 ${stored.sha256} after storing it, expected ${file.sha256}`,
      details: { key },
    });
  return { key, sha256: stored.sha256, bytes: stored.bytes };
}

function countTasks(tasks: readonly FinalTask[]): PublicationManifest['tasks'] {
  const count = (state: string): number => tasks.filter(({ item }) => item.state === state).length;
  return { done: count('DONE'), dead: count('DEAD'), cancelled: count('CANCELLED') };
}
