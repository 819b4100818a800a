import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new private directory and the function that removes it. */
export function makeTempDir(purpose = 'test'): { readonly path: string; readonly remove: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `slurmctl-${purpose}-`)));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Runs `fn` with a new directory and removes it afterwards, whatever happened. */
export async function withTempDir<T>(fn: (path: string) => Promise<T> | T): Promise<T> {
  const dir = makeTempDir();
  try {
    return await fn(dir.path);
  } finally {
    dir.remove();
  }
}
