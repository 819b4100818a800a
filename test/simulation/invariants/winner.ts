/** What a commit promises: the named attempt is complete, and its bytes are the ones that were hashed. */
import { createFingerprints } from '../../../src/domain/failure-fingerprints.ts';
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import { doneKey, taskManifestKey } from '../../../src/domain/keys.ts';
import type { DoneManifest, TaskManifest } from '../../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import type { TaskItem, Win } from '../../../src/domain/task-item.ts';
import { decodeRows } from '../ports/disk.ts';
import { sha256, type SimObjectStore } from '../ports/object-store.ts';

/** What is wrong with a winner, or null. */
export function findWinnerFlaw(store: SimObjectStore, job: string, task: string, item: TaskItem): string | null {
  const win = item.win as Win;
  const done = store.peek(doneKey(job as JobId, task as TaskId, win.attempt));
  if (done === null) return 'its done.json does not exist';
  if (sha256(done) !== win.sha256) return 'its done.json has another sha-256 than the commit says';
  const manifest = JSON.parse(Buffer.from(done).toString()) as DoneManifest;
  if (manifest.attempt !== win.attempt) return `its done.json is of attempt ${manifest.attempt}`;
  if (manifest.generation !== item.generation)
    return `it is of generation ${manifest.generation}, the task of ${item.generation}`;
  const counts = [manifest.rows, manifest.succeeded, manifest.failed].join();
  if (counts !== [win.rows, win.succeeded, win.failed].join()) return 'its counts differ from the commit';
  const taskManifest = store.peek(taskManifestKey(job as JobId, task as TaskId));
  if (taskManifest === null) return 'its task manifest does not exist';
  const { firstItem, items } = JSON.parse(Buffer.from(taskManifest).toString()) as TaskManifest;
  for (const file of [manifest.files.results, manifest.files.part]) {
    const bytes = store.peek(file.key);
    if (bytes === null) return `${file.key} does not exist`;
    if (sha256(bytes) !== file.sha256) return `${file.key} has other bytes than done.json says`;
    const indices = (decodeRows(bytes) ?? []).map(({ itemIndex }) => itemIndex);
    const expected = Array.from({ length: items }, (_, at) => firstItem + at);
    if (indices.join() !== expected.join())
      return `${file.key} has the items ${indices.join()}, expected ${expected.join()}`;
  }
  return findSumFlaw(win, decodeRows(store.peek(manifest.files.part.key) ?? new Uint8Array()) ?? []);
}

/** Do the groups of the commit say of its failed items what there is? */
function findSumFlaw({ failures = [] }: Win, rows: readonly ItemOutcome[]): string | null {
  const fingerprint = createFingerprints();
  const truth = new Map<string, number>();
  for (const { status, cause, errorClass, errorMessage } of rows) {
    if (status !== 'failed') continue;
    const failure = { cause: cause ?? 'unknown', errorClass: errorClass ?? '', errorMessage: errorMessage ?? '' };
    const key = fingerprint({ isLost: false, item: {} }, failure);
    truth.set(key, (truth.get(key) ?? 0) + 1);
  }
  const expected = [...truth.values()].toSorted((a, b) => b - a).slice(0, 3);
  const isTrue = failures.every((group) => truth.get(group.fingerprint) === group.items);
  if (isTrue && failures.map(({ items }) => items).join() === expected.join()) return null;
  return `its failures are ${JSON.stringify([...truth])}, the commit says ${JSON.stringify(failures)}`;
}
