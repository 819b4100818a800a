import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Files by path from the root of the repository, with `/`. A rule takes such a map, so that a test can plant one. */
export type Files = ReadonlyMap<string, string>;

/** Made by tools; not part of the repository. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'coverage', '.slurmctl']);

/** Text files under these entries of the root whose name ends in one of `endings`. */
export function readFiles(entries: readonly string[], endings: readonly string[] = ['']): Files {
  const found = new Map<string, string>();
  const visit = (path: string, isDirectory: boolean): void => {
    if (isDirectory) {
      for (const entry of readdirSync(join(ROOT, path), { withFileTypes: true }))
        if (!NOT_OURS.has(entry.name)) visit(path === '' ? entry.name : `${path}/${entry.name}`, entry.isDirectory());
      return;
    }
    if (!endings.some((ending) => path.endsWith(ending))) return;
    const bytes = readFileSync(join(ROOT, path));
    if (!bytes.includes(0)) found.set(path, bytes.toString('utf8'));
  };
  const top = new Map(readdirSync(ROOT, { withFileTypes: true }).map((entry) => [entry.name, entry.isDirectory()]));
  for (const entry of entries) {
    const isDirectory = entry === '' ? true : top.get(entry);
    if (isDirectory !== undefined) visit(entry, isDirectory);
  }
  return found;
}

export const sourceFiles = (): Files => readFiles(['src'], ['.ts']);
export const everyFile = (): Files => readFiles(['']);
