import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new private directory and the function that removes it. */
export function makeTempDir(purpose = 'test'): { readonly path: string; readonly remove: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `slurmctl-${purpose}-`)));
  return { path, remove: () => removeTree(path) };
}

/** A process that is just ending may still write there. Node's own retries remove only the directory again, not what came into it meanwhile. */
function removeTree(path: string): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || attempt === 5) throw error;
    }
  }
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
