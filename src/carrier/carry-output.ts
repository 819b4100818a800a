import type { JobId } from '../domain/ids.ts';
import { finalKey, outputErrorsKey, outputManifestKey, outputResultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type FinalPointer, type PublicationManifest } from '../domain/manifest.ts';
import { AppError } from '../errors/app-error.ts';
import { copyFile, parseManifest, putText, readSource, requireKey, sha256Of } from './copy-object.ts';
import type { CarrierDeps } from './needs.ts';

export interface CarriedOutput {
  /** sha-256 (hex) of final.json; absent when there is none. */
  readonly final?: string;
  readonly publications: readonly string[];
}

/** Safe in a key, whatever a hand-edited pointer says. */
const PUBLICATION = /^[A-Za-z0-9-]{1,64}$/;

/**
 * Carries the publication that META names and the one that final.json points at, then final.json itself. Only the pointer is ever replaced, so
 * it is the one object for which the lease matters: nobody may put an older one over it.
 * @throws STORE_CORRUPT, STORE_NOT_FOUND, MANIFEST_CORRUPT
 */
export async function carryOutput(
  deps: CarrierDeps,
  job: JobId,
  { named, known }: { readonly named: string | undefined; readonly known: readonly string[] },
): Promise<CarriedOutput> {
  const publications = new Set(known);
  if (named !== undefined && !publications.has(named)) {
    await carryPublication(deps, job, named);
    publications.add(named);
  }
  const bytes = await deps.from.store.get(finalKey(job));
  if (bytes === null) return { publications: [...publications] };
  const final = sha256Of(bytes);
  const copied = await deps.to.store.get(finalKey(job));
  if (copied === null || sha256Of(copied) !== final) {
    const pointer = parseManifest<FinalPointer>(bytes, finalKey(job), MANIFEST_SCHEMAS.final);
    if (!publications.has(pointer.publication))
      await carryPublication(deps, job, pointer.publication, pointer.manifest.sha256);
    publications.add(pointer.publication);
    deps.assertHeld();
    await putText(deps, finalKey(job), bytes);
  }
  return { final, publications: [...publications] };
}

async function carryPublication(deps: CarrierDeps, job: JobId, publication: string, sha256?: string): Promise<void> {
  if (typeof publication !== 'string' || !PUBLICATION.test(publication))
    throw new AppError('MANIFEST_CORRUPT', {
      message: `${finalKey(job)} names the publication ${JSON.stringify(publication)}`,
    });
  const key = outputManifestKey(job, publication);
  const bytes = await readSource(deps, key, sha256);
  const { files } = parseManifest<PublicationManifest>(bytes, key, MANIFEST_SCHEMAS.publication);
  requireKey(key, files.results.key, outputResultsKey(job, publication));
  requireKey(key, files.errors.key, outputErrorsKey(job, publication));
  await copyFile(deps, files.results);
  await copyFile(deps, files.errors);
  await putText(deps, key, bytes);
}
