import { chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';

const NOBODY = 65_534;

/** Runs `fn` without the privileges of root, to which no file is closed; as whoever runs the tests when that is not root. */
export async function asOrdinaryUser<T>(fn: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return fn();
  process.seteuid?.(NOBODY);
  try {
    return await fn();
  } finally {
    process.seteuid?.(0);
  }
}

/** Opens a private temporary directory to the ordinary user of these tests. */
export function openToOthers(path: string): void {
  for (let dir = path; dir !== tmpdir() && dir !== dirname(dir); dir = dirname(dir)) chmodSync(dir, 0o755);
}
