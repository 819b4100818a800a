import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, isMissing } from '../../shared/fs-errno.ts';
import { createFile, makePrivateDir, readIfThere } from './files.ts';
import type { HostLayout } from './layout.ts';
import type { StoredRequest } from './stored-request.ts';

export interface NewSubmission {
  readonly request: StoredRequest;
  readonly script: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Makes the directories of a host and the token of its ids; harmless when they exist. Returns the token. */
export function prepareHost(layout: HostLayout, newToken: () => string): string {
  for (const dir of [layout.dir, layout.staging, layout.jobs, layout.control, layout.lock]) makePrivateDir(dir);
  const existing = readIfThere(layout.instance);
  if (existing !== null) return existing;
  createFile(layout.instance, newToken(), newToken());
  return readIfThere(layout.instance) as string;
}

/**
 * Stores a submission and returns its number. It is written aside and renamed to the first free number: a rename onto a directory
 * with files in it fails, so that of several processes that want the same number one gets it and the others go on to the next.
 */
export function storeSubmission(layout: HostLayout, submission: NewSubmission, unique: string): number {
  const staged = join(layout.staging, unique);
  mkdirSync(staged, { mode: 0o700 });
  try {
    const write = (name: string, text: string): void =>
      writeFileSync(join(staged, name), text, { mode: 0o600, flush: true });
    write('environment.json', JSON.stringify(submission.environment));
    write('script.sh', submission.script);
    write('request.json', JSON.stringify(submission.request));
    let number = Math.max(0, ...listNumbers(layout.jobs)) + 1;
    while (!renamedTo(staged, join(layout.jobs, String(number)))) number += 1;
    return number;
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

function renamedTo(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

const STAGED_AT_MOST_MS = 3_600_000;

/** Removes what processes that died while submitting left behind; an environment must not lie about for ever. */
export function removeStaleStaging(layout: HostLayout, nowMs: number): void {
  for (const name of readdirSync(layout.staging)) {
    const path = join(layout.staging, name);
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
    if (nowMs - changedMs > STAGED_AT_MOST_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** Numbers that name files or directories in `dir`; empty when it does not exist. */
export function listNumbers(dir: string): number[] {
  try {
    return readdirSync(dir)
      .filter((name) => /^[1-9]\d{0,8}$/.test(name))
      .map(Number);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Left in the directory of the highest number by `prune`, so that the number is never given out again. */
export const TOMBSTONE = 'pruned';

/** Removes an ended submission. */
export function removeSubmission(layout: HostLayout, number: number): void {
  const dir = join(layout.jobs, String(number));
  const highest = Math.max(0, ...listNumbers(layout.jobs));
  if (number < highest) {
    rmSync(dir, { recursive: true, force: true });
    return;
  }
  writeFileSync(join(dir, TOMBSTONE), '', { mode: 0o600 });
  for (const name of readdirSync(dir)) {
    if (name !== TOMBSTONE) rmSync(join(dir, basename(name)), { recursive: true, force: true });
  }
}
