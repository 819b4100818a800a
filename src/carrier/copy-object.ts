import { createHash } from 'node:crypto';
import type { FileDigest } from '../domain/manifest.ts';
import { AppError } from '../errors/app-error.ts';
import type { StoredObject } from '../ports/object-store.ts';
import type { CarrierDeps } from './needs.ts';

/** Up to here a file is held in memory, verified before anything of it is sent. */
const ONE_PIECE_BYTES = 4 * 1024 ** 2;

/** Copies a file whose digest is known. @throws STORE_CORRUPT, STORE_NOT_FOUND */
export async function copyFile({ from, to, assertHeld }: CarrierDeps, file: FileDigest): Promise<void> {
  assertHeld();
  const { key, sha256, bytes } = file;
  if (bytes <= ONE_PIECE_BYTES) {
    const body = await from.store.get(key, { sha256 });
    if (body === null) throw missing(from.store.url(key));
    requireSame(to.store.url(key), sha256, await to.store.put(key, body));
    return;
  }
  // A local file can be sent again piece by piece; what is wrong with it shows in the digest, and nothing points at it yet.
  const path = from.store.localPath(key);
  const stored =
    path === null ? await to.store.put(key, from.store.stream(key, { sha256 })) : await to.store.putFile(key, path);
  requireSame(to.store.url(key), sha256, stored);
}

/** Stores bytes that were read, and verified, from the spool. */
export async function putText({ to }: CarrierDeps, key: string, bytes: Uint8Array): Promise<void> {
  requireSame(to.store.url(key), sha256Of(bytes), await to.store.put(key, bytes));
}

/** Copies a small file of unknown digest. @returns false when there is none */
export async function copyIfThere(deps: CarrierDeps, key: string): Promise<boolean> {
  const bytes = await deps.from.store.get(key);
  if (bytes !== null) await putText(deps, key, bytes);
  return bytes !== null;
}

/** @throws STORE_NOT_FOUND, STORE_CORRUPT */
export async function readSource({ from }: CarrierDeps, key: string, sha256?: string): Promise<Uint8Array> {
  const bytes = await from.store.get(key, sha256 === undefined ? {} : { sha256 });
  if (bytes === null) throw missing(from.store.url(key));
  return bytes;
}

/** @throws MANIFEST_CORRUPT */
export function parseManifest<T>(bytes: Uint8Array, where: string, schema: string): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw corrupt(`${where} is not JSON`);
  }
  const found = (parsed as { schema?: unknown } | null)?.schema;
  if (found !== schema) throw corrupt(`${where} has schema ${JSON.stringify(found)}, expected ${schema}`);
  return parsed as T;
}

/** A manifest is trusted to name its own files only. @throws MANIFEST_CORRUPT */
export function requireKey(where: string, found: unknown, expected: string): void {
  if (found !== expected) throw corrupt(`${where} names ${JSON.stringify(found)}, expected ${expected}`);
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const corrupt = (message: string): AppError => new AppError('MANIFEST_CORRUPT', { message });

const missing = (url: string): AppError => new AppError('STORE_NOT_FOUND', { message: `${url} is missing` });

function requireSame(url: string, sha256: string, stored: StoredObject): void {
  if (stored.sha256 !== sha256)
    throw new AppError('STORE_CORRUPT', {
      message: `${url}: found sha-256 ${stored.sha256} after carrying it, expected ${sha256}`,
    });
}
