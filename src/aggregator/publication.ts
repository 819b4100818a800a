import type { JobId } from '../domain/ids.ts';
import { finalKey, outputErrorsKey, outputManifestKey, outputResultsKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type FinalPointer, type PublicationManifest } from '../domain/manifest.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { expectSame, lie, readStored } from './read-stored.ts';

/** Safe in a key, whatever a hand-edited pointer says. */
const PUBLICATION = /^[A-Za-z0-9-]{1,64}$/;

/** The current publication; null when there is none yet. @throws MANIFEST_CORRUPT */
export async function readPublication(store: ObjectStore, job: JobId): Promise<PublicationManifest | null> {
  const hint = `Make the output anew with: slurmctl aggregate ${job}`;
  const where = { code: 'MANIFEST_CORRUPT', owner: `job ${job}`, hint } as const;
  const pointer = await readStored<FinalPointer>(store, finalKey(job), { ...where, schema: MANIFEST_SCHEMAS.final });
  if (pointer === null) return null;
  const { publication } = pointer;
  if (typeof publication !== 'string' || !PUBLICATION.test(publication))
    throw lie(store, finalKey(job), where, `found publication ${JSON.stringify(publication)}`);
  const key = outputManifestKey(job, publication);
  expectSame(store, finalKey(job), where, { what: 'manifest.key', found: pointer.manifest?.key, expected: key });
  const manifest = await readStored<PublicationManifest>(store, key, {
    ...where,
    schema: MANIFEST_SCHEMAS.publication,
    sha256: pointer.manifest.sha256,
  });
  if (manifest === null) throw lie(store, key, where, 'it is missing');
  const check = (what: string, found: unknown, expected: unknown): void =>
    expectSame(store, key, where, { what, found, expected });
  check('job', manifest.job, job);
  check('publication', manifest.publication, publication);
  check('key of the results', manifest.files.results.key, outputResultsKey(job, publication));
  check('key of the errors', manifest.files.errors.key, outputErrorsKey(job, publication));
  return manifest;
}
